"""What floating point adds at most: the constants of the certified line, each with its proof.

u = 2^-53; every operation of float64 is exact up to a factor 1 + delta, |delta| <= u, and up to an absolute
2^-1074 where it underflows (2^-1022 where subnormals are flushed). gamma_n = n u / (1 - n u). A dot product
of m terms, summed in any order, in blocks, by several accumulators, with or without FMA, is off by at most
gamma_m |x| . |y| (Higham, Accuracy and Stability, section 3.1): every term meets at most m roundings. Not
covered: Strassen-like products, TF32, emulated float64.

A bound is a sum of non-negative terms, so that a computed bound is at least (1 - u)^q of its real value, q
the roundings that a term meets. `SURPLUS` makes up for q <= 7.
"""

from __future__ import annotations

__all__ = [
    "BIAS",
    "HUGE",
    "LARGEST_FAN_IN",
    "LARGEST_NUMBER",
    "LEAD",
    "RANGE",
    "RELU",
    "SURPLUS",
    "TINY",
    "U",
    "inflation",
    "product_rounding",
]

U = 2.0**-53

SURPLUS = 1.0 + 8.0 * U
"""A factor on a computed bound whose terms meet at most 7 roundings: (1 - u)^7 (1 + 8u) >= 1."""

BIAS = 8.0 * U
"""Times |b0| + |b1| + |Z_0| + |Z_1|: adding the bias b0 + c d, d = fl(b1 - b0), to Z_0, and rho d to Z_1.

fl(b0 + c d): u|b0| + 3u c|d| <= 4u(|b0| + |b1|). fl(rho d): 2u rho|d| <= u(|b0| + |b1|) + O(u^2), for
rho <= (1/2)(1 + 8u). The two additions: u(1 + u)(|Z_0| + |Z_1|), Z after them. Together below 6u."""

RANGE = 16.0 * U
"""Times S + e: what the sums behind a unit's range lose.

top = Z_0 + max(Z_2, 0) + (|Z_1| + e + slack) is four additions of terms whose sizes sum to at most
(S + e)(1 + 16u), S = |Z_0| + |Z_1| + |Z_2|: 4u(1 + O(u))(S + e); slack itself loses a factor (1 - u)^3."""

RELU = 8.0 * U
"""Times S + M: what lam Z_k and lam Z_0 + M/2 lose, u S + u (S + M/2)(1 + u) <= 2u(S + M)(1 + u)."""

LEAD = 64.0 * U
"""Times er + |q_0| + |q_1| + |q_2| (sizes of both classes): what the check of a lead loses, see `leads`."""

TINY = 1e-270
"""Above all underflow of one layer: per unit at most 4 m (d + 2) products of numbers of which one is at most
1e15 in size, so below 1e7 * 16 * 1e15 * 2^-1022 < 1e-284; and the pass's own dozen operations."""

HUGE = 1e300
"""A unit whose model is not below this in size is unknown (its radius becomes nan)."""

LARGEST_NUMBER = 1e15
LARGEST_FAN_IN = 10_000_000


def product_rounding(fan_in: int) -> float:
    """Give g with |computed - real| <= g [(1 + b)|W0| + b|W1|] S, summed over the coefficients Z_k.

    Z_k = fl(fl(A_k + fl(c B_k)) + fl(rho B_(k-1))), A_k = fl(W0 P_k), B_k = fl(D^ P_k), D^ = fl(W1 - W0). A
    term of W0 P_k meets m + 2 roundings, one of c D P_k m + 4 (D^, m, the product, two sums), one of
    rho D P_(k-1) m + 3. So the error is at most gamma_(m+4) [|W0| + (c + rho)|D|] S with S = sum_k |P_k|,
    |D| <= |W0| + |W1| and c + rho <= b (1 + 10u) (see `enclosure.cell_centres`). gamma_(m+4) (1 + 10u) <=
    (m + 8) u for m <= 1e8. Twice this is taken, so that a lead which is stored is not on the edge of what
    another arithmetic can confirm.
    """
    return 2.0 * (fan_in + 8) * U


def inflation(fan_in: int) -> float:
    """A factor on the computed radius, a sum of 2m non-negative terms whose factors met at most 8 roundings.

    (1 - u)^(2m + 9) (1 + 2 (2m + 24) u)(1 - u) >= 1.
    """
    return 1.0 + 2.0 * (2 * fan_in + 24) * U
