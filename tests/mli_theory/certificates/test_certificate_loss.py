"""`loss_monotone` against the loss in as many digits as it takes, and against T4 and T5."""

from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mli_theory import certify
from mli_theory.certificates.loss_slope import LossSlope
from mli_theory.certificates.power_model_line import line_logits
from tests.mli_theory.second_routes.power_model_by_fractions import Line, lines

DIGITS = 50
GRID = [Fraction(n, 64) for n in range(65)]
ENDS = [Fraction(1, 2**n) for n in range(7, 40, 4)]


def derivative(line, alpha):
    """L' by differences at 50 digits: error about 1e-20."""
    with mpmath.workdps(DIGITS):
        h = Fraction(1, 10**10)
        return (line.loss(alpha + h) - line.loss(alpha - h)) / mpmath_fraction(2 * h)


def mpmath_fraction(value):
    return mpmath.mpf(value.numerator) / value.denominator


def assert_verdict_holds(line, certificate):
    verdict, rise = certificate.loss_monotone, certificate.loss_rises_at
    assert (rise is not None) == (verdict is False)
    if verdict is None:
        return
    if verdict:
        alphas = sorted([*GRID, *ENDS, *(1 - e for e in ENDS)])
        digits = line.digits_to_compare(alphas, DIGITS)
        with mpmath.workdps(digits):
            losses = [line.loss(alpha) for alpha in alphas]
            # At 50 digits a difference of 1e-45 is rounding.
            assert all(b - a <= mpmath.mpf(10) ** (5 - digits) for a, b in pairwise(losses))
    else:
        assert 0 < rise < 1
        step = min(rise, 1 - rise) / 2**40
        assert line.is_lower(rise - step, rise + step)


@given(lines(max_classes=3))
@example(Line(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1], 3))  # T4: rises at once
@example(Line(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 0], 3))  # T5: never rises
@example(Line(np.eye(2), [0, 0], np.zeros((2, 2)), [0, 0], 3))  # backwards
@example(Line(np.zeros((2, 2)), [1, 0], np.zeros((2, 2)), [0, 0], 2))  # all tie at the end only
@settings(max_examples=120)  # about 90 losses at 50 digits an example
def test_verdicts_hold_to_the_last_digit(line):
    assert_verdict_holds(line, certify(*line.arguments))


@given(lines(max_classes=3, zero_start=True))
@example(Line(np.zeros((2, 2)), [0, 0], np.zeros((2, 2)), [0, 3.867519192003233e-227], 2))  # rises by 1e-894
@settings(max_examples=80)
def test_verdicts_hold_to_the_last_digit_on_zero_starts(line):
    assert_verdict_holds(line, certify(*line.arguments))


@given(lines(max_classes=4, ties=False))
@settings(max_examples=60)
def test_general_lines_are_decided(line):
    # No accident makes L' touch 0 inside for general floats, so the default search must not give up.
    assume(len({*line.w0.ravel(), *line.w1.ravel()}) == 2 * line.k**2)
    assert certify(*line.arguments).loss_monotone is not None


@given(lines(max_classes=4, zero_start=True, ties=False), st.integers(3, 6))
@example(Line(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1e-8], 3), 3)  # a bump 1e-49 high
@example(Line(np.zeros((2, 2)), [0, 0], 1e3 * np.eye(2), [0, 1e-30], 6), 6)
@settings(max_examples=60)
def test_t4_unequal_biases_make_the_loss_rise_from_zero_starts(line, degree):
    assume(np.ptp(line.b1) > 0)
    certificate = certify(line.w0, line.b0, line.w1, line.b1, degree)
    assert certificate.loss_monotone is False


def test_t4_needs_degree_3():
    # r = 2: L''(0) = V - 2M, so a strong signal outweighs the biases and the loss only falls.
    assert certify(np.zeros((2, 2)), [0, 0], 2 * np.eye(2), [0, 1], 2).loss_monotone is True
    assert certify(np.zeros((2, 2)), [0, 0], 2 * np.eye(2), [0, 1], 3).loss_monotone is False


