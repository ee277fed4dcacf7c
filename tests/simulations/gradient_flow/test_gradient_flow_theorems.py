"""T8 to T11' along solved flows, and that dropping a hypothesis breaks the conclusion."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli.testing import diagonal_starts
from mli_theory import bias_gap_bounds, escape_schedule
from simulations.gradient_flow import integrate

# A flow a case: 0.1 to 1 s.
FEW = settings(max_examples=20)


def order_of_flow(flow):
    degree = flow.attrs["degree"]
    diagonal = np.einsum("tjj->tj", flow.weights.values)
    logits = flow.bias.values[:, :, None] + np.stack([np.diag(d) for d in diagonal**degree])
    label = np.einsum("tjj->tj", logits)
    rivals = np.stack(
        [np.logaddexp.reduce(np.delete(logits[:, :, j], j, axis=1), axis=1) for j in range(logits.shape[1])],
        axis=1,
    )
    return diagonal, flow.bias.values, label, np.logaddexp(0.0, rivals - label)


@FEW
@given(diagonal=diagonal_starts(), degree=st.integers(2, 10), log_loss=st.floats(-8, -2))
@example(diagonal=np.array([0.3, 0.2, 0.0]), degree=3, log_loss=-6.0)  # the last class has no weight
@example(diagonal=np.array([1.0, 0.5]), degree=10, log_loss=-10.0)
def test_T10_and_T10c_hold_at_every_record_of_a_diagonal_start(diagonal, degree, log_loss):
    flow = integrate(np.diag(diagonal), degree, 10**log_loss, record=60)
    weights, bias, label, loss = order_of_flow(flow)
    # At the first steps the differences of b are below rounding of the solver; order is then >= 0 only.
    slack = 1e-12
    assert (np.diff(weights, axis=1) < slack).all()
    assert (np.diff(bias[1:], axis=1) > -slack).all()
    assert (np.diff(bias[-1]) > 0).all()
    assert (np.diff(label[1:], axis=1) < slack).all()
    assert (np.diff(label[-1]) < 0).all()
    assert (np.diff(loss[1:], axis=1) > -slack).all()


def test_T10_needs_equal_classes():
    # The smaller class of the larger weight may take the larger bias.
    flow = integrate(np.diag([0.11, 0.1, 0.09]), 3, 1e-4, class_shares=[0.1, 0.45, 0.45])
    assert flow.bias.values[-1, 0] > flow.bias.values[-1, 1]


def test_T10_needs_small_biases_in_order():
    flow = integrate(np.diag([0.11, 0.1]), 3, 1e-4, [1.0, -1.0])
    assert flow.bias.values[-1, 0] > flow.bias.values[-1, 1]


@FEW
@given(
    seed=st.integers(0, 10**6), k=st.integers(2, 12), degree=st.integers(3, 10), log_loss=st.floats(-9, -2)
)
def test_T10b_and_T11p_bound_biases_gaps_and_margins(seed, k, degree, log_loss):
    weights = 0.2 * np.random.default_rng(seed).uniform(0.5, 1, (k, k))
    final_loss = min(10**log_loss, 0.5 / k)
    flow = integrate(weights, degree, final_loss, record=30)
    bounds = bias_gap_bounds(weights, degree, final_loss)
    bias = flow.bias.values
    assert (bias < bounds.bias).all()
    assert np.ptp(bias, axis=1).max() < bounds.gap
    z = bias[-1][:, None] + flow.weights.values[-1] ** degree
    margins = np.diag(z)[None, :] - z
    margins[np.arange(k), np.arange(k)] = np.inf
    assert margins.min() >= bounds.margin - 1e-9


def test_T11p_two_classes_have_the_gap_of_the_spent_potentials_exactly():
    flow = integrate(np.diag([0.1, 0.05]), 3, 1e-8)
    diagonal = np.einsum("tjj->tj", flow.weights.values)
    potential = diagonal ** (2 - 3) / 3
    spent = potential[0] - potential
    gap = flow.bias.values[:, 1] - flow.bias.values[:, 0]
    np.testing.assert_allclose(gap, 2 * (spent[:, 1] - spent[:, 0]), atol=1e-10)


@pytest.mark.parametrize(("final_loss", "plateau_end"), [(1e-4, 0.592), (1e-8, 0.506), (1e-12, None)])
def test_T11p_the_plateau_shrinks_at_fixed_scale_as_in_the_table(final_loss, plateau_end):
    flow = integrate(np.diag([0.1, 0.05]), 3, final_loss)
    bias, weights = flow.bias.values[-1], flow.weights.values[-1]
    beta = (bias[1] - bias[0]) / (weights[0, 0] ** 3)
    beta_full = (bias[1] - bias[0]) / (weights[0, 0] ** 3 - weights[1, 0] ** 3)
    assert beta == beta_full
    if plateau_end is not None:
        assert beta ** (1 / 2) == pytest.approx(plateau_end, abs=6e-4)
    assert beta <= bias_gap_bounds(np.diag([0.1, 0.05]), 3, final_loss).beta


@pytest.mark.parametrize(("scale", "tolerance"), [(1e-3, 0.01), (1e-2, 0.04)])
def test_T9_signal_times_follow_the_schedule(scale, tolerance):
    weights = scale * np.random.default_rng(2).uniform(0.5, 1, (4, 4))
    flow = integrate(weights, 3, 1e-2)
    expected = escape_schedule(np.diag(weights), 3)
    np.testing.assert_array_equal(np.isnan(flow.signal_time.values), np.isinf(expected))
    finite = np.isfinite(expected)
    np.testing.assert_allclose(flow.signal_time.values[finite], expected[finite], rtol=tolerance)


def test_T11_flags_the_seeds_whose_last_class_escapes():
    # theory.md names seeds 1 and 4 of 0 to 5.
    starts = np.stack([1e-3 * np.random.default_rng(s).uniform(0.5, 1, (4, 4)) for s in range(6)])
    flow = integrate(starts, 3, 1e-12, record=20)
    assert np.flatnonzero(flow.escaped.values).tolist() == [1, 4]
    assert (flow.escaped.values == ~flow.fitted_by_bias.values.any(axis=1)).all()
