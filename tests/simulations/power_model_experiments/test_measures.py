"""What the experiments read from a flow, against slow routes that share nothing with it."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from mli_theory import plateau_start
from simulations.power_model_experiments.cases import Case, Group, table
from simulations.power_model_experiments.flows import sample_losses, schedule_errors, signal_one
from simulations.power_model_experiments.gaussian_starts import can_reach_zero, first_arrival
from simulations.power_model_experiments.plateau_start import first_held
from simulations.power_model_experiments.starts import initial_weights, unit_weights

seeds = st.integers(0, 10_000)


@given(seed=seeds, k=st.integers(2, 5))
@example(seed=0, k=2)
def test_a_sign_graph_has_a_cycle_exactly_if_no_order_of_the_classes_points_forward(seed, k):
    """Second route: a graph has no cycle if and only if some order of its nodes has every edge forward."""
    w = np.random.default_rng(seed).standard_normal((k, k))
    edges = [(j, i) for j in range(k) for i in range(k) if i != j and w[j, j] < 0 and w[i, j] > 0]
    ordered = any(all(p.index(j) < p.index(i) for j, i in edges) for p in permutations(range(k)))
    assert can_reach_zero(w, 3) == ordered
    assert can_reach_zero(w, 4)


@settings(max_examples=15)  # each solves a stiff system
@given(seed=seeds)
def test_the_first_arrival_is_that_of_the_plain_equations(seed):
    k, r = 2, 3
    w = np.random.default_rng(seed).standard_normal((k, k)) * 0.05
    waits = np.sort([_wait(w, i, j) for i in range(k) for j in range(k)])
    if not np.isfinite(waits[0]) or waits[1] < 1.3 * waits[0]:
        return  # nothing grows, or a near tie that leading order does not decide

    def slope(_, state):
        weights, bias = state[:4].reshape(2, 2), state[4:]
        p = np.exp(weights**r + bias[:, None])
        pull = (np.eye(2) - p / p.sum(axis=0)) / k
        return np.concatenate([(r * weights ** (r - 1) * pull).ravel(), pull.sum(axis=1)])

    def passed(_, state):
        return np.abs(state[:4]).max() - 1.0

    passed.terminal = True
    run = solve_ivp(slope, (0, 10 * waits[0]), np.r_[w.ravel(), 0, 0], "LSODA", events=passed, rtol=1e-8)
    assert run.t_events[0].size == 1
    assert divmod(int(np.abs(run.y[:4, -1]).argmax()), 2) == first_arrival(w, r)


def _wait(w, i, j):
    k = len(w)
    grows = w[i, j] > 0 if i == j else w[i, j] < 0
    rate = (k - 1) / k**2 if i == j else 1 / k**2
    return 1 / (3 * abs(w[i, j])) / rate if grows else np.inf


@settings(max_examples=50)
@given(seed=seeds, r=st.integers(2, 5), scale=st.floats(0.01, 0.3))
def test_the_start_of_the_plateau_is_where_the_plain_logits_say(seed, r, scale):
    rng = np.random.default_rng(seed)
    k = 3
    start, end = rng.standard_normal((k, k)) * scale, rng.uniform(0, 2, (k, k))
    bias = rng.standard_normal(k)
    others = np.arange(k) != bias.argmax()
    alphas = np.r_[0.0, np.geomspace(1e-9, 1.0, 4000)]
    logits = (start + alphas[:, None, None] * (end - start)) ** r + alphas[:, None, None] * bias[:, None]
    held = (logits[:, bias.argmax(), None] - logits[:, others]).min(axis=(1, 2)) > 0
    found = first_held(start, end, bias, r)
    if np.isnan(found):
        assert not held[1:].any()
        return
    inside = np.flatnonzero((alphas > found) & (alphas < 1))
    assert not held[(alphas > 0) & (alphas < found * (1 - 1e-6))].any()
    # An interval shorter than the grid's steps may hide between its points: 0.5 % of alpha.
    later = inside[0] if inside.size else len(alphas) - 1
    assert held[later] or not held[alphas <= found * 1.006].any()


def test_t14_is_met_faster_than_the_scale_shrinks():
    """Relative error O(scale^(r-1)): at r = 3, a tenth of the scale leaves a hundredth of the error."""
    unit = unit_weights("positive", 3, 4)
    end, bias = np.diag([2.0, 2.1, 1.9]), np.array([-1.0, 0.2, 0.8])
    errors = [
        first_held(s * unit, end, bias, 3) / plateau_start((unit**3).T, bias, 3, s) - 1 for s in (1e-2, 1e-3)
    ]
    assert 0 < abs(errors[1]) < abs(errors[0]) < 0.05
    assert errors[1] / errors[0] == pytest.approx(1e-2, rel=0.1)


def test_a_start_far_below_1_keeps_its_digits():
    """Class 1 leads on sample 0 until alpha is near (2e-3)^4: a root 1e11 times below the next."""

    def lead(alpha):
        return (3 * alpha) ** 4 + alpha - (2e-3 * (1 - alpha)) ** 4

    start, end = np.array([[0.0, 1e-3], [2e-3, 0.0]]), np.diag([3.0, 0.0])
    found = first_held(start, end, np.array([1.0, 0.0]), 4)
    assert found == pytest.approx(brentq(lead, 0, 1e-6, xtol=1e-30), rel=1e-12)


@given(seed=seeds, k=st.integers(2, 5))
def test_sample_losses_are_minus_log_softmax(seed, k):
    rng = np.random.default_rng(seed)
    w, b = rng.standard_normal((2, k, k)), rng.standard_normal((2, k))
    z = w**3 + b[:, :, None]
    plain = np.log(np.exp(z).sum(axis=1)) - np.einsum("mjj->mj", z)
    assert sample_losses(w, b, 3) == pytest.approx(plain, rel=1e-10)


def test_sample_losses_keep_what_a_subtraction_from_1_loses():
    assert sample_losses(np.diag([6.0, 6.0]), np.zeros(2), 3) == pytest.approx(np.exp(1 - 217.0), rel=1e-12)


@given(seed=seeds, r=st.integers(2, 6))
def test_a_crossing_is_exact_where_the_potential_falls_linearly(seed, r):
    """dW/dt = r W^(r-1) has 1/W^(r-2) linear in time (log W for r = 2)."""
    time = np.sort(np.random.default_rng(seed).uniform(0, 1, 30))
    if r == 2:
        crossing, weights = np.log(1 / 0.3) / 2, 0.3 * np.exp(2 * time)
    else:
        crossing = (0.3 ** (2 - r) - 1) / (r * (r - 2))
        time *= 0.99 * 0.3 ** (2 - r) / (r * (r - 2))
        weights = (0.3 ** (2.0 - r) - r * (r - 2) * time) ** (-1 / (r - 2))
    found = signal_one(weights, r, time)
    if weights[0] < 1 <= weights[-1]:
        assert found == pytest.approx(crossing, rel=1e-9)
    else:
        assert np.isnan(found)
    assert signal_one(-weights, r, time) == pytest.approx(found, nan_ok=True)


def test_a_class_that_is_never_learned_is_an_infinite_error_only_where_it_has_a_time():
    errors = schedule_errors(np.array([2.2, np.nan, np.nan]), np.array([2.0, 4.0, np.inf]))
    assert errors[0] == pytest.approx(0.1)
    assert errors[1] == np.inf
    assert np.isnan(errors[2])


def test_starts_are_the_same_draw_at_every_scale_and_of_the_kind_named():
    group = Group(3, 3, (0.1, 0.01), (1e-2,), "positive")
    large, small = initial_weights(group, 5)
    assert large == pytest.approx(10 * small)
    assert (large >= 0.05).all()
    assert (large < 0.1).all()
    diagonal = unit_weights("diagonal", 3, 5)
    assert (diagonal[~np.eye(3, dtype=bool)] == 0).all()
    assert (np.diag(diagonal) > 0).all()
    tied = np.sort(np.diag(unit_weights("near tie 1e-6", 3, 5)))
    assert tied[0] / tied[1] == pytest.approx(1 - 1e-6, abs=1e-12)
    assert (unit_weights("gaussian", 10, 0) < 0).any()
    assert (unit_weights("positive", 3, 5) != unit_weights("positive", 3, 6)).any()
    with pytest.raises(ValueError, match="'uniform'"):
        unit_weights("uniform", 3, 0)


def test_the_table_fills_up_with_nan_and_refuses_a_number_without_a_description():
    cases = [Case(2, 3, 0.1, 1e-2, "positive"), Case(2, 3, 0.2, 1e-2, "positive")]
    found = table(cases, [{"a": 1, "b": [1.0, 2.0]}, {"a": True}], {"a": "", "b": ""}, 3, 7)
    assert found["a"].to_numpy().tolist() == [[1.0, 1.0]]
    assert found["b"].shape == (1, 2, 3)
    assert found["b"].to_numpy()[0, 0, :2].tolist() == [1.0, 2.0]
    assert np.isnan(found["b"].to_numpy()[0, 1]).all()
    assert found["seed"].to_numpy().tolist() == [7]
    with pytest.raises(ValueError, match="'c'"):
        table(cases, [{"c": 1}, {}], {"a": ""}, 3, 7)
    with pytest.raises(ValueError, match="1 rows of values for 2"):
        table(cases, [{}], {"a": ""}, 3, 7)
