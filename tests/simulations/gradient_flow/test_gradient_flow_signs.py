"""T12: which sign patterns can reach the loss, and what the refusal says."""

import sys
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from mli.testing import sign_patterns
from mli_theory import DomainError
from simulations.gradient_flow import FlowError, integrate
from simulations.gradient_flow.solver.reachability import disjoint_cycles, sign_cycle
from tests.mli_theory.second_routes.cycle_floor import cycle_floor


def cycles_by_brute_force(sign):
    k = len(sign)
    found = []
    for length in range(2, k + 1):
        for nodes in permutations(range(k), length):
            hops = zip(nodes, nodes[1:] + nodes[:1], strict=True)
            if all(sign[j, j] <= 0 and sign[i, j] >= 0 for j, i in hops):
                found.append(list(nodes))
    return found


@given(sign=sign_patterns(5))
def test_the_cycle_found_is_one_and_is_found_whenever_there_is_one(sign):
    cycle, every = sign_cycle(sign), cycles_by_brute_force(sign)
    assert (cycle is None) == (not every)
    assert cycle is None or cycle in every


def test_a_cycle_is_refused_by_name_with_its_floor():
    signs = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, 1]])
    with pytest.raises(DomainError, match=r"cycle 0 -> 1 -> 0 .*above 0\.462098"):
        integrate(0.1 * signs, 3, 1e-3)


def test_the_floor_of_a_cycle_is_true_and_tight():
    # Classes 0 and 1 lean on their biases: two of three losses stay at log 2, the third is learned.
    weights = 0.3 * np.array([[-1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0]])
    floor = 2 / 3 * np.log(2)
    flow = integrate(weights, 3, 1.001 * floor)
    assert (flow.loss > floor).all()
    assert flow.loss.values[-1] == pytest.approx(1.001 * floor, rel=1e-9)


@given(st.lists(st.floats(1e-3, 1), min_size=2, max_size=5))
@example([1.0] * 5)
@example([1.0, 1.0, 1e-6])
def test_the_floor_of_a_cycle_is_the_least_its_margins_allow(sizes):
    shares = np.array(sizes) / sum(sizes)
    floor = cycle_floor(shares)

    def part(free):
        # The last margin makes the sum 0, the best there is, since the losses fall with the margins.
        margins = np.append(free, -free.sum())
        slope = -shares * expit(-margins)
        return shares @ np.logaddexp(0, -margins), slope[:-1] - slope[-1]

    # Second route: the same minimum over the margins themselves.
    least = minimize(part, np.zeros(len(shares) - 1), jac=True, method="BFGS", options={"gtol": 1e-12})
    assert floor <= least.fun * (1 + 1e-13)
    assert floor == pytest.approx(least.fun, rel=1e-9)


def test_unequal_classes_raise_the_floor_of_a_cycle():
    weights = 0.3 * np.array([[-1.0, 0.9], [0.8, -0.7]])
    shares = np.array([0.1, 0.9])
    floor = -(shares * np.log(shares)).sum()  # 0.325: two classes, one answer for both samples
    with pytest.raises(DomainError, match=r"cycle 0 -> 1 -> 0 .*above 0\.325083"):
        integrate(weights, 3, 0.2, class_shares=shares)
    flow = integrate(weights, 3, 1.001 * floor, class_shares=shares, record=20)
    assert (flow.loss > floor).all()
    assert flow.loss.values[-1] == pytest.approx(1.001 * floor, rel=1e-9)


def two_pairs():
    signs = np.full((4, 4), -1.0)
    for a, b in ((0, 1), (2, 3)):
        signs[a, b] = signs[b, a] = 1.0
    return 0.3 * signs * np.random.default_rng(0).uniform(0.5, 1, (4, 4))


def test_cycles_without_a_common_class_add_up():
    weights = two_pairs()
    assert disjoint_cycles(np.sign(weights)) == [[0, 1], [2, 3]]
    with pytest.raises(DomainError, match=r"cycles 0 -> 1 -> 0, 2 -> 3 -> 2 .*above 0\.693147"):
        integrate(weights, 3, 0.5)
    flow = integrate(weights, 3, 1.001 * np.log(2), record=20)
    assert (flow.loss > np.log(2)).all()


