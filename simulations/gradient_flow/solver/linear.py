"""One implicit stage of the mirror flow: (I - h gamma J) x = rhs, by the structure of J.

Arrays have the batch last, as in mirror.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Linearised"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Linearised:
    """(I - h gamma J) x = rhs at one state, by one rank-one solve a column and one (k, k) solve for b.

    With a_j = h gamma pi_j and A_j = diag(p_j) - p_j p_j' the columns read
    x_j + a_j A_j (D_j x_j + x_b) = r_j, which is x_j = r_j - a_j L_j (D_j r_j + x_b) with the weighted
    Laplacian L_j = diag(w_j) - w_j w_j'/sum(w_j), w = p/(1 + a p D) > 0: nothing cancels. Summing
    the columns leaves (I + sum_j a_j L_j) x_b = r_b - sum_j a_j L_j D_j r_j.

    Late in a wait h is 1e30, and the pulls of the samples on a bias, of the order of h, cancel but for O(1):
    rounding in their sum, 1e-17 h, would move the mean bias of classes that share their samples'
    probability by whole nats. So the sum is never formed. As sum_i x_b = 0 (T8 iii), I is the Laplacian of
    the complete graph with links 1/k, the system is a pure Laplacian, and its right-hand side is a net flow
    of bias between every two classes: elimination hands an eliminated class's inflow on to the others, and
    of a flow that comes back to where it came from nothing is formed.
    """

    conductance: Array  # a_j w_ij (k, k, m)
    share: Array  # w_ij / sum_l w_lj (k, k, m)
    sensitivity: Array
    hub: NDArray[np.int64]  # a class of large share (k, m), from which the others of a column are seen
    biases: _Eliminated | None  # None where they are held

    @classmethod
    def build(cls, p: Array, d: Array, scaled: Array, train_bias: bool) -> Linearised:
        """From the probabilities p, the sensitivities D (both (k, k, m)) and a (k, m)."""
        conductance = scaled * p
        denominator = conductance * d
        denominator += 1.0
        conductance /= denominator
        share = conductance / conductance.sum(axis=0)
        # The label unless another class has more than twice its conductance: classes that are alike are then
        # treated alike.
        label = np.arange(len(p))
        largest = conductance.argmax(axis=0)
        hub = np.where(2.0 * conductance[label, label] >= conductance.max(axis=0), label[:, None], largest)
        biases = _Eliminated.build(_links(conductance, share)) if train_bias else None
        return cls(conductance, share, d, hub, biases)

    def solve(self, kept: Array, moved: Array) -> Array:
        """X (k^2 + k, m) for the right-hand side kept + moved, each of that shape.

        moved is a multiple of the rate; its biases are not read, for they are the sums of its rows.
        """
        k, runs = len(self.share), kept.shape[1]
        out = np.empty_like(kept)
        moved = moved[: k * k].reshape(k, k, runs)
        columns = kept[: k * k].reshape(k, k, runs) + moved
        driven = self.sensitivity * columns
        if self.biases is None:
            out[k * k :] = 0.0
        else:
            inflows = self._inflows(kept[k * k :], moved - self._laplacian(driven))
            potential = self.biases.solve(inflows)
            out[k * k :] = potential - np.add.reduce(potential, axis=0) / k
            driven += out[k * k :, None]
        np.subtract(columns, self._laplacian(driven), out=out[: k * k].reshape(k, k, runs))
        return out

    def _laplacian(self, q: Array) -> Array:
        # Relative to the hub's entry: where its share is 1 - 1e-12, as the label's late in training, its q
        # minus the mean of q would be lost in rounding.
        shifted = q - np.take_along_axis(q, self.hub[None], axis=0)
        shifted -= np.add.reduce(self.share * shifted, axis=0)
        shifted *= self.conductance
        return shifted

    def _inflows(self, kept: Array, columns: Array) -> Array:
        """The net flow of bias into class i from class l, (i, l, m).

        Of a column, which sums to 0, every class's part comes from the column's hub; kept (k, m), which sums
        to 0 too, comes in equal parts from all classes.
        """
        k, _, runs = columns.shape
        flows: Array = (kept[:, None] - kept[None]) / k
        one_way = np.zeros((k, k, runs))
        run = np.arange(runs)
        for j in range(k):
            one_way[:, self.hub[j], run] += columns[:, j]
        index = np.arange(k)
        one_way[index, index] = 0.0
        flows += one_way
        flows -= one_way.transpose(1, 0, 2)
        return flows


def _links(conductance: Array, share: Array) -> Array:
    """Of the biases' Laplacian I + sum_j (diag(c_j) - c_j s_j'): (k, k, m), symmetric, no diagonal."""
    one_way = np.matmul(conductance.transpose(2, 0, 1), share.transpose(2, 1, 0)).transpose(1, 2, 0)
    links: Array = 0.5 * (one_way + one_way.transpose(1, 0, 2)) + 1.0 / len(share)
    return links


@dataclass(frozen=True)
class _Eliminated:
    """A weighted graph's Laplacian eliminated class by class, the last class grounded.

    Without a subtraction, so that every entry keeps a small relative error at any stiffness (GTH).
    """

    factors: Array  # (n, l, m), l > n: the link of class n to l, the classes before n gone, over their sum
    pivots: Array  # (k - 1, m), the sums

    @classmethod
    def build(cls, links: Array) -> _Eliminated:
        """From links (k, k, m) > 0, symmetric; the diagonal is not read."""
        k, _, runs = links.shape
        left, factors, pivots = links.copy(), np.empty_like(links), np.empty((k - 1, runs))
        for n in range(k - 1):
            row = left[n, n + 1 :]
            pivots[n] = row.sum(axis=0)
            np.divide(row, pivots[n], out=factors[n, n + 1 :])
            left[n + 1 :, n + 1 :] += factors[n, n + 1 :, None] * row
        return cls(factors, pivots)

    def solve(self, inflows: Array) -> Array:
        """Potentials (k, m), 0 at the last class, under antisymmetric inflows (i, l, m) from l into i."""
        k, _, runs = inflows.shape
        flows, potential = inflows.copy(), np.zeros((k, runs))
        for n in range(k - 1):
            into = flows[n, n + 1 :]
            potential[n] = np.add.reduce(into, axis=0) / self.pivots[n]
            handed_on = self.factors[n, n + 1 :, None] * into
            flows[n + 1 :, n + 1 :] += handed_on - handed_on.transpose(1, 0, 2)
        for n in range(k - 2, -1, -1):
            potential[n] += np.add.reduce(self.factors[n, n + 1 :] * potential[n + 1 :], axis=0)
        return potential
