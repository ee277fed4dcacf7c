"""Euclidean norms from above, rounding included. u = 2^-53; sums in any order, as in rounding.py."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.rounding import U

__all__ = ["SMALLEST", "norms_above", "spectral_norm_above"]

Array = NDArray[np.float64]

SMALLEST = 1e-150
"""Added to a norm of up to 1e7 floats: squares that underflow lose at most 1e7 * 2^-1022 < SMALLEST^2."""

_SQUARINGS = 6
_LARGEST_SIDE = (
    1024  # of a matrix whose squares are worth their time; of a larger one Frobenius' norm is taken
)


def norms_above(matrix: Array, axis: int | None = None) -> Array:
    """At least the Euclidean norm of each row (axis 1) or column (axis 0), or of all of it (None).

    Divided by the largest entry first, so that nothing overflows, and what underflows is below SMALLEST of
    the largest. A quotient is off by u, a square by 3u, a sum of m by m u, root and product by 2u: of the
    norm at most (m / 2 + 4) u; 2 (m + 16) u is taken.

    Args:
        matrix: finite.
        axis: that is summed over.
    """
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0.0:
        return np.zeros_like(np.sum(matrix, axis=axis))
    terms = matrix.size if axis is None else matrix.shape[axis]
    scaled = np.sqrt(np.sum((matrix / largest) ** 2, axis=axis))
    return np.asarray(largest * scaled * (1.0 + 2.0 * (terms + 16) * U) + SMALLEST * (1.0 + largest))


def spectral_norm_above(matrix: Array) -> float:
    """At least the largest singular value of a finite matrix, and within a few percent of it.

    With B_0 = W / s, |B_0|_F near 1, and B_(k+1) = fl(B_k^T B_k) / s_k, s_k powers of two: |B_k|_2^2 =
    |B_k^T B_k|_2 <= s_k |B_(k+1)|_2 + gamma_m |B_k|_F^2, m rows: a computed entry is off by gamma_m |B_k|^T
    |B_k|, whose Frobenius norm is at most gamma_m |B_k|_F^2. Division by a power of two is exact but for
    underflow, which SMALLEST in `norms_above` outweighs. At the end |B|_2 <= |B|_F, whose 64th root is taken.

    Args:
        matrix: (rows, columns).
    """
    whole = float(norms_above(matrix))
    if not 1e-140 < whole < 1e140 or min(matrix.shape) > _LARGEST_SIDE:
        return whole
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    scale = 2.0 ** math.ceil(math.log2(whole))
    b = matrix / scale  # exact, but for entries below 2^-1022 * scale: far below SMALLEST of what is added
    losses, scales = [], []
    for _ in range(_SQUARINGS):
        rows = len(b)
        size = float(norms_above(b))
        losses.append(2.0 * (rows + 8) * U * size * size)
        product = b.T @ b
        power = 2.0 ** math.ceil(math.log2(float(norms_above(product))))
        scales.append(power)
        b = product / power
    bound = float(norms_above(b))
    for power, loss in zip(reversed(scales), reversed(losses), strict=True):
        bound = math.sqrt(power * bound + loss) * (1.0 + 8.0 * U)
    return min(scale * bound, whole)
