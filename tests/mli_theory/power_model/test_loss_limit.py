"""T12b, the limit of the loss: L* against a plain descent on psi, flows, and the time bound."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from mli.testing import power_model_states, sign_patterns
from mli_theory import DomainError, loss_limit, time_to_loss_bound
from simulations.gradient_flow import integrate
from simulations.gradient_flow.solver.reachability import disjoint_cycles, sign_cycle
from tests.mli_theory.second_routes.cycle_floor import cycle_floor


def edges_of(signs):
    k = len(signs)
    return [(j, i) for j in range(k) for i in range(k) if i != j and signs[j, j] <= 0 <= signs[i, j]]


def least_by_descent(signs, shares):
    """Psi as printed, over all classes at once, by BFGS; nearly there where its infimum is at infinity."""
    edges = edges_of(signs)

    def psi(b):
        odds = [
            sum(np.exp(np.clip(b[i] - b[j], -600, 600)) for a, i in edges if a == j) for j in range(len(b))
        ]
        return float(shares @ np.log1p(odds))

    return minimize(psi, np.zeros(len(signs)), method="BFGS", options={"gtol": 1e-7}).fun


@settings(max_examples=15)
@given(
    signs=sign_patterns(4),
    shares=st.lists(st.integers(1, 9), min_size=4, max_size=4),
    degree=st.integers(3, 4),
)
@example(signs=np.zeros((2, 2)), shares=[1, 1, 1, 1], degree=3)
@example(signs=-np.eye(3), shares=[1, 2, 3, 1], degree=3)
def test_the_limit_is_the_infimum_of_psi(signs, shares, degree):
    shares = np.array(shares[: len(signs)]) / sum(shares[: len(signs)])
    found = loss_limit(0.3 * signs, degree, shares)
    powers = signs**degree
    assert (found == 0) == (sign_cycle(powers) is None)
    descended = least_by_descent(powers, shares)
    assert found - 1e-12 <= descended <= found + 1e-4
    floor = sum(cycle_floor(shares[cycle]) for cycle in disjoint_cycles(powers))
    assert found >= floor * (1 - 1e-9)


def test_the_values_that_theory_md_gives():
    shared = np.full((3, 3), -1.0)
    shared[0, 1] = shared[1, 0] = shared[1, 2] = shared[2, 1] = 1.0
    assert loss_limit(shared, 3) == pytest.approx(0.8020197084, abs=1e-10)
    every = 1 - 2 * np.eye(4)
    assert loss_limit(every, 3) == pytest.approx(np.log(4), rel=1e-12)
    assert loss_limit(np.zeros((5, 5)), 3) == pytest.approx(np.log(5), rel=1e-12)
    assert loss_limit(-np.ones((3, 3)), 4) == 0.0  # even degree: W^r > 0


@pytest.mark.parametrize("degree", [3, 4])
def test_a_flow_comes_down_to_the_limit_and_stays_above(degree):
    weights = np.array([[-0.5, 0.4, -0.3], [0.3, -0.6, 0.2], [-0.2, -0.4, 0.5]])
    limit = loss_limit(weights, degree)
    assert limit == (pytest.approx(np.log(2) * 2 / 3, rel=1e-12) if degree == 3 else 0.0)
    flow = integrate(weights, degree, limit + 0.01, [1.0, -1.0, 0.0], record=50)
    assert (flow.loss > limit).all()


def reached(flow):
    return float(flow.arrival[-1] + flow.local_time[-1])


@settings(max_examples=6)
@given(state=power_model_states(smallest=0.4, max_classes=4, max_degree=5), odd=st.booleans())
@example(state=(np.diag([0.5, 0.4]) - 0.4 * (1 - np.eye(2)), np.zeros(2), 3, np.full(2, 0.5)), odd=True)
def test_the_loss_is_reached_before_the_time_bound(state, odd):
    weights, bias, _, shares = state
    degree = 3 if odd else 4
    equal = not (np.diag(weights) ** degree > 0).all()
    if equal:
        shares = np.full(len(bias), 1 / len(bias))
    if loss_limit(weights, degree, shares) > 0:
        with pytest.raises(DomainError, match=r"has a cycle, and the loss stays above L\* = "):
            time_to_loss_bound(weights, degree, 1e-3, bias, shares)
        return
    bound = time_to_loss_bound(weights, degree, 0.05, bias, shares)
    if bound > 0:
        assert reached(integrate(weights, degree, 0.05, bias, class_shares=shares, record=2)) <= bound


def test_the_time_bound_is_within_a_factor_of_three_where_only_small_weights_separate():
    weights = np.array([[-0.4, -0.02], [-0.03, -0.4]])
    bound = time_to_loss_bound(weights, 3, 0.5)
    assert bound / 3 < reached(integrate(weights, 3, 0.5, record=2)) <= bound


def test_the_time_bound_needs_the_gradient_flow_of_trained_biases():
    """Biases held where an edge leans on them: the loss never comes down."""
    weights = np.array([[-0.4, -0.1], [0.3, 0.4]])
    assert np.isfinite(time_to_loss_bound(weights, 3, 0.05))
    with pytest.raises(DomainError, match="with the biases held"):
        integrate(weights, 3, 0.05, train_bias=False)


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: loss_limit(np.eye(2), 2), "T12b needs an integer degree >= 3, got 2"),
        (lambda: loss_limit(np.ones((2, 3)), 3), r"square weights \(k, k\), k >= 2, got shape \(2, 3\)"),
        (lambda: loss_limit([[1.0]], 3), r"got shape \(1, 1\)"),
        (lambda: loss_limit(np.eye(2), 3, [0.5, 0.6]), "sum of 1.1"),
        (lambda: time_to_loss_bound(np.eye(2), 3, 0.0), "final_loss > 0, got 0.0"),
        (lambda: time_to_loss_bound(np.eye(2), 3, 0.1, [1.0]), r"bias must have shape \(2\)"),
        (
            lambda: time_to_loss_bound([[-1.0, -1], [1, 1]], 3, 0.1, None, [0.4, 0.6]),
            r"proved for equal class shares .* got class_shares = \[0\.4, 0\.6\]",
        ),
    ],
)
def test_outside_the_theorem_it_and_the_value_are_named(call, shown):
    with pytest.raises(DomainError, match=shown):
        call()


def test_a_start_that_is_there_already_needs_no_time():
    assert time_to_loss_bound(2 * np.eye(3), 3, 1.0) == 0.0
