"""A root of a rational number, rounded to a float in a chosen direction: exact for any size and any order.

A ball encloses the root. If its two ends round to one float, that is the result. If not, a float x lies in
the ball, and either x is the root, which integers decide, or the precision is doubled until x is left out.
"""

from __future__ import annotations

import math
from fractions import Fraction

from flint import arb, ctx, fmpq

__all__ = ["ceil_root", "floor_root", "nearest_float"]

_FIRST_PRECISION = 128  # bits


def floor_root(power: Fraction, order: int) -> float:
    """The largest float64 at most power^(1/order), for power > 0 and order >= 1: exact for any size."""
    precision = _FIRST_PRECISION
    while True:
        lower, upper = _root(power, order, precision)
        below, above = _floor(lower), _floor(upper)
        if below == above:
            return below
        if _is_root(Fraction(above), power, order):
            return above
        precision *= 2


def ceil_root(power: Fraction, order: int) -> float:
    """The smallest float64 at least power^(1/order), for power > 0 and order >= 1: exact for any size."""
    below = floor_root(power, order)
    return below if _is_root(Fraction(below), power, order) else math.nextafter(below, math.inf)


def nearest_float(value: arb, exponent: int = 0) -> float:
    """The float64 nearest to the ball's centre times 2^exponent; inf with its sign beyond float64."""
    mantissa, own = (int(part) for part in value.mid().man_exp())
    surplus = max(mantissa.bit_length() - 64, 0)
    try:
        return math.ldexp(mantissa >> surplus, own + exponent + surplus)
    except OverflowError:
        return math.inf if mantissa > 0 else -math.inf


def _root(power: Fraction, order: int, precision: int) -> tuple[Fraction, Fraction]:
    """Rational numbers around power^(1/order), 2^-precision of it apart or somewhat more."""
    with ctx.workprec(precision + 64):
        root = (arb(fmpq(power.numerator, power.denominator)).log() / order).exp()
        return _fraction(root.lower()), _fraction(root.upper())


def _is_root(x: Fraction, power: Fraction, order: int) -> bool:
    """Whether x^order = power, without forming a power longer than `power` is."""
    if x <= 0:
        return False
    for base, result in ((x.numerator, power.numerator), (x.denominator, power.denominator)):
        # Both fractions are in lowest terms, so numerators and denominators agree one by one.
        twos, result_twos = _twos(base), _twos(result)
        odd, result_odd = base >> twos, result >> result_twos
        if twos * order != result_twos or (odd.bit_length() - 1) * order >= result_odd.bit_length():
            return False
        if odd**order != result_odd:
            return False
    return True


def _twos(value: int) -> int:
    return (value & -value).bit_length() - 1


def _floor(value: Fraction) -> float:
    """The largest float64 at most a value > 0 (at most 0 where it is below the least subnormal)."""
    try:
        near = value.numerator / value.denominator  # the nearest float: division of integers rounds once
    except OverflowError:
        return math.nextafter(math.inf, 0.0)
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def _fraction(exact: arb) -> Fraction:
    mantissa, exponent = exact.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
