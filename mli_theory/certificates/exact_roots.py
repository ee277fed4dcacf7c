"""Real roots in (0, 1] of polynomials with rational coefficients: exact, comparable, as narrow as wanted.

A root is held as an interval with rational ends and a squarefree integer polynomial whose only root in it
is the one meant. Every question (order, equality, side of a rational number) is answered by signs of
integer polynomials at rational numbers, so no answer depends on a precision.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isfinite

from flint import fmpz_poly

from mli_theory.certificates.root_isolation import isolate, sign_changes
from mli_theory.certificates.root_refinement import first_enclosure, narrow, sign_at
from mli_theory.domain import DomainError

__all__ = ["ONE", "ZERO", "RealRoot", "compare", "disjoint", "separated", "unit_roots"]


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
        """The sign of root - value, exactly: -1, 0 or 1; a float is taken as the rational number it is.

        Raises:
            DomainError: a value that is not finite.
        """
        if isinstance(value, float) and not isfinite(value):
            raise DomainError(f"a root can be compared with a finite number, got {value}")
        value = Fraction(value)
        if value < self.lower:
            return 1
        if value > self.upper:
            return -1
        if self.is_exact:
            return 0
        here = sign_at(self.polynomial, value)
        return 0 if here == 0 else (1 if here == sign_at(self.polynomial, self.lower) else -1)

    def narrowed(self, width: Fraction | float) -> RealRoot:
        """The same root in an interval at most `width` wide, by exact signs.

        Raises:
            DomainError: a width that is not above 0.
        """
        if not width > 0:
            raise DomainError(f"an enclosure can be narrowed to any width > 0, got {width}")
        if self.upper - self.lower <= width:
            return self
        lower, upper = narrow(self.polynomial, self.lower, self.upper, Fraction(width))
        return replace(self, lower=lower, upper=upper)

    def rationalised(self) -> RealRoot:
        """The same root, exact if it is the simplest rational number of its interval."""
        guess = _simplest_between(self.lower, self.upper)
        return replace(self, lower=guess, upper=guess) if sign_at(self.polynomial, guess) == 0 else self

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
    if sign_changes(p) > 0:  # most pairs of classes never meet: no factors are looked for
        for factor, multiplicity in p.factor_squarefree()[1]:
            roots += [(root, int(multiplicity)) for root in _alone(factor)]
    return roots


def compare(a: RealRoot, b: RealRoot) -> int:
    """The sign of a - b, exactly: -1, 0 or 1."""
    if a.upper < b.lower:
        return -1
    if b.upper < a.lower:
        return 1
    if a is b:
        return 0
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
        width = max(a.upper - a.lower, b.upper - b.lower)
        width *= min(width, Fraction(1, 4))  # twice as many digits each time
        a, b = (root if root.is_exact else root.narrowed(width) for root in (a, b))
    return a, b


def disjoint(roots: list[RealRoot]) -> list[RealRoot]:
    """Different numbers, ascending, in disjoint enclosures: narrowing one never brings it nearer another."""
    for index in range(len(roots) - 1):
        roots[index], roots[index + 1] = separated(roots[index], roots[index + 1])
    return roots


def _coincide(a: RealRoot, b: RealRoot) -> bool:
    """Whether two overlapping enclosures hold the same number: then it is a root of the common divisor."""
    common = a.polynomial.gcd(b.polynomial)
    if common.degree() < 1:
        return False
    # In the overlap both polynomials have at most one root, so the divisor has at most one, and simple.
    lower, upper = max(a.lower, b.lower), min(a.upper, b.upper)
    return sign_at(common, lower) * sign_at(common, upper) <= 0


def _alone(p: fmpz_poly) -> list[RealRoot]:
    """The roots in (0, 1) of a squarefree polynomial, ascending, in disjoint enclosures."""
    if p.degree() == 1:  # the root is rational, and may be too long a fraction for `rationalised`
        root = Fraction(-int(p[0]), int(p[1]))
        return [RealRoot(root, root, p)] if 0 < root < 1 else []
    ends = (pair if pair[0] == pair[1] else first_enclosure(p, *pair) for pair in isolate(p))
    return disjoint([RealRoot(lower, upper, p) for lower, upper in ends])


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
