"""Real roots in (0, 1] of polynomials with rational coefficients: exact, comparable, as narrow as wanted.

A root is held as an interval with rational ends and a squarefree integer polynomial whose only root in it
is the one meant. Every question (order, equality, side of a rational number) is answered by signs of
integer polynomials at rational numbers, so no answer depends on a precision. Isolation is python-flint's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import cast

from flint import acb, arb, ctx, fmpq, fmpz_poly

from mli_theory.domain import DomainError

__all__ = ["ONE", "ZERO", "RealRoot", "compare", "separated", "unit_roots"]

_FIRST_PRECISION = 64  # bits of the first enclosures, doubled where they do not settle a question


@dataclass(frozen=True, eq=False)
class RealRoot:
    """One real number, the root of an integer polynomial in [lower, upper].

    Attributes:
        lower: a rational number at most the root.
        upper: a rational number at least the root; equal to `lower` where the root is known to be rational.
        polynomial: squarefree, with integer coefficients; its only root in [lower, upper] is this number.
    """

    lower: Fraction
    upper: Fraction
    polynomial: fmpz_poly = field(repr=False)

    def __repr__(self) -> str:
        """The number itself where it is short, else near which float it lies."""
        exact = str(self.lower)
        if self.is_exact and len(exact) <= 20:
            return f"RealRoot({exact})"
        return f"RealRoot(near {float((self.lower + self.upper) / 2)!r})"

    @property
    def is_exact(self) -> bool:
        """Whether the root is known as a rational number, lower = upper."""
        return self.lower == self.upper

    def compare(self, value: Fraction | float) -> int:
        """The sign of root - value, exactly: -1, 0 or 1; a float is taken as the rational number it is."""
        value = Fraction(value)
        if value < self.lower:
            return 1
        if value > self.upper:
            return -1
        if self.is_exact:
            return 0
        here = _sign(self.polynomial, value)
        return 0 if here == 0 else (1 if here == _sign(self.polynomial, self.lower) else -1)

    def narrowed(self, width: Fraction | float) -> RealRoot:
        """The same root in an interval at most `width` wide, by exact bisection.

        Raises:
            DomainError: a width that is not above 0.
        """
        if not width > 0:
            raise DomainError(f"an enclosure can be narrowed to any width > 0, got {width}")
        lower, upper = self.lower, self.upper
        if upper - lower <= width:
            return self
        left = _sign(self.polynomial, lower)
        while upper - lower > width:
            middle = (lower + upper) / 2
            here = _sign(self.polynomial, middle)
            if here == 0:
                return replace(self, lower=middle, upper=middle)
            lower, upper = (middle, upper) if here == left else (lower, middle)
        return replace(self, lower=lower, upper=upper)

    def rationalised(self) -> RealRoot:
        """The same root, exact if it is the simplest rational number of its interval."""
        guess = _simplest_between(self.lower, self.upper)
        return replace(self, lower=guess, upper=guess) if _sign(self.polynomial, guess) == 0 else self

    def __float__(self) -> float:
        root = self
        # A root halfway between two floats would never settle: below 2^-1200 either neighbour is right.
        while float(root.lower) != float(root.upper) and root.upper - root.lower > Fraction(1, 2**1200):
            root = root.narrowed((root.upper - root.lower) / 2**16)
        return float(root.lower)


ZERO = RealRoot(Fraction(0), Fraction(0), fmpz_poly([0, 1]))
ONE = RealRoot(Fraction(1), Fraction(1), fmpz_poly([-1, 1]))


def unit_roots(polynomial: fmpz_poly) -> list[tuple[RealRoot, int]]:
    """The real roots in (0, 1] of a polynomial other than 0, each once, with multiplicity; in no order.

    Enclosures of roots below 1 lie strictly inside (0, 1). Enclosures of different roots may overlap
    (see `separated`).
    """
    valuation = next(index for index, c in enumerate(polynomial.coeffs()) if c != 0)
    p = polynomial.right_shift(valuation)
    roots = []
    multiplicity = 0
    while p(1) == 0:
        p, multiplicity = p // ONE.polynomial, multiplicity + 1
    if multiplicity:
        roots.append((ONE, multiplicity))
    if _may_vanish_inside(p):
        for factor, multiplicity in p.factor_squarefree()[1]:
            roots += [(root, int(multiplicity)) for root in _isolate(factor)]
    return roots


def compare(a: RealRoot, b: RealRoot) -> int:
    """The sign of a - b, exactly: -1, 0 or 1."""
    if a.upper < b.lower:
        return -1
    if b.upper < a.lower:
        return 1
    if a.is_exact:
        return -b.compare(a.lower)
    if b.is_exact:
        return a.compare(b.lower)
    if _coincide(a, b):
        return 0
    a, b = separated(a, b)
    return -1 if a.upper < b.lower else 1


def separated(a: RealRoot, b: RealRoot) -> tuple[RealRoot, RealRoot]:
    """Two different numbers in disjoint closed intervals."""
    while a.lower <= b.upper and b.lower <= a.upper:
        if not a.is_exact:
            a = a.narrowed((a.upper - a.lower) / 4)
        if not b.is_exact:
            b = b.narrowed((b.upper - b.lower) / 4)
    return a, b


def _coincide(a: RealRoot, b: RealRoot) -> bool:
    """Whether two overlapping enclosures hold the same number: then it is a root of the common divisor."""
    common = a.polynomial.gcd(b.polynomial)
    if common.degree() < 1:
        return False
    # In the overlap both polynomials have at most one root, so the divisor has at most one, and simple.
    lower, upper = max(a.lower, b.lower), min(a.upper, b.upper)
    return _sign(common, lower) * _sign(common, upper) <= 0


def _may_vanish_inside(p: fmpz_poly) -> bool:
    """False proves that p, not 0 at 0 and 1, has no root in (0, 1): Descartes' rule for x = 1/(1 + t)."""
    signs = [c > 0 for c in fmpz_poly(p.coeffs()[::-1])(fmpz_poly([1, 1])).coeffs() if c != 0]
    return any(a != b for a, b in pairwise(signs))