@given(lines(max_classes=4, zero_start=True))
@settings(max_examples=60)
def test_t5_equal_biases_and_all_correct_make_the_loss_fall(line):
    weights = np.where(np.eye(line.k, dtype=bool), np.abs(line.w1) + 2.5, line.w1)
    certificate = certify(line.w0, line.b0, weights, np.full(line.k, 0.75), line.degree)
    assert certificate.error_at(1) == 0
    assert certificate.loss_monotone is True


def test_a_line_walked_backwards_rises():
    falling = certify(np.zeros((3, 3)), np.zeros(3), 2 * np.eye(3), np.zeros(3), 3)
    rising = certify(2 * np.eye(3), np.zeros(3), np.zeros((3, 3)), np.zeros(3), 3)
    assert (falling.loss_monotone, rising.loss_monotone) == (True, False)


def test_a_common_stationary_point_inside_is_no_obstacle():
    # Every weight is 0 at alpha = 1/2, where L' has a double zero; the loss falls on both sides.
    certificate = certify(-np.eye(3), np.zeros(3), np.eye(3), np.zeros(3), 3)
    assert certificate.loss_monotone is True


NARROW_RISES = [
    Line([[1.25, 0.25], [0.25, 0.25]], [-1.25, -0.5], [[1.0, 0.25], [-0.5, 2.0]], [0.0, 0.0], 2),
    Line([[2.75, -2.0], [-2.5, 1.0]], [-1.0, -9.5], [[-3.0, -0.5], [-1.75, -5.0]], [7.25, 3.75], 2),
    Line(
        [[1.5, 0.0, -3.25], [3.75, -2.0, 0.75], [-3.75, 4.75, -2.5]],
        [-4.5, 6.5, 2.0],
        [[1.75, 3.25, -1.5], [2.25, 1.5, -1.0], [2.25, 3.25, 5.5]],
        [2.0, 1.75, 0.75],
        4,
    ),
]


@pytest.mark.parametrize("line", NARROW_RISES)
def test_a_narrow_rise_is_not_missed_between_the_centres_of_cells(line):
    # Found by search: without the remainder or on half of each cell these are called monotone.
    certificate = certify(*line.arguments)
    assert certificate.loss_monotone is False
    assert_verdict_holds(line, certificate)


def test_a_loss_that_falls_into_its_stationary_end_is_monotone():
    # All logits tie at alpha = 1, where L' has a simple zero: the sign of an odd power from the left.
    line = Line([[0, 1], [1, 0]], [0, 1], np.zeros((2, 2)), [0, 0], 2)
    certificate = certify(*line.arguments)
    assert certificate.loss_monotone is True
    assert_verdict_holds(line, certificate)


def test_a_constant_loss_is_monotone():
    assert certify(np.eye(3), [0, 1, 2], np.eye(3), [1, 2, 3], 4).loss_monotone is True


def test_a_tangential_zero_without_a_common_cause_is_left_undecided():
    # r = 2, t = 2 alpha - 1: V = 2M cancels t^2 in L (T4), the t^3 term is left, so L' touches 0 at 1/2
    # while no p_ij' is 0 there. At the ends the loss differs, so it is not constant.
    weights, bias = np.diag([1.5, 1.5, 0.0]) / 8, np.array([2.0, -1.0, -1.0]) / 8
    line = Line(-weights, -bias, weights, bias, 2)
    assert abs(derivative(line, Fraction(1, 2))) < 1e-18
    backwards = Line(weights, bias, -weights, -bias, 2)
    verdicts = {certify(*each.arguments).loss_monotone for each in (line, backwards)}
    assert None in verdicts
    assert True not in verdicts


def test_too_few_cells_leave_the_loss_undecided():
    rng = np.random.default_rng(1)
    arguments = (rng.normal(size=(4, 4)) / 2, np.zeros(4), 1.5 * np.eye(4), rng.normal(size=4), 5)
    assert certify(*arguments, max_cells=1).loss_monotone is None
    assert certify(*arguments).loss_monotone is not None


