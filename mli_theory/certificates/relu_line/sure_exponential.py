"""exp and log with proved errors, in compiled loops: no library's promise is needed.

exp(x), -700 <= x <= 0: k = rint(x / ln 2), |k| <= 1010, and exp(x) = 2^k exp(r), r = x - k ln 2, for any
whole k. ln 2 = A + B, A of 33 bits: k A is exact, x - k A too (Sterbenz: for k < 0, x / (k A) lies in [1/2,
2]). B is off by 2^-87 at most and k B by u |k B| < 2^-72, so that r is off by u |r| + 2^-71 < 0.36u, for |r|
<= 0.3467. Taylor's polynomial of degree 14 leaves |r|^15 / 15! e^|r| < 1e-18 < 0.01u. In Horner's scheme, 1 +
r (p / i), the power i meets at most 3 i + 1 roundings: together below sum_i (3 i + 1) u |r|^i / i! <= (1 + 3
|r|) e^|r| u < 3u. All of it, 0.36u times exp(r) among it, over exp(r) >= 0.7: below 6u; 2^k is exact. `EXP`
is 16u.
"""

from __future__ import annotations

import math

from mli_theory.certificates.relu_line.compiled import compiled

__all__ = ["EXP", "exponential", "logarithm_bounds"]

EXP = 16.0 * 2.0**-53
"""Bound of the relative error of `exponential`."""

_HIGH = 5954088943 * 2.0**-33  # ln 2 to 33 bits, from below
_LOW = 7.440617110012397e-11  # ln 2 - _HIGH
_INVERSE = 1.4426950408889634


@compiled
def exponential(x: float) -> float:
    """exp(x) up to a relative error of `EXP`, for -700 <= x <= 0."""
    k = math.floor(x * _INVERSE + 0.5)
    r = (x - k * _HIGH) - k * _LOW
    p = 1.0
    for i in range(14, 0, -1):
        p = 1.0 + r * (p / i)
    return math.ldexp(p, int(k))


@compiled
def logarithm_bounds(s: float) -> tuple[float, float]:
    """Lower and upper bound of log s, for 1 <= s <= 1e300.

    Any guess y >= 0 will do: with w = s exp(-y), log s = y + log w, and 1 - 1/w <= log w <= w - 1. Computed,
    w is off by (16 + 2)u: 20u is taken. 1/w and the subtractions lose 4u, the sum with y 2u (1 + y):
    8u (1 + y) is taken.
    """
    u = 1.1102230246251565e-16
    y = max(math.log(s), 0.0)
    w = s * exponential(-y)
    slack = 8.0 * u * (1.0 + y)
    return y + (1.0 - 1.0 / (w * (1.0 - 20.0 * u))) - slack, y + (w * (1.0 + 20.0 * u) - 1.0) + slack
