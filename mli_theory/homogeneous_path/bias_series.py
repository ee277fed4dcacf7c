"""The loss of the bias alone as a power series in alpha: log mean_c e^(alpha b_c), accurate in every digit.

The coefficients are cumulants over factorials. In floats they overflow on the way and cancel; here they are
balls whose precision is doubled until they have 60 bits, and only the result is made a float. That ends: the
coefficient of order m of dyadic biases is a rational number with a known denominator, so one that balls of
that many bits cannot tell from 0 is 0.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb, arb_series, ctx, fmpq
from numpy.typing import NDArray

from mli_theory.homogeneous_path.float_roots import nearest_float

__all__ = ["bias_series"]

_BITS = 60  # of each coefficient


def bias_series(bias: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Taylor coefficients 0 .. order of log mean_c e^(alpha b_c): (order + 1,), inf in size beyond float64.

    Order 1, the mean of the bias, is left 0: coefficients are those of the centred bias.
    """
    given = [Fraction(float(b)) for b in bias]
    middle = (max(given) + min(given)) / 2
    centred = sorted(b - middle for b in given)
    size = centred[-1]
    series = np.zeros(order + 1)
    if size == 0:
        return series
    # Over a power of 2, so that all are at most 1 in size and the factor back is exact.
    scale = size.numerator.bit_length() - size.denominator.bit_length() + 1
    scaled = [b / Fraction(2) ** scale for b in centred]
    even = all(low == -high for low, high in zip(scaled, reversed(scaled), strict=True))
    todo = [m for m in range(2, order + 1) if not (even and m % 2)]  # of an even function the odd ones are 0
    precision = 2 * _BITS
    while todo:
        found = _scaled_series(scaled, order, precision)
        open_ = []
        for m in todo:
            if found[m].rel_accuracy_bits() >= _BITS:
                series[m] = nearest_float(found[m], m * scale)
            elif precision <= _bits_of_denominator(scaled, m):
                open_.append(m)
        todo, precision = open_, 2 * precision
    return series


def _scaled_series(scaled: list[Fraction], order: int, precision: int) -> list[arb]:
    before = ctx.cap
    try:
        with ctx.workprec(precision):
            ctx.cap = order + 1
            total = arb_series([0])
            for b in scaled:
                total += arb_series([0, arb(fmpq(b.numerator, b.denominator))]).exp()
            log = (total / len(scaled)).log()
            return [log[m] for m in range(order + 1)]
    finally:
        ctx.cap = before


def _bits_of_denominator(scaled: list[Fraction], m: int) -> int:
    """Bits of a common denominator of the coefficient of order m: q^m k^m m! m, q that of the biases."""
    q = max(b.denominator for b in scaled).bit_length()
    return m * (q + len(scaled).bit_length() + m.bit_length() + 1) + 2