def test_logits_beyond_every_float_give_no_false_answer():
    certificate = certify(np.zeros((2, 2)), [0, 0], np.diag([1e200, -1e200]), [0, 1], 5, max_cells=50)
    assert certificate.loss_monotone in (None, False)  # sample 1 ends wrong by 1e1000 nats: it rises
    assert certificate.changes


@given(lines(max_classes=3), st.fractions(Fraction(1, 100), Fraction(99, 100), max_denominator=100))
@settings(max_examples=80)
def test_the_cleared_derivative_times_its_factor_is_the_loss_derivative(line, alpha):
    slope = LossSlope(line_logits(*line.arguments))
    assume(not slope.is_constant)
    enclosure = slope.at(alpha, 128)
    factor = slope.nonnegative_factor(_fmpq(alpha))
    value = mpmath.mpf(float(enclosure)) * float(factor) / line.k
    assert factor >= 0
    assert float(derivative(line, alpha)) == pytest.approx(float(value), rel=1e-12, abs=1e-15)


@given(lines(max_classes=3), st.fractions(Fraction(1, 8), Fraction(7, 8), max_denominator=64))
@settings(max_examples=80)
def test_taylor_enclosures_hold_over_the_whole_cell(line, centre):
    slope = LossSlope(line_logits(*line.arguments))
    assume(not slope.is_constant)
    radius = Fraction(1, 16)
    cell = slope.expand(centre, radius, 128, 4)
    *coefficients, rest = cell.coefficients
    for t in (-radius, -radius / 3, radius / 2, radius):
        truth = slope.at(centre + t, 128)
        step = _fmpq(t)
        total = rest * step**4
        for power, c in enumerate(coefficients):
            total = total + c * step**power
        if cell.loose is None:
            assert total.overlaps(truth)
        else:
            assert not truth > total + cell.loose


@given(lines(max_classes=3), st.integers(0, 15))
@example(NARROW_RISES[2], 7)
@settings(max_examples=80)
def test_simple_bounds_and_loose_samples_hold_on_steep_lines(line, index):
    # Weights times 3: logits swing by hundreds of nats within a cell, Taylor bounds fail, ranges take over.
    slope = LossSlope(line_logits(3 * line.w0, line.b0, 3 * line.w1, line.b1, line.degree))
    assume(not slope.is_constant)
    centre, radius = Fraction(2 * index + 1, 32), Fraction(1, 32)
    cell = slope.expand(centre, radius, 128, 4)
    simply = slope.falls_simply(centre, radius, 128)
    for t in (-radius, -radius / 3, Fraction(0), radius / 2, radius):
        truth = slope.at(centre + t, 256)
        total = arb(0) if cell.loose is None else cell.loose
        for power, c in enumerate(cell.coefficients):
            total = total + c * _fmpq(t) ** power
        assert not truth > total
        assert not (simply and truth > 0)


@given(lines(max_classes=3), st.integers(0, 15), st.integers(1, 4))
@example(NARROW_RISES[0], 7, 1)
@settings(max_examples=80)
def test_the_range_over_a_cell_holds_its_values(line, index, terms):
    # With one term the remainder is all that moves: leaving it out cannot pass.
    slope = LossSlope(line_logits(*line.arguments))
    assume(not slope.is_constant)
    centre, radius = Fraction(2 * index + 1, 32), Fraction(1, 32)
    cell = slope.expand(centre, radius, 128, terms)
    assume(cell.loose is None)
    for near, far in ((-radius, radius), (Fraction(0), radius)):
        reached = cell.range_over(near, far)
        for alpha in (centre + near, centre + (near + far) / 2, centre + far):
            assert reached.overlaps(slope.at(alpha, 128))


def test_a_steep_cell_has_loose_samples():
    line = NARROW_RISES[2]
    slope = LossSlope(line_logits(*line.arguments))
    assert slope.expand(Fraction(1, 4), Fraction(1, 4), 128, 4).loose is not None
    assert slope.expand(Fraction(1, 4), Fraction(1, 2**12), 128, 4).loose is None


def test_flint_settings_are_put_back():
    before = ctx.prec, ctx.cap
    certify(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1], 3)
    assert (ctx.prec, ctx.cap) == before


def _fmpq(value):
    return fmpq(value.numerator, value.denominator)