@given(sign=sign_patterns(6))
def test_the_cycles_found_share_no_class_and_leave_none(sign):
    cycles = disjoint_cycles(sign)
    used = [j for cycle in cycles for j in cycle]
    assert len(set(used)) == len(used)
    for cycle in cycles:
        for j, i in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            assert i != j
            assert sign[j, j] <= 0
            assert sign[i, j] >= 0
    left = np.setdiff1d(np.arange(len(sign)), used)
    assert not cycles_by_brute_force(sign[np.ix_(left, left)])


def test_cycles_that_share_classes_are_refused_below_the_least_loss_of_all():
    # Every pair is a cycle here: one of them alone leaves 2/3 log 2, three samples on one class log 3.
    weights = 0.3 * (1 - 2 * np.eye(3))
    with pytest.raises(DomainError, match=r"cycle 0 -> 1 -> 0 .*above 1\.09861"):
        integrate(weights, 3, 1.0)


@pytest.mark.parametrize("driver", ["compiled", "numpy"])
def test_a_run_that_is_out_of_steps_says_so(driver, monkeypatch):
    module = sys.modules["simulations.gradient_flow.integration"]
    monkeypatch.setattr(module, "_STEPS", 5)
    monkeypatch.setattr(module, "_STEPS_A_CLASS", 0)
    with pytest.raises(FlowError, match=r"stopped at loss .* before final_loss .*: 5 steps were not enough$"):
        integrate(0.3 * np.diag([1.0, 0.8]), 3, 1e-3, driver=driver)


@pytest.mark.parametrize("degree", [3, 5])
@pytest.mark.parametrize(("k", "without_a_cycle"), [(2, 15), (3, 425)])
def test_every_sign_pattern_without_a_cycle_reaches_the_loss(k, without_a_cycle, degree):
    # All 2^(k^2) patterns: the count that T12 (mli_theory/derivations) and reachability.py quote.
    patterns = np.array(list(product((-1.0, 1.0), repeat=k * k))).reshape(-1, k, k)
    free = np.array([not cycles_by_brute_force(pattern) for pattern in patterns])
    assert free.sum() == without_a_cycle
    sizes = 0.2 * np.random.default_rng(k).uniform(0.5, 1, (k, k))
    flow = integrate(patterns[free] * sizes, degree, 1e-4, record=2)
    np.testing.assert_allclose(flow.loss.values[:, -1], 1e-4, rtol=1e-9)


@settings(max_examples=12)  # a flow each
@given(seed=st.integers(0, 10**6), k=st.integers(2, 4), degree=st.sampled_from([3, 5]))
def test_without_a_cycle_the_loss_is_reached(seed, k, degree):
    rng = np.random.default_rng(seed)
    weights = 0.2 * rng.uniform(0.5, 1, (k, k)) * rng.choice([-1.0, 1.0], (k, k))
    assume(sign_cycle(np.sign(weights)) is None)
    flow = integrate(weights, degree, 1e-4, record=20)
    assert flow.loss.values[-1] == pytest.approx(1e-4, rel=1e-9)
    assert (np.sign(flow.weights.values[-1]) == np.sign(weights)).all()  # signs are kept


def test_even_degrees_have_no_cycle():
    flow = integrate(-0.2 * np.ones((2, 2)) * [[1.0, 0.8], [0.9, 1.1]], 4, 1e-3)
    assert flow.loss.values[-1] == pytest.approx(1e-3, rel=1e-9)


def test_held_biases_need_every_sample_by_itself():
    weights = 0.2 * np.array([[1.0, 0.9, -1.0], [0.8, -1.0, -0.7], [1.0, 0.6, -1.0]])
    with pytest.raises(DomainError, match=r"sample 1 has W_jj\^r <= 0 .* class 0, 2"):
        integrate(weights, 3, 1e-2, train_bias=False)
    weights[[0, 2], 1] *= -1  # now sample 1, like sample 2, is separated by what it suppresses
    flow = integrate(weights, 3, 1e-2, train_bias=False, record=20)
    assert flow.loss.values[-1] == pytest.approx(1e-2, rel=1e-9)


def test_two_zero_diagonals_are_refused():
    with pytest.raises(DomainError, match="cycle"):
        integrate(np.diag([0.2, 0.0, 0.0]), 4, 1e-2)
