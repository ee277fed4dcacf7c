from fractions import Fraction

import pytest
import sympy
from flint import fmpz_poly
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory import DomainError
from mli_theory.certificates.exact_roots import ONE, ZERO, RealRoot, compare, separated, unit_roots

coefficients = st.lists(st.integers(-12, 12), min_size=1, max_size=6).filter(any)


def sympy_unit_roots(integers):
    """[(root, multiplicity)] in (0, 1], by sympy's own isolation."""
    x = sympy.Symbol("x")
    roots = sympy.Poly(integers[::-1], x).real_roots(multiple=False) if any(integers[1:]) else []
    return [(root, m) for root, m in roots if 0 < root <= 1]


@given(coefficients)
@example([0, 0, -1, 4, -4])  # x^2 (-(2x - 1)^2): a zero at 0 that does not count, a double root
@example([1, -3, 3, -1])  # (1 - x)^3
@example([-1, 0, 2])  # 1/sqrt 2
@example([5])
@settings(max_examples=80)  # sympy takes tens of milliseconds an example
def test_roots_and_multiplicities_are_those_of_sympy(integers):
    ours = sorted(unit_roots(fmpz_poly(integers)), key=lambda found: found[0].lower)
    theirs = sorted(sympy_unit_roots(integers), key=lambda found: sympy.N(found[0], 40))
    assert [m for _, m in ours] == [m for _, m in theirs]
    for (root, _), (expected, _) in zip(ours, theirs, strict=True):
        lower, upper = (sympy.Rational(e.numerator, e.denominator) for e in (root.lower, root.upper))
        assert bool(lower <= expected)
        assert bool(expected <= upper)


@given(coefficients, coefficients)
@example([-1, 0, 2], [1, -3, -2, 6])  # 2x^2 - 1 and (2x^2 - 1)(3x - 1) share an irrational root
@example([-1, 2], [1, -4, 4])
@settings(max_examples=60)  # sympy compares algebraic numbers slowly
def test_the_order_of_roots_of_two_polynomials_is_that_of_sympy(first, second):
    ours = [[root for root, _ in unit_roots(fmpz_poly(p))] for p in (first, second)]
    theirs = [[root for root, _ in sympy_unit_roots(p)] for p in (first, second)]
    ours = [sorted(roots, key=lambda root: root.lower) for roots in ours]
    theirs = [sorted(roots, key=lambda root: sympy.N(root, 40)) for roots in theirs]
    for a, x in zip(ours[0], theirs[0], strict=True):
        for b, y in zip(ours[1], theirs[1], strict=True):
            # Equal or further apart than 1e-40 (degrees <= 5, coefficients <= 12).
            gap = sympy.N(x - y, 60)
            assert compare(a, b) == (0 if abs(gap) < sympy.Float("1e-40", 60) else int(sympy.sign(gap)))


def test_two_roots_one_part_in_2_to_the_200_apart_are_told_apart():
    near, shift = Fraction(1, 3), Fraction(1, 2**200)
    further = near + shift
    p = fmpz_poly([-1, 3]) * fmpz_poly([-further.numerator, further.denominator])
    a, b = sorted((root for root, _ in unit_roots(p)), key=lambda root: root.lower)
    assert a.upper < b.lower
    assert compare(a, b) == -1
    assert a.compare(near) == 0
    assert b.compare(near) == 1


def test_separated_numbers_have_disjoint_enclosures():
    (a, _), (b, _) = unit_roots(fmpz_poly([-1, 0, 2])) + unit_roots(fmpz_poly([-1, -1, 3]))
    wide = [RealRoot(Fraction(1, 10), Fraction(99, 100), root.polynomial) for root in (a, b)]
    left, right = separated(*wide)
    assert left.upper < right.lower
    assert compare(*wide) == -1


def test_a_shared_factor_does_not_make_different_roots_equal():
    # 4x - 1 divides both; it is what b means, and not what a means. The enclosures overlap.
    a = RealRoot(Fraction(1, 2), Fraction(9, 10), fmpz_poly([-1, 0, 2]) * fmpz_poly([-1, 4]))
    b = RealRoot(Fraction(1, 5), Fraction(3, 5), fmpz_poly([-1, 4]))
    assert (compare(a, b), compare(b, a)) == (1, -1)
    assert compare(a, RealRoot(Fraction(3, 5), Fraction(4, 5), fmpz_poly([-1, 0, 2]))) == 0


@given(st.integers(1, 600))
def test_an_enclosure_gets_as_narrow_as_asked_and_keeps_the_root(bits):
    ((root, _),) = unit_roots(fmpz_poly([-1, 0, 2]))
    narrow = root.narrowed(Fraction(1, 2**bits))
    assert narrow.upper - narrow.lower <= Fraction(1, 2**bits)
    assert 2 * narrow.lower**2 < 1 < 2 * narrow.upper**2
    assert root.lower <= narrow.lower
    assert narrow.upper <= root.upper


def test_a_root_converts_to_the_nearest_float():
    ((root, _),) = unit_roots(fmpz_poly([-1, 0, 2]))
    assert float(root) == 0.5**0.5
    assert float(ZERO) == 0.0
    assert float(ONE) == 1.0


def test_bisection_that_hits_a_rational_root_says_so():
    ((root, _),) = unit_roots(fmpz_poly([-1, 4]))
    wide = RealRoot(Fraction(0), Fraction(1), root.polynomial)
    assert wide.narrowed(Fraction(1, 8)).is_exact
    assert wide.narrowed(Fraction(1, 8)).lower == Fraction(1, 4)


@given(st.fractions(0, 1, max_denominator=10**6).filter(lambda q: 0 < q < 1))
def test_simple_rational_roots_are_recognised(value):
    p = fmpz_poly([-value.numerator, value.denominator]) * fmpz_poly([-1, 0, 0, 0, 7])
    roots = [root.rationalised() for root, _ in unit_roots(p)]
    assert value in [root.lower for root in roots if root.is_exact]
    assert sum(root.is_exact for root in roots) == 1  # (1/7)^(1/4) is irrational


@pytest.mark.parametrize("width", [0, -1, Fraction(-1, 3), float("nan")])
def test_a_width_that_is_not_positive_is_refused(width):
    with pytest.raises(DomainError, match="any width > 0"):
        ZERO.narrowed(width)
