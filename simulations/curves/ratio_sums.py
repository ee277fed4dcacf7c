"""A mean along the line, sum of numerators over sum of weights, from batches; and its sampling error.

Samples are what varies: the rows of one (its tokens) count together. A requested alphas · n samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["RatioSums"]


class RatioSums:
    """Sums at alphas (A,) of numerators by sample; the weights are the same at every alpha."""

    def __init__(self, alphas: NDArray[Any]) -> None:
        self._alphas = alphas
        self._sum, self._square, self._cross = (np.zeros(len(alphas)) for _ in range(3))
        self.weight = self._weight_square = 0.0
        self._ends: dict[int, dict[int, torch.Tensor]] = {}

    def count(self, weights: torch.Tensor) -> None:
        """Once for every batch: the weights (n,) of its samples."""
        self.weight += float(weights.sum())
        self._weight_square += float(weights.square().sum())

    def add(
        self,
        where: NDArray[np.intp] | int,
        numerators: torch.Tensor,
        weights: torch.Tensor,
        first: int | None = None,
    ) -> None:
        """A batch's numerators (a, n) float64 at alphas of index (a,), or (n,) at one.

        Where `first`, the samples before the batch, is given, those at alpha = 0 and 1 are kept: one sum over
        all samples, as an evaluation of the checkpoint alone takes it, has the same bits whatever the steps
        were.
        """
        index = np.atleast_1d(where)
        numerators = numerators.view(len(index), -1)
        self._sum[index] += numerators.sum(dim=1).numpy()
        self._square[index] += numerators.square().sum(dim=1).numpy()
        self._cross[index] += (numerators * weights).sum(dim=1).numpy()
        for i, row in zip(index.tolist(), numerators, strict=True):
            if first is not None and self._alphas[i] in (0.0, 1.0):
                self._ends.setdefault(i, {})[first] = row.clone()

    def mean(self) -> NDArray[np.float64]:
        """(A,)."""
        sums = self._sum.copy()
        for i, parts in self._ends.items():
            sums[i] = float(torch.cat([parts[first] for first in sorted(parts)]).sum())
        found: NDArray[np.float64] = sums / self.weight
        return found

    def standard_error(self) -> NDArray[np.float64]:
        """(A,) of the mean over samples drawn alike, by the ratio estimator."""
        mean = self.mean()
        spread = self._square - 2 * mean * self._cross + mean**2 * self._weight_square
        found: NDArray[np.float64] = np.sqrt(np.maximum(0.0, spread)) / self.weight
        return found
