"""Class changes: planted ones, and every certificate proved again by sympy's root counting."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings

from mli_theory import certify
from tests.mli_theory.second_routes.power_model_by_fractions import Line, lines


def changes_of(certificate, sample):
    return [
        (change.before, change.at, change.after) for change in certificate.changes if change.sample == sample
    ]


def sympy_number(value):
    return sympy.Rational(value.numerator, value.denominator)


def roots_inside(polynomial, lower, upper):
    """How many different roots a polynomial has in the open interval, by Sturm-like counting."""
    closed = polynomial.count_roots(sympy_number(lower), sympy_number(upper))
    return closed - sum(polynomial.eval(sympy_number(end)) == 0 for end in {lower, upper})


def assert_proved(line, certificate):
    """Every claim about changes, from sympy and Fractions alone."""
    for left, right in pairwise(certificate.changes):
        assert left.alpha is right.alpha or left.alpha.upper < right.alpha.lower
    for sample in range(line.k):
        mine = [change for change in certificate.changes if change.sample == sample]
        differences = line.differences(sample)
        pieces = [(0, 0), *((c.alpha.lower, c.alpha.upper) for c in mine), (1, 1)]
        leaders = line.leaders(0)[sample]
        for index, ((_, left), (right, _)) in enumerate(pairwise(pieces)):
            if index:
                leaders = mine[index - 1].after
            if left == right:
                continue
            # Between events: the leaders lead at one point, and no other class ever meets them.
            assert line.leaders((left + right) / Fraction(2))[sample] == leaders
            lead = leaders[0]
            for other in set(range(line.k)) - set(leaders):
                difference = differences[min(lead, other), max(lead, other)]
                assert roots_inside(difference, left, right) == 0
        for change in mine:
            assert_event_proved(line, differences, change)


def assert_event_proved(line, differences, change):
    root = change.alpha
    assert not change.before == change.at == change.after
    assert set(change.before) | set(change.after) <= set(change.at)
    if root.is_exact:
        assert line.leaders(root.lower)[change.sample] == change.at
        return
    root = root.narrowed(Fraction(1, 2**200))
    first, *others = change.at
    shared = sympy.Poly(0, sympy.Symbol("x"), domain="QQ")
    for other in others:
        shared = sympy.gcd(shared, differences[first, other])
    assert shared.is_zero or roots_inside(shared, root.lower, root.upper) == 1  # one point for all of them
    for other in set(range(line.k)) - set(change.at):
        difference = differences[min(first, other), max(first, other)]
        assert roots_inside(difference, root.lower, root.upper) == 0


@given(lines(max_classes=3, max_degree=4))
@example(Line(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1], 2))
@example(Line([[-1, 0], [0, 1]], [0, 0], [[1, 0], [0, 1]], [0, 0], 2))  # touching at 1/2
@example(Line(np.eye(3), np.zeros(3), np.eye(3), np.zeros(3), 3))  # nothing moves
@example(Line(np.ones((3, 3)), np.zeros(3), np.zeros((3, 3)), np.zeros(3), 3))  # equal everywhere
@example(Line([[0, 0], [1, 0]], [0, 0], [[1, 0], [0, 1]], [0, 0], 2))
@settings(max_examples=100)  # sympy's root counting takes tens of milliseconds an example
def test_sympy_proves_every_certificate(line):
    assert_proved(line, certify(*line.arguments, max_cells=1))


def test_a_class_change_at_an_irrational_alpha():
    # Sample 0, r = 3, zero start: class 1 leads by its bias until alpha^3 = alpha/2.
    certificate = certify(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 0.5], 3)
    (start, change) = [c for c in certificate.changes if c.sample == 0]
    assert (start.alpha.lower, start.alpha.upper) == (0, 0)
    assert (start.before, start.at, start.after) == ((0, 1), (0, 1), (1,))
    assert (change.before, change.at, change.after) == ((1,), (0, 1), (0,))
    narrow = change.alpha.narrowed(1e-60)
    assert narrow.lower**2 < Fraction(1, 2) < narrow.upper**2
    assert not change.is_touching


def test_a_double_root_is_reported_as_touching():
    # f_0 = (2 alpha - 1)^2 >= f_1 = 0 for sample 0.
    certificate = certify([[-1, 0], [0, 1]], [0, 0], [[1, 0], [0, 1]], [0, 0], 2)
    (change,) = certificate.changes
    assert (change.sample, change.before, change.at, change.after) == (0, (0,), (0, 1), (0,))
    assert change.alpha.is_exact
    assert change.alpha.lower == Fraction(1, 2)
    assert change.is_touching


def test_a_triple_root_is_a_change():
    # f_0 = (2 alpha - 1)^3 against 0.
    certificate = certify([[-1, 0], [0, 1]], [0, 0], [[1, 0], [0, 1]], [0, 0], 3)
    assert changes_of(certificate, 0) == [((1,), (0, 1), (0,))]
    assert changes_of(certificate, 1) == []


def test_three_classes_at_one_point():
    # Sample 0, r = 2: 4 alpha^2, 2 alpha and 1 all equal 1 at alpha = 1/2; both others overtake class 2.
    w1 = np.zeros((3, 3))
    w1[0, 0] = 2.0
    certificate = certify(np.zeros((3, 3)), [0, 0, 1], w1, [0, 2, 1], 2)
    assert changes_of(certificate, 0) == [((2,), (0, 1, 2), (0,))]
    assert certificate.changes[0].alpha.compare(0.5) == 0


def test_identical_logits_stay_tied_on_an_interval():
    # Classes 1 and 2 are one polynomial for sample 0: they lead together, then class 0 takes over.
    w1 = np.diag([2.0, 1.0, 1.0])
    certificate = certify(np.zeros((3, 3)), [0, 0, 0], w1, [0, 1, 1], 2)
    assert changes_of(certificate, 0) == [
        ((0, 1, 2), (0, 1, 2), (1, 2)),
        ((1, 2), (0, 1, 2), (0,)),
    ]


def test_a_tie_at_alpha_one_only():
    certificate = certify(np.zeros((2, 2)), [0, 0], np.eye(2), [0, 1], 2)
    last = certificate.changes[-1]
    assert (last.sample, last.alpha.lower, last.alpha.upper) == (0, 1, 1)
    assert (last.before, last.at, last.after) == ((1,), (0, 1), (0, 1))


def test_changes_one_float_apart_are_told_apart():
    # r = 2, zero start: sample j changes at alpha = c_j, here 0.3 and the next float.
    first, second = 0.3, float(np.nextafter(0.3, 1))
    # Diagonal 1, and bias gaps to class 2 that are the floats themselves.
    certificate = certify(np.zeros((3, 3)), np.zeros(3), np.eye(3), [-first, -second, 0], 2)
    changes = [c for c in certificate.changes if c.alpha.lower > 0]
    assert [c.sample for c in changes] == [0, 1]
    assert changes[0].alpha.upper < changes[1].alpha.lower
    for change, value in zip(changes, (first, second), strict=True):
        assert change.alpha.compare(value) == 0
        assert change.alpha.compare(float(np.nextafter(value, 1))) == -1
        assert change.alpha.compare(float(np.nextafter(value, 0))) == 1


def test_equal_alphas_of_different_samples_are_one_root():
    certificate = certify(np.zeros((3, 3)), np.zeros(3), np.eye(3), [-0.5, -0.5, 0], 4)
    changes = [c for c in certificate.changes if c.alpha.lower > 0]
    assert [c.sample for c in changes] == [0, 1]
    assert changes[0].alpha is changes[1].alpha
    assert len(certificate.error_steps) == 2  # leaving the tie at 0, then both at once


def test_floats_of_every_size_are_taken_exactly():
    tiny, huge = 5e-324, 1e300
    w1 = np.array([[huge, tiny], [tiny, tiny]])
    certificate = certify(np.zeros((2, 2)), [0, 0], w1, [0, huge], 8)
    (change,) = [c for c in certificate.changes if c.sample == 0 and c.alpha.lower > 0]
    # alpha^7 = huge / (huge^8 - tiny^8)
    ratio = Fraction(huge) / (Fraction(huge) ** 8 - Fraction(tiny) ** 8)
    narrow = change.alpha.narrowed(Fraction(1, 2**3000))
    assert narrow.lower**7 <= ratio <= narrow.upper**7
    assert float(change.alpha) == pytest.approx(1e-300, rel=1e-12)


def test_each_event_belongs_to_the_sample_it_names():
    # Weights are [class i, sample j]: only sample 1 has a class-0 logit that grows.
    w1 = np.array([[0.0, 3.0], [0.0, 0.0]])
    certificate = certify(np.zeros((2, 2)), [0, 0.5], w1, [0, 0.5], 2)
    assert [c.sample for c in certificate.changes] == [1]
    assert changes_of(certificate, 1) == [((1,), (0, 1), (0,))]
