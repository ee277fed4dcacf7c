"""One implicit stage of the mirror flow: (I - h gamma J) x = rhs, by the structure of J.

Arrays have the batch last, as in mirror.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Linearised"]

Array = NDArray[np.float64]

# Above this diagonal of I + h gamma L the accurate (slower) elimination takes over from LAPACK.
_LAPACK_LIMIT = 1e6


@dataclass(frozen=True)
class Linearised:
    """(I - h gamma J) x = rhs at one state, by one rank-one solve a column and one (k, k) solve for b.

    With a_j = h gamma pi_j and A_j = diag(p_j) - p_j p_j' the columns read
    x_j + a_j A_j (D_j x_j + x_b) = r_j, which is x_j = r_j - a_j L_j (D_j r_j + x_b) with the weighted
    Laplacian L_j = diag(w_j) - w_j w_j'/sum(w_j), w = p/(1 + a p D) > 0: nothing cancels. Summing
    the columns leaves (I + sum_j a_j L_j) x_b = r_b - sum_j a_j L_j D_j r_j.

    Late in a wait h is 1e30 and rounding in r_b, 1e-17 h, would move the mean bias of the classes
    not yet learned by whole nats. But sum_i x_b = 0 (T8 iii), where I is the Laplacian of
    the complete graph with links 1/k: the system is a pure Laplacian, the row of its best
    connected class follows from the others and is dropped, and that class is the zero of potential.
    """

    conductance: Array  # a_j w_ij (k, k, m)
    share: Array  # w_ij / sum_l w_lj (k, k, m)
    sensitivity: Array
    inverse: Array | None  # biases from their right-hand side, (k, k, m); None where they are held

    @classmethod
    def build(cls, p: Array, d: Array, scaled: Array, train_bias: bool) -> Linearised:
        """From the probabilities p, the sensitivities D (both (k, k, m)) and a (k, m)."""
        conductance = scaled * p
        denominator = conductance * d
        denominator += 1.0
        conductance /= denominator
        share = conductance / conductance.sum(axis=0)
        if not train_bias:
            return cls(conductance, share, d, None)
        return cls(conductance, share, d, _grounded_inverse(conductance, share))

    def solve(self, rhs: Array) -> Array:
        """X (k^2 + k, m) for a right-hand side of that shape."""
        k, runs = len(self.share), rhs.shape[1]
        out = np.empty_like(rhs)
        columns = rhs[: k * k].reshape(k, k, runs)
        driven = self.sensitivity * columns
        if self.inverse is None:
            out[k * k :] = rhs[k * k :]
        else:
            pulled = rhs[k * k :] - np.add.reduce(self._laplacian(driven), axis=1)
            potential = np.add.reduce(self.inverse * pulled, axis=1)
            out[k * k :] = potential - np.add.reduce(potential, axis=0) / k
            driven += out[k * k :, None]
        np.subtract(columns, self._laplacian(driven), out=out[: k * k].reshape(k, k, runs))
        return out

    def _laplacian(self, q: Array) -> Array:
        # Relative to the label's entry: late in training its share is 1 - 1e-12, and q_jj minus
        # the mean of q would be lost in rounding.
        k, _, runs = q.shape
        shifted = q - q.reshape(k * k, runs)[:: k + 1]
        shifted -= np.add.reduce(self.share * shifted, axis=0)
        shifted *= self.conductance
        return shifted


def _grounded_inverse(conductance: Array, share: Array) -> Array:
    """Inverse of the Laplacian of I + sum_j (diag(c_j) - c_j s_j') with its best connected class grounded.

    (k, k, m); row and column of the grounded class are 0.
    """
    k, _, runs = share.shape
    links = np.matmul(conductance.transpose(2, 0, 1), share.transpose(2, 1, 0))
    links += 1.0 / k
    index = np.arange(k)
    links[:, index, index] = 0.0
    diagonal = links.sum(axis=2)
    ground = diagonal.argmax(axis=1)
    out = np.empty((k, k, runs))
    stiff = diagonal.max(axis=1) > _LAPACK_LIMIT
    if not stiff.all():
        easy = np.flatnonzero(~stiff)
        matrix = -links[easy]
        matrix[:, index, index] = diagonal[easy]
        row = np.arange(len(easy))
        matrix[row, ground[easy]] = 0.0
        matrix[row, :, ground[easy]] = 0.0
        matrix[row, ground[easy], ground[easy]] = 1.0
        inverse = np.linalg.inv(matrix)
        inverse[row, ground[easy], ground[easy]] = 0.0
        out[:, :, easy] = inverse.transpose(1, 2, 0)
    if stiff.any():
        out[:, :, stiff] = _entrywise_inverse(links[stiff].transpose(1, 2, 0), ground[stiff])
    return out


def _entrywise_inverse(links: Array, ground: NDArray[np.int64]) -> Array:
    """The same inverse by elimination without a subtraction, links (k, k, m) >= 0, ground (m,).

    Every entry has a small relative error whatever the condition number (GTH elimination with the
    row excess carried along), where LAPACK's error is relative to the largest entry.
    """
    k, _, runs = links.shape
    run = np.arange(runs)
    b = np.array(links)
    excess = b[:, ground, run]
    b[:, ground, run] = 0.0
    b[ground, :, run] = 0.0
    excess[ground, run] = 1.0
    result = np.zeros((k, k, runs))
    result[np.arange(k), np.arange(k)] = 1.0
    result[ground, ground, run] = 0.0
    pivots = np.empty((k, runs))
    for n in range(k):
        pivots[n] = excess[n] + b[n, n + 1 :].sum(axis=0)
        factor = b[n + 1 :, n] / pivots[n]
        b[n + 1 :, n + 1 :] += factor[:, None] * b[n, n + 1 :]
        excess[n + 1 :] += factor * excess[n]
        result[n + 1 :] += factor[:, None] * result[n]
    for n in range(k - 1, -1, -1):
        if n + 1 < k:
            result[n] += (b[n, n + 1 :, None] * result[n + 1 :]).sum(axis=0)
        result[n] /= pivots[n]
    return result
