"""A narrower interval about a simple root of an integer polynomial, by signs at rational numbers.

Quadratic interval refinement (Abbott): the line between the two ends proposes one of 2^g equal cells; if
the signs at its ends differ it holds the root and g doubles, so that digits double from step to step. If
not, the side that they exclude is cut off and g is halved, down to 1, which is bisection.

Signs are exact. Balls are tried first: a ball without 0 has the sign of what it encloses. Where they hold 0
up to the precision of the exact value, integers decide.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from flint import arb, ctx, fmpq, fmpz_poly

__all__ = ["first_enclosure", "narrow", "sign_at"]

_BITS = 64  # of the first enclosures, relative to the root
_LEAST_PRECISION = 128


def sign_at(p: fmpz_poly, value: Fraction) -> int:
    """The sign of p at a rational number: -1, 0 or 1."""
    return _sign(_value(p, value))


def first_enclosure(p: fmpz_poly, lower: Fraction, upper: Fraction) -> tuple[Fraction, Fraction]:
    """An enclosure inside (0, 1), 2^-64 of the root wide, from an open interval of [0, 1] with one root.

    The new ends are no roots of p, or both are the root. The old ones may be other roots.
    """
    left = sign_at(p, lower) or sign_at(p.derivative(), lower)  # just right of lower
    if lower == 0 or sign_at(p, lower) == 0:
        near, far = _away(p, lambda share: lower + share * (upper - lower), inwards=left)
        lower, upper = near, upper if far is None else far
    if lower < upper and (upper == 1 or sign_at(p, upper) == 0):
        near, far = _away(p, lambda share: upper - share * (upper - lower), inwards=-left)
        lower, upper = lower if far is None else far, near
    return narrow(p, lower, upper, lower / 2**_BITS)


def narrow(p: fmpz_poly, lower: Fraction, upper: Fraction, width: Fraction) -> tuple[Fraction, Fraction]:
    """At most `width` > 0 wide and inside [lower, upper], with values of opposite signs at the ends.

    Or both ends are the root, where a cell's end meets it. The given ends have values of opposite signs.
    """
    if upper - lower <= width:
        return lower, upper
    g = max(_log2(upper / (upper - lower)), 2)  # on a short interval the line is good from the start
    low, high = _value(p, lower, g), _value(p, upper, g)
    while upper - lower > width:
        g = max(min(g, _log2((upper - lower) / width) + 1), 1)  # cells no finer than asked for
        step = (upper - lower) / 2**g
        cell = _proposed_cell(low, high, 2**g)
        a, b = lower + cell * step, lower + (cell + 1) * step
        at_a = low if cell == 0 else _value(p, a, 2 * g)
        if at_a == 0:
            return a, a
        if _sign(at_a) != _sign(low):
            upper, high, g = a, at_a, g // 2
            continue
        at_b = high if cell == 2**g - 1 else _value(p, b, 2 * g)
        if at_b == 0:
            return b, b
        if _sign(at_b) == _sign(low):
            lower, low, g = b, at_b, g // 2
        else:
            lower, upper, low, high, g = a, b, at_a, at_b, 2 * g
    return lower, upper


def _log2(value: Fraction) -> int:
    """The logarithm, to within 1."""
    return value.numerator.bit_length() - value.denominator.bit_length()


def _proposed_cell(low: arb, high: arb, cells: int) -> int:
    """Where the line from `low` to `high` crosses 0, as one of 0 .. cells - 1; a guess, any will do."""
    with ctx.workprec(cells.bit_length() + _BITS):
        share = (low.mid() / (low.mid() - high.mid()) * cells).floor().unique_fmpz()
    return cells // 2 if share is None else min(max(int(share), 0), cells - 1)


def _away(
    p: fmpz_poly, point: Callable[[Fraction], Fraction], *, inwards: int
) -> tuple[Fraction, Fraction | None]:
    """(near, far): the root lies between point(share) and point(2 share); far is None where 2 share = 1.

    `point` goes from one end, share 0, to the other, share 1; p has the sign `inwards` from the first end up
    to the root. Shares are 2^-e: e doubles until the point is before the root, then e is bisected. near = far
    where a point is the root.
    """
    beyond, before = 0, 1
    while True:
        here = sign_at(p, point(Fraction(1, 2**before)))
        if here == 0:
            return (point(Fraction(1, 2**before)),) * 2
        if here == inwards:
            break
        beyond, before = before, 2 * before
    while before - beyond > 1:
        middle = (before + beyond) // 2
        here = sign_at(p, point(Fraction(1, 2**middle)))
        if here == 0:
            return (point(Fraction(1, 2**middle)),) * 2
        beyond, before = (beyond, middle) if here == inwards else (middle, before)
    return point(Fraction(1, 2**before)), None if beyond == 0 else point(Fraction(1, 2**beyond))


def _value(p: fmpz_poly, at: Fraction, bits: int = 1) -> arb:
    """The value to at least this many bits in a ball without 0, or exactly 0."""
    x = fmpq(at.numerator, at.denominator)
    size = max(at.denominator.bit_length(), 1)
    precision, exact = max(_LEAST_PRECISION, size, bits), p.height_bits() + p.degree() * size
    while precision < exact:
        with ctx.workprec(precision):
            ball = p(arb(x))
            if ball.rel_accuracy_bits() >= bits and (ball > 0 or ball < 0):
                return ball
        precision *= 4
    with ctx.workprec(bits + 10):
        return arb(p(x))  # rounding a rational number other than 0 leaves its sign


def _sign(value: arb) -> int:
    return int(value > 0) - int(value < 0)
