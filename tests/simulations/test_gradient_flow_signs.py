"""T12: which sign patterns can reach the loss, and what the refusal says."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mli_theory import DomainError
from simulations.gradient_flow import integrate
from simulations.gradient_flow.reachability import sign_cycle

SIGNS = st.sampled_from([-1.0, 0.0, 1.0])


def cycles_by_brute_force(sign):
    k = len(sign)
    found = []
    for length in range(2, k + 1):
        for nodes in permutations(range(k), length):
            hops = zip(nodes, nodes[1:] + nodes[:1], strict=True)
            if all(sign[j, j] <= 0 and sign[i, j] >= 0 for j, i in hops):
                found.append(list(nodes))
    return found


@given(k=st.integers(2, 5), data=st.data())
def test_the_cycle_found_is_one_and_is_found_whenever_there_is_one(k, data):
    sign = np.array(data.draw(st.lists(SIGNS, min_size=k * k, max_size=k * k))).reshape(k, k)
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
