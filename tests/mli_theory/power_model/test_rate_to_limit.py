"""T12c: plainly integrated flows stay below the bound; each hypothesis dropped lets one pass it."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from mli_theory import DomainError, loss_above_limit_bound, loss_limit


def loss_at(weights, bias, degree, shares):
    odds = weights**degree + bias[:, None]
    return float(shares @ (np.logaddexp.reduce(odds, axis=0) - np.diag(odds)))


def loss_after(weights, degree, time, bias, shares, *, train_bias=True):
    """The loss of the flow at a time, by LSODA on W and b as they are: a second route, no code shared."""
    k = len(bias)

    def slope(_, state):
        w, b = state[: k * k].reshape(k, k), state[k * k :]
        odds = w**degree + b[:, None]
        pull = shares * (np.eye(k) - np.exp(odds - np.logaddexp.reduce(odds, axis=0)))
        return np.concatenate([(degree * w ** (degree - 1) * pull).ravel(), train_bias * pull.sum(axis=1)])

    state = np.concatenate([np.ravel(weights), bias])
    done = solve_ivp(slope, (0, time), state, method="LSODA", rtol=1e-9, atol=1e-12).y[:, -1]
    return loss_at(done[: k * k].reshape(k, k), done[k * k :], degree, shares)


def leaning(k, sizes, degree):
    """Every pair an edge: at odd degrees W_jj <= 0 <= W_ij, at even ones the diagonal is 0."""
    weights = np.resize(sizes, (k, k)).astype(float)
    np.fill_diagonal(weights, -weights.diagonal() if degree % 2 else 0.0)
    return weights


@settings(max_examples=12)
@given(
    k=st.integers(2, 4),
    sizes=st.lists(st.floats(0, 1.2), min_size=3, max_size=16),
    bias=st.lists(st.floats(-1, 1), min_size=4, max_size=4),
    shares=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    degree=st.integers(3, 5),
    time=st.sampled_from([0.1, 1.0, 10.0, 1e3]),
)
@example(k=2, sizes=[0.0], bias=[1.0, -1.0, 0, 0], shares=[1, 1, 1, 1], degree=3, time=1.0)
@example(k=3, sizes=[1.2], bias=[0, 0, 0, 0], shares=[1, 1, 3, 1], degree=3, time=1e3)
def test_a_flow_is_below_the_bound_and_above_the_limit(k, sizes, bias, shares, degree, time):
    weights, bias = leaning(k, sizes, degree), np.array(bias[:k])
    shares = np.array(shares[:k]) / sum(shares[:k])
    limit = loss_limit(weights, degree, shares)
    excess = loss_after(weights, degree, time, bias, shares) - limit
    assert -1e-9 <= excess <= loss_above_limit_bound(weights, degree, time, bias, shares) + 1e-9


def test_the_bound_is_what_its_formula_says():
    weights, bias, shares = leaning(3, [0.5, 0.2, 0.4, 0.1], 3), np.array([0.3, -0.2, 0.5]), [0.2, 0.3, 0.5]
    shares = np.array(shares)

    def psi(b):
        return (
            sum(pi * np.log(sum(np.exp(b[i] - b[j]) for i in range(3))) for j, pi in enumerate(shares))
            + 0.5 * (b.sum() - bias.sum()) ** 2
        )  # of all its minima the one whose sum is that of b(0)

    best = minimize(psi, bias, method="BFGS", options={"gtol": 1e-9}).x
    start = loss_at(weights, bias, 3, shares)
    spent = (best - bias) @ (best - bias) / 2 + np.exp(2 * start / 0.2) * (weights**2).sum() / 6
    assert loss_above_limit_bound(weights, 3, 7.0, bias, shares) == pytest.approx(spent / 7, rel=1e-7)


def test_from_zero_weights_the_biases_alone_come_within_a_tenth_of_the_bound():
    bias = np.array([1.0, -1.0])
    bound = loss_above_limit_bound(np.zeros((2, 2)), 3, 1.0, bias)
    excess = loss_after(np.zeros((2, 2)), 3, 1.0, bias, np.full(2, 0.5)) - np.log(2)
    assert bound / 10 < excess < bound


def test_a_pair_without_an_edge_passes_the_bound():
    weights = -0.1 * (1 - np.eye(2))
    with pytest.raises(DomainError, match=r"T12c needs .* for every pair, but"):
        loss_above_limit_bound(weights, 3, 1.0)
    formula = np.exp(4 * loss_at(weights, np.zeros(2), 3, np.full(2, 0.5))) * 0.02 / 6
    assert loss_limit(weights, 3) == 0.0
    assert loss_after(weights, 3, 1.0, np.zeros(2), np.full(2, 0.5)) > formula


def test_held_biases_pass_the_bound():
    bias = np.array([1.0, -1.0])
    held = loss_after(np.zeros((2, 2)), 3, 1e3, bias, np.full(2, 0.5), train_bias=False) - np.log(2)
    assert held > loss_above_limit_bound(np.zeros((2, 2)), 3, 1e3, bias)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((-np.eye(2), 2, 1.0), "T12c needs an integer degree >= 3, got 2"),
        ((-np.eye(2), 3, 0.0), r"T12c needs time > 0, got 0\.0"),
        ((-np.eye(2), 3, 1.0, None, [0.5, 0.6]), "T12c.*sum of 1.1"),
        ((np.eye(2), 3, 1.0), r"W\[0, 0\] = 1\.0 and W\[1, 0\] = 0\.0 at degree 3"),
        ((np.ones((2, 3)), 3, 1.0), "T12c needs square weights"),
    ],
)
def test_outside_the_theorem_it_and_the_value_are_named(arguments, shown):
    with pytest.raises(DomainError, match=shown):
        loss_above_limit_bound(*arguments)
