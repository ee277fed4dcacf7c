"""The matrix of a stage of one small run, inverted outright: eight solves become eight products.

The same linear algebra as `Linearised` (linear.py), written out from the k Laplacians L_j of the columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from simulations.gradient_flow.linear import LAPACK_LIMIT

__all__ = ["StageInverse"]

Array = NDArray[np.float64]


class StageInverse:
    """(I - h gamma J)^-1 (k^2 + k, k^2 + k), in memory of its own that each call writes anew."""

    def __init__(self, k: int, train_bias: bool) -> None:
        self._k, self._train_bias = k, train_bias
        kk, n = k * k, k * k + k
        self._laplacian = np.empty((k, k, k))  # L_j[i, l] at (i, j, l)
        self._diagonals = np.einsum("iji->ij", self._laplacian)
        self._inverse = np.empty((n, n))
        self._one_column = np.einsum("ijlj->ijl", self._inverse[:kk, :kk].reshape(k, k, k, k))
        self._ones = self._inverse.reshape(-1)[: kk * n : n + 1]
        self._right = np.zeros((n, k))
        self._eye = np.eye(k)

    def __call__(self, p: Array, d: Array, scaled: Array) -> Array | None:
        """From p and D (k, k) and a = h gamma pi (k,), as `Linearised.build`.

        None where the run is too stiff for LAPACK's biases: `Linearised` then solves it entry by entry.
        """
        k, kk, laplacian = self._k, self._k**2, self._laplacian
        conductance = scaled * p
        conductance /= 1.0 + conductance * d
        share = conductance / np.add.reduce(conductance, axis=0)
        np.multiply(conductance[:, :, None], -share.T, out=laplacian)
        # The diagonal is the sum of the links, of one sign, so that nothing cancels.
        self._diagonals[...] = 0.0
        self._diagonals[...] = -np.add.reduce(laplacian, axis=2)
        by_bias = self._right  # x_b as a function of the right-hand side, transposed
        by_bias[kk:] = self._eye
        if self._train_bias:
            np.multiply(laplacian, -d[:, :, None], out=by_bias[:kk].reshape(k, k, k))
            links = np.add.reduce(laplacian, axis=1)
            links -= 1.0 / k
            diagonal = links.reshape(-1)[:: k + 1]
            diagonal[:] = 0.0
            diagonal[:] = -np.add.reduce(links, axis=1)
            ground = int(diagonal.argmax())
            if not diagonal[ground] <= LAPACK_LIMIT:
                return None
            links[ground] = 0.0
            links[:, ground] = 0.0
            links[ground, ground] = 1.0
            by_bias[:, ground] = 0.0
            _, potential, failed = dposv(links.T, by_bias.T, overwrite_a=1)
            if failed:
                return None
            by_bias = potential.T
            by_bias -= (np.add.reduce(by_bias, axis=1) / k)[:, None]
        np.matmul(laplacian.reshape(kk, k), -by_bias.T, out=self._inverse[:kk])
        self._inverse[kk:] = by_bias.T
        self._one_column -= laplacian * d.T
        self._ones += 1.0
        return self._inverse
