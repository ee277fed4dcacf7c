"""The closed-form entries of docs/theory/theory.md, recomputed by the package at the digits printed there.

Not here: columns of simulated networks whose weights the text does not give (T7, M1, M2, T13; the start
1.229e-3 "found" beside T14's 1.312e-3).
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mli_theory import (
    bias_gap_bounds,
    certified_window,
    correct_interval,
    plateau,
    plateau_law,
    plateau_start,
)

# k, eps, law (a), next order, law (b), next order; degree 3 throughout.
T11 = [
    (2, 1e-2, 0.3274, 0.3306, 0.3274, 0.3306),
    (2, 1e-4, 0.3877, 0.3888, 0.3877, 0.3888),
    (2, 1e-8, 0.4300, 0.4303, 0.4300, 0.4303),
    # The text once had 0.4479 for the first order here: the root is 0.447840.
    (2, 1e-12, 0.4478, 0.4480, 0.4478, 0.4480),
    (10, 1e-2, 0.2799, 0.2858, 0.3906, 0.3941),
    (10, 1e-4, 0.3729, 0.3744, 0.4228, 0.4240),
    (10, 1e-8, 0.4253, 0.4257, 0.4490, 0.4494),
]


@pytest.mark.parametrize(("k", "eps", "a", "a_next", "b", "b_next"), T11)
def test_T11_beta_of_both_laws(k, eps, a, a_next, b, b_next):
    found = [
        plateau_law(k, 3, eps, regime, next_order=order).beta
        for regime in ("small_scale", "small_loss")
        for order in (False, True)
    ]
    assert [round(float(beta), 4) for beta in found] == [a, a_next, b, b_next]


@pytest.mark.parametrize(
    ("exponent", "digits", "printed"), [(4, 3, 0.592), (8, 3, 0.506), (16, 2, 0.39), (128, 3, 0.149)]
)
def test_T11_prime_plateau_at_a_fixed_scale(exponent, digits, printed):
    """W(0) = diag(0.1, 0.05), r = 3, from the exact identity for two classes and no flow in time.

    gap = 2 [(Phi_2(0) - Phi_2) - (Phi_1(0) - Phi_1)], Phi = v^(-1/3)/3, dPhi_2/dPhi_1 = G_22/G_11: an orbit.
    """
    start = np.array([0.1, 0.05])
    phi_1, phi_2 = 1 / (3 * start)

    def gap_and_margins(log_v, other):
        gap = 2 * ((phi_2 - other) - (phi_1 - np.exp(-log_v / 3) / 3))
        return gap, np.array([np.exp(log_v) - gap, (3 * other) ** -3.0 + gap])

    def slope(log_v, state):
        log_missing = -np.logaddexp(0, gap_and_margins(log_v, state[0])[1])
        return [-np.exp(log_missing[1] - log_missing[0] - log_v / 3) / 9]

    def above(log_v, state):
        losses = np.logaddexp(0, -gap_and_margins(log_v, state[0])[1])
        return np.log(losses.mean()) + exponent * np.log(10)

    above.terminal = True
    span = 3 * np.log(start[0]), 8.0
    orbit = solve_ivp(slope, span, [phi_2], method="LSODA", rtol=1e-10, atol=1e-12, events=above)
    assert orbit.status == 1
    gap, _ = gap_and_margins(orbit.t[-1], orbit.y[0, -1])
    alpha_2 = (gap / np.exp(orbit.t[-1])) ** 0.5
    assert round(alpha_2, digits) == printed
    assert alpha_2 < bias_gap_bounds(np.diag(start), 3, 10.0**-exponent).plateau_end


def test_T14_predicted_starts():
    """The text's ratio max (s0_i - s0_{i*})/(b_{i*} - b_i) is 1.312: 1.312e-3 at 0.1, 1.312e-6 at 0.01."""
    signal, bias = [[1.312, 0.0], [-5.0, 1.0]], [0.0, 1.0]
    assert plateau_start(signal, bias, 3, 0.1) == pytest.approx(1.312e-3, rel=1e-12)
    assert plateau_start(signal, bias, 3, 0.01) == pytest.approx(1.312e-6, rel=1e-12)


def test_T2_prediction_changes_at_a_tenth_and_the_error_at_a_sixth():
    """At r = 2 alpha is beta."""
    signal, bias, labels = [[4, 1, -9], [-1, 2, -4], [-5, 8, 8]], [-3, -2, -1], [0, 1, 2]
    assert plateau(signal, bias, labels, 2).end == pytest.approx(1 / 10, rel=1e-15)
    lo, hi = correct_interval(signal, bias, labels, 2)
    assert min(lo[:2]) == pytest.approx(1 / 6, rel=1e-15)
    assert np.isinf(hi).all()  # all correct at the end, as the example needs


def test_T6_two_intervals_are_certified():
    start, end = ["12.685", "0.147", "0.726"], ["1.191", "26.011", "2.544"]

    def certified(alpha):
        product = Fraction(1)
        for first, last in zip(start, end, strict=True):
            product *= (1 - alpha) * Fraction(first) + alpha * Fraction(last)
        return product < Fraction("306.5359") * alpha

    where = [certified(Fraction(m, 1000)) for m in range(1, 1001)]
    starts = [m for m in range(1000) if where[m] and (m == 0 or not where[m - 1])]
    assert len(starts) == 2
    lo, hi = certified_window(
        [float(x) for x in start], [float(x) for x in end], float(np.sqrt(0.5)), 306.5359
    )
    inside = [where[m] for m in range(1000) if lo < (m + 1) / 1000 < hi]
    assert all(inside)
    assert len(inside) > sum(where) / 2  # the longer of the two
    assert not where[round(lo * 1000) - 2]
