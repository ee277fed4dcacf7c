"""Where two classes tie on the homogeneous path, rounded to a float in a chosen direction.

Two logits beta s + b tie at beta = c/d, with c a difference of biases and d a difference of signals,
so at alpha = (c/d)^(1/(r-1)), in general irrational. Rounding it *down* keeps every answer to
"is the float alpha above the tie?" exact, and rounding it *up* every answer to "below?": no float
lies between a real number and its rounding. That is how curves on a grid of floats come out exact.

Two routes give the same floats. Those of float_roots.py are exact on any input. `rounded_crossings` is the
vectorised one: a pair of floats holds the root to 2^-80 relative, and the few whose rounding that does not
settle (all exact ties among them) go the exact way.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mli_theory.homogeneous_path.float_roots import ceil_root, floor_root

__all__ = ["FAST_DEGREE", "FAST_RANGE", "rounded_crossings"]

Floats = NDArray[np.float64]

FAST_RANGE = 2.0**400
"""Nonzero inputs of the vectorised route lie between 1/FAST_RANGE and FAST_RANGE in size: then no
difference, quotient, power or rounding error in it overflows or becomes subnormal."""

FAST_DEGREE = 1024
"""Largest degree of the vectorised route; its error bound is stated for degrees up to here."""

_UNSETTLED = 2.0**-80
_SPLITTER = 2.0**27 + 1.0  # Dekker: halves a 53-bit significand


def rounded_crossings(
    bias_ahead: Floats,
    bias_behind: Floats,
    signal_ahead: Floats,
    signal_behind: Floats,
    degree: int,
    *,
    up: bool,
) -> Floats:
    """The alpha at which the class behind in bias and ahead in signal catches up, rounded up or down.

    alpha = ((bias_ahead - bias_behind) / (signal_ahead - signal_behind))^(1/(degree-1)), both differences
    > 0, taken without rounding; flat arrays of one length. The result is the correctly rounded float64:
    the smallest at least alpha (`up`), or the largest at most alpha.
    The caller keeps to FAST_RANGE and FAST_DEGREE.
    """
    order = degree - 1
    c, c_error = _two_sum(bias_ahead, -bias_behind)
    d, d_error = _two_sum(signal_ahead, -signal_behind)
    guess = (c / d) ** (1.0 / order)
    # One Newton step from the residual of guess^order d = c, taken in pairs of floats. With u = 2^-53, the
    # guess is off by delta <= (595/order + 200) u relative (c/d within 3u, |log(c/d)| < 592 times the
    # rounding of 1/order, and any pow good to 100 ulp). The step leaves (order - 1)/2 delta^2, rounding of
    # 4 u delta and the pairs' own 16 u^2: together below 2^-81 for order < 1024.
    value, value_error = _pair_product(_pair_power(guess, order), (d, d_error))
    residual = (value - c) + (value_error - c_error)
    nearest, rest = _two_sum(guess, -guess * (residual / c) / order)
    with np.errstate(invalid="ignore"):
        rounded = (
            np.where(rest > 0, np.nextafter(nearest, np.inf), nearest)
            if up
            else np.where(rest < 0, np.nextafter(nearest, 0.0), nearest)
        )
    exact_root = ceil_root if up else floor_root
    for index in np.flatnonzero(~(np.abs(rest) > _UNSETTLED * nearest)):
        power = (Fraction(float(bias_ahead[index])) - Fraction(float(bias_behind[index]))) / (
            Fraction(float(signal_ahead[index])) - Fraction(float(signal_behind[index]))
        )
        rounded[index] = exact_root(power, order)
    return np.asarray(rounded, dtype=np.float64)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its rounding error, exactly (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its rounding error, exactly (Dekker; numpy has no fused multiply-add)."""
    product = a * b
    a_high, b_high = a * _SPLITTER, b * _SPLITTER
    a_high, b_high = a_high - (a_high - a), b_high - (b_high - b)
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _pair_product(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The product of two unevaluated sums, relative error under 8 * 2^-106."""
    product, error = _two_product(a[0], b[0])
    return _two_sum(product, error + (a[0] * b[1] + a[1] * b[0]))


def _pair_power(base: Floats, order: int) -> tuple[Floats, Floats]:
    """base^order as an unevaluated sum, by squaring; relative error under 8 order 2^-106."""
    square = (base, np.zeros_like(base))
    while order % 2 == 0:
        square, order = _pair_product(square, square), order // 2
    power, order = square, order // 2
    while order:
        square = _pair_product(square, square)
        if order % 2:
            power = _pair_product(power, square)
        order //= 2
    return power
