"""The second proof's bounds of differences of logits, carried back from the last layer.

With d_l what a layer's model lacks of its units, d_l = F_l W_l(alpha) d_(l-1) + g_l, F_l the diagonal of the
slopes that `recheck` has taken (its relaxation leaves max(z, s z) - lam z - offset / 2 to g_l) and |g_l| <=
own_l. So two logits' difference is off its model by G_l . d_l + sum_(m > l) G_m . g_m with G = e_i - e_j at
the end and G_(l-1) = G_l F_l W_l(alpha), for any l. G is known as a vector v up to a length tau. One layer,
with m = (a + b)/2, y = v F, A = y W0, B = y W1: v' = (1 - m) A + m B, and for alpha in [a, b]

    |G_(l-1) - v'| <= |F| |W(alpha)| tau + (b - a)/2 |B - A| + rounding,

Euclidean norms. A term of v' meets at most k + 4 roundings, k units, one of B - A k + 2, b - a at most 2,
and y one: in all below (2 k + 10) u |y| (|W0| + |W1|), norms of Frobenius; (3 k + 20) u is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.network import ReluLine

__all__ = ["BackwardBounds", "Layer", "euclidean"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_U = 2.0**-53
_TINY = 1e-150  # above what squares that underflow take from a norm of 1e7 numbers
_LARGEST_SIDE = 1024  # beyond it a spectral norm takes too long: Frobenius' is taken


class Layer(NamedTuple):
    """Of a layer's cells and units, (rows, units) each: the radius, the slope taken, its own radius."""

    radius: Array
    slope: Array
    own: Array


def euclidean(x: Array) -> Array:
    """Euclidean norms along the last axis, from above, of numbers below 1e150: n lose n / 2 + 3 roundings."""
    n = x.shape[-1]
    return np.asarray(np.sqrt(np.einsum("...k,...k->...", x, x)) * (1 + (n + 10) * _U) + _TINY)


class BackwardBounds:
    """Of one network.

    Args:
        line: the network.
    """

    def __init__(self, line: ReluLine) -> None:
        self._steps = []
        for step in line.steps[1:]:
            ends = step.start_weight, step.end_weight
            frobenius = sum(float(euclidean(w.reshape(1, -1))[0]) for w in ends) * (1 + 4 * _U)
            self._steps.append((np.hstack(ends), _spectral(ends[0]), _spectral(ends[1]), frobenius))

    def differences(
        self, layers: Sequence[Layer], rows: Whole, first: Whole, second: Whole, start: Array, end: Array
    ) -> Array:
        """(pairs,): how far z_i - z_j is off its model at most, the least of the bounds of all layers.

        Args:
            layers: of all cells of a block.
            rows: each pair's cell.
            first: i.
            second: j.
            start: a of each cell of the block.
            end: b.
        """
        a, b = start[rows], end[rows]
        tau, above, least = np.zeros(len(rows)), np.zeros(len(rows)), np.full(len(rows), np.inf)
        v = np.zeros((len(rows), layers[-1].own.shape[1]))
        v[np.arange(len(rows)), first] = 1
        v[np.arange(len(rows)), second] = -1
        with np.errstate(over="ignore", invalid="ignore"):
            for place in range(len(layers) - 1, -1, -1):
                radius, slope, own = (one[rows] for one in layers[place])
                size, more = abs(v), 1 + (2 * v.shape[1] + 30) * _U
                here = above + np.einsum("pk,pk->p", size, radius) + tau * euclidean(radius)
                least = np.fmin(least, here * more)
                if place == 0:
                    break
                above = (above + np.einsum("pk,pk->p", size, own) + tau * euclidean(own)) * more
                both, by_start, by_end, frobenius = self._steps[place - 1]
                y = v * slope
                products = y @ both
                at_start, at_end = np.split(products, 2, axis=1)
                m = (0.5 * (a + b))[:, None]
                v = (1 - m) * at_start + m * at_end
                grown = ((1 - a) * by_start + b * by_end) * tau
                moved = 0.5 * (b - a) * euclidean(at_end - at_start)
                lost = (3 * y.shape[1] + 20) * _U * euclidean(y) * frobenius
                tau = (grown + moved + lost) * (1 + 20 * _U) + _TINY
        return least


def _spectral(w: Array) -> float:
    """The largest singular value from above: any V near an orthogonal matrix will do, numpy's among them.

    |W V|_2^2 <= |M^T M|_inf for M = W V, whose columns are nearly orthogonal, and |x| = |V V^T x| up to the
    error of V^T V: |W|_2 <= |W V|_2 / sqrt(1 - |V^T V - 1|). Products of k terms lose k u of their sizes,
    which Frobenius' norms bound; 2 (k + 8) u is taken, and sqrt(k) from Frobenius' norm to the largest sum.
    """
    frobenius = float(euclidean(w.reshape(1, -1))[0])
    if min(w.shape) > _LARGEST_SIDE or not 1e-100 < frobenius < 1e100:
        return frobenius
    w = w if w.shape[0] >= w.shape[1] else w.T
    k = max(w.shape)
    lost = 2 * (k + 8) * _U
    try:
        v = np.linalg.svd(w / frobenius, full_matrices=False)[2].T
    except np.linalg.LinAlgError:
        return frobenius
    size = float(euclidean(v.reshape(1, -1))[0])
    skew = float(abs(v.T @ v - np.eye(len(v))).sum(axis=1).max()) + 2 * lost * size * size * k**0.5
    if not skew < 0.5:
        return frobenius
    product = w @ v
    square = float(abs(product.T @ product).sum(axis=1).max()) * (1 + lost)
    square += lost * float(euclidean(product.reshape(1, -1))[0]) ** 2 * k**0.5
    return float(min((square**0.5 + lost * frobenius * size) / (1 - skew) ** 0.5 * (1 + 20 * _U), frobenius))
