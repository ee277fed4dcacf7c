"""The whole range: end-state errors on a fixed grid, and corners where general solvers fail silently."""

import numpy as np
import pytest

from mli_theory import power_model
from simulations.gradient_flow import integrate
from tests.simulations.gradient_flow.helpers.flow_starts import signs_without_a_cycle

# (k, degree, scale, final_loss): corners of k 2..100, r 2..10, scale 1e-4..0.3, loss to 1e-12. The whole grid
# is benchmarks/gradient_flow_accuracy.py.
GRID = [
    (2, 2, 0.3, 1e-12),
    (2, 3, 1e-4, 1e-12),
    (2, 10, 0.3, 1e-12),
    (3, 10, 1e-3, 1e-4),
    (4, 2, 1e-4, 1e-12),
    (4, 3, 0.3, 1e-12),
    (4, 4, 0.3, 1e-2),  # at four times the default rtol its error is 2.4e-6
    (4, 5, 2e-2, 1e-8),
    (4, 6, 1e-4, 1e-12),
    (4, 10, 1e-4, 1e-12),
    (10, 3, 1e-3, 1e-12),
    (10, 4, 1e-2, 1e-8),
    (10, 10, 1e-2, 1e-2),
    (12, 2, 1e-2, 1e-10),
    (30, 3, 1e-2, 1e-12),
    (100, 2, 0.3, 1e-12),
]
# Even degrees square the signs away. With any signs on the diagonal too, pairs of classes may share their
# samples' probability through a wait of 1e27.
STARTS = [(*case, "positive") for case in GRID] + [(*case, "mixed") for case in GRID if case[1] % 2]
STARTS += [(*case, "any") for case in ((4, 9, 1e-4, 1e-3), (6, 9, 1e-4, 1e-3), (12, 9, 1e-4, 1e-2))]


@pytest.mark.parametrize(("k", "degree", "scale", "final_loss", "signs"), STARTS)
def test_the_end_state_error_is_at_most_1e6th_of_a_nat(k, degree, scale, final_loss, signs):
    rng = np.random.default_rng(0)
    weights = scale * rng.uniform(0.5, 1, (k, k))
    if signs == "mixed":
        flips = rng.choice([-1.0, 1.0], (k, k))
        np.fill_diagonal(flips, 1.0)  # so that no cycle keeps the loss up
        weights *= flips
    if signs == "any":
        weights *= signs_without_a_cycle(rng, k, degree)
    flow = integrate(weights, degree, final_loss, record=30, max_end_error=1e-6)
    own = power_model.loss(flow.weights.values[-1], flow.bias.values[-1], degree)
    assert float(own) == pytest.approx(final_loss, rel=1e-9)
    assert flow.drift_bias_sum < 1e-10


@pytest.mark.parametrize(
    ("k", "degree", "final_loss", "rtol", "max_end_error"),
    [(10, 6, 1e-8, 1e-10, 1e-6), (4, 10, 1e-12, 1e-12, None), (4, 10, 1e-8, 1e-12, 1e-6)],
)
def test_tight_tolerances_are_given_the_steps_they_take(k, degree, final_loss, rtol, max_end_error):
    # Towards the corner a run of order 5 at rtol 1e-12 takes 12 times the steps of the default.
    weights = 1e-4 * np.random.default_rng(0).uniform(0.5, 1, (k, k))
    flow = integrate(weights, degree, final_loss, rtol=rtol, record=2, max_end_error=max_end_error)
    assert flow.loss.values[-1] == pytest.approx(final_loss, rel=1e-9)


@pytest.mark.parametrize(
    ("k", "degree", "scale", "final_loss"),
    [(2, 3, 1e-4, 1e-12), (4, 4, 0.3, 1e-2), pytest.param(4, 5, 2e-2, 1e-8, marks=pytest.mark.long)],
)
def test_so_it_is_by_the_numpy_driver(k, degree, scale, final_loss):
    weights = scale * np.random.default_rng(0).uniform(0.5, 1, (k, k))
    flow = integrate(weights, degree, final_loss, record=30, max_end_error=1e-6, driver="numpy")
    assert flow.attrs["driver"] == "numpy"


@pytest.mark.parametrize("degree", [6, 10])
def test_the_corner_where_lsoda_returns_nan_or_the_start_is_solved_as_the_theory_says(degree):
    # The largest gap of bias against T10b's margin, and the first learning times against T9: whole nats and
    # factors would show, as where a solve that forms sums of the biases' pulls moves them by 40 nats.
    k, final_loss = 4, 1e-12
    weights = 1e-4 * np.random.default_rng(0).uniform(0.5, 1, (k, k))
    flow = integrate(weights, degree, final_loss, record=100)
    diagonal = np.diag(weights)
    potential = diagonal ** (2.0 - degree) / (degree * (degree - 2))
    first, second = np.sort(potential)[:2]
    times = np.sort(flow.signal_time.values)
    # T9 exactly, up to O(scale^(r-2)): T_0 = k Phi_0 k/(k-1), T_1 = T_0 + k (Phi_1 - Phi_0)(k-1)/(k-2).
    t0 = k * first * k / (k - 1)
    np.testing.assert_allclose(times[:2], [t0, t0 + k * (second - first) * (k - 1) / (k - 2)], rtol=1e-6)
    assert abs(flow.bias.values.sum(axis=1)).max() < 1e-10
    z = flow.bias.values[-1][:, None] + flow.weights.values[-1] ** degree
    margins = np.diag(z) - np.where(np.eye(k, dtype=bool), -np.inf, z).max(axis=0)
    assert margins.min() >= -np.log(np.expm1(k * final_loss)) - 1e-3


def test_cost_stays_bounded_towards_the_corner():
    # Steps, not seconds: a count repeats on every machine.
    steps = [
        int(integrate(s * np.random.default_rng(0).uniform(0.5, 1, (3, 3)), 6, 1e-8, record=10).n_steps)
        for s in (1e-1, 1e-2, 1e-3, 1e-4)
    ]
    assert max(steps) < 2500
    # The waits grow by 1e4 each, the steps by a constant number each.
    assert max(np.diff(steps)) < 500
