"""The crossover between T11's laws: limits, explicit solution, accuracy on the flow."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from mli_theory import DomainError, crossover_law, escape_gap, escape_schedule, plateau_law
from mli_theory.power_model.crossover import _gaps_at_last_arrival
from tests.mli_theory.second_routes.reduced_flow import reduced_flow


def start(k, scale, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1, k) * scale


@pytest.mark.parametrize("degree", [3, 5])
@pytest.mark.parametrize("k", [3, 10])
def test_crossover_tends_to_law_a_as_the_scale_goes_to_0(k, degree):
    # The first two orders differ from (a) by k eps only; the other classes' weight is 1 / A.
    for eps in (1e-6, 1e-9):
        expected = plateau_law(k, degree, eps, "small_scale", next_order=True)
        found = crossover_law(start(k, 1e-40), degree, eps)
        assert_allclose([found.beta, found.bias_gap], [expected.beta, expected.bias_gap], rtol=2 * k * eps)


@pytest.mark.parametrize("k", [3, 10])
def test_crossover_tends_to_law_b_as_the_loss_goes_to_0(k):
    # The spread of the gaps dies like eps^(1/k): slowly.
    for eps in (1e-30, 1e-100, 1e-300):
        found, b = (
            crossover_law(start(k, 1e-2, 5), 3, eps),
            plateau_law(k, 3, eps, "small_loss", next_order=True),
        )
        assert abs(found.beta - b.beta) < max(eps ** (1 / k), 1e-12)
        spread = np.ptp(found.bias_gaps[found.bias_gaps > 0])
        assert spread < 60 * eps ** (1 / k)


def test_crossover_for_two_classes_is_the_one_law():
    for eps in (1e-4, 1e-8, 1e-200):
        law = plateau_law(2, 4, eps, next_order=True)
        found = crossover_law([0.02, 0.01], 4, eps)
        assert_allclose([found.beta, found.signal], [law.beta, law.signal], rtol=2 * eps + 1e-12)


def test_crossover_explicit_solution_is_that_of_its_equations():
    # dg_i/dtau = f_i + (1/u) sum f_j, integrated from arrival to arrival.
    diagonal, degree = start(6, 3e-3, 2), 3
    arrivals = np.sort(escape_schedule(diagonal, degree))[:-1]
    gaps = np.zeros(1)
    for m in range(1, 5):

        def slope(_, g, u=6 - m):
            return np.exp(-g) + np.exp(-g).sum() / u

        end = (arrivals[m] - arrivals[m - 1]) / 6
        gaps = solve_ivp(slope, (0, end), gaps, method="LSODA", rtol=1e-11, atol=1e-11).y[:, -1]
        gaps = np.append(gaps, 0.0)
    assert_allclose(_gaps_at_last_arrival(arrivals, 6), gaps, rtol=1e-7)


# k, r, scale, eps, tolerance of beta: the docstring's; a survey of 144 flows found 4.1e-4 and 4.6e-3.
CASES = [
    (3, 3, 1e-3, 1e-5, 5e-4),
    (3, 3, 1e-2, 1e-5, 5e-4),
    (5, 3, 1e-3, 1e-9, 5e-4),
    (10, 3, 1e-3, 1e-5, 5e-4),
    (10, 3, 1e-3, 1e-9, 5e-4),
    (5, 4, 3e-2, 1e-9, 5e-4),
    (10, 5, 6e-2, 1e-9, 5e-4),
    (10, 3, 1e-3, 1e-2, 5e-3),
    (5, 4, 3e-2, 1e-2, 2e-3),
]


@pytest.mark.parametrize(("k", "degree", "scale", "eps", "tolerance"), CASES)
def test_crossover_follows_the_flow_where_neither_law_does(k, degree, scale, eps, tolerance):
    diagonal = start(k, scale, 1)
    found, flow = crossover_law(diagonal, degree, eps), reduced_flow(diagonal, degree, eps)
    assert found.bias_gap < 0.8 * found.escape_gap
    assert not found.escaped
    assert found.beta == pytest.approx(flow.beta_min(degree), abs=tolerance)
    assert_allclose(found.bias_gaps, flow.gaps(), rtol=0.02, atol=0.06)
    if eps < 1e-3:
        a, b = (
            plateau_law(k, degree, eps, regime, next_order=True).beta
            for regime in ("small_scale", "small_loss")
        )
        true = flow.beta_min(degree)
        assert abs(found.beta - true) < min(abs(a - true), abs(b - true)) / 2
        assert a - 1e-4 < found.beta < b + 1e-4


@pytest.mark.parametrize(
    ("k", "scale", "seed"), [(2, 1e-2, 0), (3, 1e-2, 0), (5, 1e-2, 1), (10, 1e-2, 1), (10, 3e-2, 1)]
)
def test_crossover_escape_gap_is_the_flows_to_within_a_nat(k, scale, seed):
    diagonal = start(k, scale, seed)
    law = crossover_law(diagonal, 3, 1e-3)
    flow = reduced_flow(diagonal, 3, 1e-20)
    last = int(np.argmin(diagonal))
    there = flow.bias[np.flatnonzero(flow.weights[:, last] > 1)[0]]
    found = there[last] - np.delete(there, last).max()
    # Low by about half a nat: near the escape the last class's own signal slows the gap.
    assert 0.2 < law.escape_gap - found < 0.8
    # T11's value is the end at which all gaps are equal, 2 (Phi_last - Phi_before) the one of a single gap.
    least = escape_gap(diagonal, 3)
    assert least - 1e-9 <= law.escape_gap <= least * 2 * (k - 1) / k + 1e-9
    if k > 2:
        assert abs(law.escape_gap - found) < abs(least - found)


def test_crossover_flags_the_escape():
    diagonal = start(10, 1e-2, 0)
    assert crossover_law(diagonal, 3, 1e-9).escaped
    assert reduced_flow(diagonal, 3, 1e-9).beta_min(3) < 0.2  # the plateau is far shorter than any law says


@pytest.mark.parametrize(
    ("diagonal", "degree", "eps", "shown"),
    [
        ([0.1, 0.05], 2, 1e-3, "T11 needs an integer degree >= 3, got 2"),
        ([0.1, 0.05, 0.05], 3, 1e-3, "0.05 is tied"),
        ([0.1, -0.05], 3, 1e-3, r"diagonal\[1\] = -0.05"),
        ([0.1, 0.05], 3, 0.0, "final loss > 0, got 0"),
        ([0.1, 0.05], 3, 0.5, r"final_loss = 0.5: it must be below 0.\d+"),
        ([0.1, 0.05], 3, np.inf, "final_loss must be finite"),
    ],
)
def test_bad_input_is_refused_with_its_value(diagonal, degree, eps, shown):
    with pytest.raises(DomainError, match=shown):
        crossover_law(diagonal, degree, eps)
