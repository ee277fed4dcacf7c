"""The exact error and the plateau against Fractions, and against T1 to T3 on a zero start."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given

from mli_theory import DomainError, certify
from tests.mli_theory.second_routes.power_model_by_fractions import Line, lines

TOUCHING = Line([[-1, 0], [0, 1]], [0, 0], [[1, 0], [0, 1]], [0, 0], 2)
INSIDE = Line([[-1, 0], [0, 0]], [0, 0], [[1, 0], [0, 0]], [0.25, 0.5], 2)
TWO_PLATEAUS = Line([[1, 1], [-1, -1]], [0, 0.25], [[1, 1], [1.25, 1.25]], [0, 0.25], 2)


def telling_alphas(certificate):
    """A grid, every end of an enclosure and a point between any two: nothing constant is missed."""
    ends = {Fraction(n, 12) for n in range(13)}
    for change in certificate.changes:
        ends |= {change.alpha.lower, change.alpha.upper}
    points = sorted(ends)
    return sorted(ends | {(a + b) / 2 for a, b in pairwise(points)})


@given(lines())
@example(TOUCHING)
@example(Line(np.eye(2), [0, 0], np.eye(2), [0, 0], 2))
@example(Line(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1], 2))  # a tie at 1
def test_the_error_is_exact_at_every_rational_alpha(line):
    certificate = certify(*line.arguments, max_cells=1)
    assert certificate.start_error == line.error(0)
    for alpha in telling_alphas(certificate):
        # Strictly inside an inexact enclosure a rational is on a known side of an irrational root, too.
        assert certificate.error_at(alpha) == line.error(alpha)


@given(lines())
@example(TOUCHING)
def test_the_steps_chain_and_their_changes_add_up(line):
    certificate = certify(*line.arguments, max_cells=1)
    errors = [certificate.start_error]
    for step in certificate.error_steps:
        assert step.before == errors[-1]
        assert not step.before == step.at == step.after
        assert step.alpha.compare(0) >= 0 >= step.alpha.compare(1)
        errors += [step.at, step.after]
    assert (
        line.error(1)
        == errors[-1]
        == certificate.start_error + sum(step.change for step in certificate.error_steps)
    )
    assert certificate.error_monotone == all(a >= b for a, b in pairwise(errors))


@given(lines())
@example(TOUCHING)
@example(INSIDE)
@example(TWO_PLATEAUS)
@example(Line(np.zeros((2, 2)), [0, 1], np.zeros((2, 2)), [0, 1], 2))  # all of [0, 1]
def test_plateaus_hold_inside_and_fail_outside(line):
    certificate = certify(*line.arguments, max_cells=1)
    largest = np.flatnonzero(line.b1 == line.b1.max())
    if len(largest) > 1:
        assert certificate.plateau is None
        assert certificate.plateaus == ()
        return
    held = [(int(largest[0]),)] * line.k
    for alpha in telling_alphas(certificate):
        assert any(alpha in plateau for plateau in certificate.plateaus) == (line.leaders(alpha) == held)
    for plateau in certificate.plateaus:
        inside = (plateau.start.upper + plateau.end.lower) / Fraction(2)
        assert line.leaders(inside) == held
        # Each end is 0, 1 or an alpha at which some sample no longer has class i* alone.
        for end, included in ((plateau.start, plateau.includes_start), (plateau.end, plateau.includes_end)):
            if included:
                assert end.lower in (0, 1)
                assert line.leaders(end.lower) == held
            else:
                assert any(c.alpha is end and c.at != held[0] for c in certificate.changes)
    lengths = [float(p.end) - float(p.start) for p in certificate.plateaus]
    if lengths:
        best = certificate.plateau
        assert float(best.end) - float(best.start) >= max(lengths) - 1e-15
    else:
        assert certificate.plateau is None


def test_a_plateau_inside_the_line_has_irrational_ends():
    # f_0 - f_1 is (2 alpha - 1)^2 - alpha/4 for sample 0, -alpha/4 for sample 1.
    plateau = certify(*INSIDE.arguments).plateau

    def quadratic(x):
        return 16 * x**2 - 17 * x + 4

    lo, hi = plateau.start.narrowed(1e-30), plateau.end.narrowed(1e-30)
    assert quadratic(lo.lower) > 0 > quadratic(lo.upper)
    assert quadratic(hi.lower) < 0 < quadratic(hi.upper)
    assert not plateau.includes_start
    assert not plateau.includes_end


def test_of_two_plateaus_the_longer_is_given():
    # f_1 - f_0 = W^2 - 3/4 for both samples, W = -1 + 9 alpha/4.
    certificate = certify(*TWO_PLATEAUS.arguments)
    first, second = certificate.plateaus
    assert certificate.plateau is second
    assert (first.includes_start, first.includes_end) == (True, False)
    assert (second.includes_start, second.includes_end) == (False, True)
    assert float(first.end) == pytest.approx((1 - 0.75**0.5) / 2.25, rel=1e-14)
    assert float(second.start) == pytest.approx((1 + 0.75**0.5) / 2.25, rel=1e-14)


def test_of_equal_plateaus_the_earlier_is_given():
    certificate = certify([[1, 1], [-1, -1]], [0, 0.25], np.ones((2, 2)), [0, 0.25], 2)
    assert len(certificate.plateaus) == 2
    assert certificate.plateau is certificate.plateaus[0]


@given(lines(zero_start=True))
@example(Line(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1], 2))
def test_zero_start_t1_correct_interval(line):
    certificate = certify(*line.arguments, max_cells=1)
    r = line.degree
    for alpha in telling_alphas(certificate):
        correct = 0
        for j in range(line.k):
            s = [Fraction(float(w)) ** r for w in line.w1[:, j]]
            b = [Fraction(float(v)) for v in line.b1]
            pairs = [(b[i] - b[j], s[j] - s[i]) for i in range(line.k) if i != j]
            lo = max([Fraction(0), *(c / d for c, d in pairs if d > 0)])
            highs = [c / d for c, d in pairs if d < 0]
            blocked = any(d == 0 and c >= 0 for c, d in pairs)
            beta = alpha ** (r - 1)
            correct += alpha > 0 and not blocked and lo < beta and all(beta < hi for hi in highs)
        assert certificate.error_at(alpha) == 1 - Fraction(correct, line.k)


@given(lines(zero_start=True))
def test_zero_start_t2_end_of_constant_prediction(line):
    top = np.flatnonzero(line.b1 == line.b1.max())
    assume(len(top) == 1)
    star, r = int(top[0]), line.degree
    betas = []
    for j in range(line.k):
        s = [Fraction(float(w)) ** r for w in line.w1[:, j]]
        b = [Fraction(float(v)) for v in line.b1]
        betas += [(b[star] - b[i]) / (s[i] - s[star]) for i in range(line.k) if s[i] > s[star]]
    plateau = certify(*line.arguments, max_cells=1).plateaus[0]
    assert plateau.start.compare(0) == 0
    assert not plateau.includes_start
    end = min(betas, default=Fraction(2))
    if end > 1:
        assert plateau.includes_end
        assert plateau.end.compare(1) == 0
    else:
        narrow = plateau.end.narrowed(Fraction(1, 2**100))
        assert narrow.lower ** (r - 1) <= end <= narrow.upper ** (r - 1)
        assert not plateau.includes_end


@given(lines(zero_start=True, ties=False))
def test_zero_start_t3_error_is_monotone_if_all_are_correct_at_the_end(line):
    weights = np.where(np.eye(line.k, dtype=bool), np.abs(line.w1) + 4, line.w1)  # 16 > 4 + any bias gap
    certificate = certify(line.w0, line.b0, weights, line.b1, line.degree, max_cells=1)
    assert certificate.error_at(1) == 0
    assert certificate.error_monotone


def test_without_a_zero_start_t3_fails():
    # Sample 0 is right at both ends and wrong between: (1 - 2 alpha)^2 against 1/4.
    certificate = certify([[1, 0], [0, 1]], [0, 0.25], [[-1, 0], [0, 1]], [0, 0.25], 2)
    assert certificate.error_at(0) == certificate.error_at(1) == 0
    assert certificate.error_at(0.5) == Fraction(1, 2)
    assert not certificate.error_monotone
    assert [float(step.alpha) for step in certificate.error_steps] == [0.25, 0.75]


def test_a_tie_at_a_single_alpha_breaks_monotone_error():
    certificate = certify(*TOUCHING.arguments)
    (step,) = certificate.error_steps
    assert (step.before, step.at, step.after, step.change) == (0, Fraction(1, 2), 0, 0)
    assert not certificate.error_monotone


def test_constant_logits_have_one_plateau_and_no_steps():
    weights = np.zeros((3, 3))
    certificate = certify(weights, [0, 1, 3], weights, [0, 1, 3], 5)
    assert certificate.changes == certificate.error_steps == ()
    assert certificate.start_error == Fraction(2, 3)
    assert certificate.error_monotone
    plateau = certificate.plateau
    assert plateau.includes_start
    assert plateau.includes_end
    assert (plateau.start.lower, plateau.end.upper, plateau.majority_class) == (0, 1, 2)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan"), Fraction(-1, 10**30)])
def test_the_error_outside_the_line_is_refused(alpha):
    with pytest.raises(DomainError, match=r"must lie in \[0, 1\]"):
        certify(*TOUCHING.arguments).error_at(alpha)