def _isolate(p: fmpz_poly) -> list[RealRoot]:
    """The roots in (0, 1) of a squarefree polynomial that is 0 neither at 0 nor at 1."""
    precision = _FIRST_PRECISION
    while True:
        with ctx.workprec(precision):
            # Flint's certified roots are isolated from one another; the real ones have imaginary part 0.
            roots = cast("list[tuple[acb, int]]", p.complex_roots())
            bounds = sorted(_bounds(z.real) for z, _ in roots if z.imag == 0)
        inside = [(lower, upper) for lower, upper in bounds if upper >= 0 and lower <= 1]
        clear = all(lower > 0 and upper < 1 for lower, upper in inside)
        if clear and all(a[1] < b[0] for a, b in pairwise(inside)):
            return [_enclosed(p, lower, upper) for lower, upper in inside]
        precision *= 2


def _enclosed(p: fmpz_poly, lower: Fraction, upper: Fraction) -> RealRoot:
    left, right = _sign(p, lower), _sign(p, upper)
    if left == 0 or right == 0:
        end = lower if left == 0 else upper
        return RealRoot(end, end, p)
    if left == right:  # a simple root changes the sign: the enclosure would not be one
        raise ArithmeticError(f"no sign change of {p} on [{lower}, {upper}]; report this as a defect")
    return RealRoot(lower, upper, p)


def _bounds(ball: arb) -> tuple[Fraction, Fraction]:
    centre, radius = _dyadic(ball.mid()), _dyadic(ball.rad())
    return centre - radius, centre + radius


def _dyadic(exact: arb) -> Fraction:
    mantissa, exponent = exact.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _sign(p: fmpz_poly, value: Fraction) -> int:
    result = p(fmpq(value.numerator, value.denominator))
    return (result > 0) - (result < 0)


def _simplest_between(lower: Fraction, upper: Fraction) -> Fraction:
    """The fraction of least denominator in [lower, upper], 0 <= lower (continued fractions)."""
    terms = []
    while True:
        whole = lower.numerator // lower.denominator
        if whole == lower or whole + 1 <= upper:
            break
        terms.append(whole)
        lower, upper = 1 / (upper - whole), 1 / (lower - whole)
    value = Fraction(whole if whole == lower else whole + 1)
    for term in reversed(terms):
        value = term + 1 / value
    return value
