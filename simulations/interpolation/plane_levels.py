"""A batch's rows on a plane from a tensor product of Chebyshev nodes, and how wrong that may be.

m nodes in each direction · f values of a row · R rows · n samples · values (m, m, f, R) · r points a side of
the grid asked for. A level's nodes are part of the next one's; what a level changed at the grid against the
one before is the error that it had, of which a share may remain (`error_estimate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.adaptive_rows import RowSums
from simulations.interpolation.chebyshev import interpolation_matrix
from simulations.interpolation.error_estimate import FLIP_SHARE, SHARE, SMOOTH, SPREAD, UNSEEN, share_left
from simulations.interpolation.interpolant import BLOCK

__all__ = ["PlaneChange", "PlaneSums", "plane_sums"]


@dataclass
class PlaneSums:
    """Sums on the grid (r, r) of a batch, of one level.

    Attributes:
        losses: summed over samples.
        wrong: rows, None without an error.
    """

    losses: NDArray[Any]
    wrong: NDArray[Any] | None


@dataclass
class PlaneChange:
    """What the last level changed at the grid (r, r), summed over batches.

    Attributes:
        loss: of the losses, with its sign.
        square: of the samples' losses, squared.
        flips: rows that changed sides; net: those that became wrong less those that became right.
    """

    loss: NDArray[Any]
    square: NDArray[Any]
    flips: NDArray[Any]
    net: NDArray[Any]

    def __add__(self, other: PlaneChange) -> PlaneChange:
        return PlaneChange(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def loss_error(self, before: PlaneChange, weight: float) -> float:
        """The estimated worst error over the grid of the mean loss; `before` is the level's before."""
        ratio = self._ratio(before)
        systematic = share_left(ratio) if ratio < SMOOTH else SHARE[1]
        random = SPREAD * share_left(ratio) * np.sqrt(self.square)
        return float((systematic * np.abs(self.loss) + random).max()) / weight

    def class_error(self, rows: int) -> float:
        """The estimated worst error over the grid of the share of rows that are wrong."""
        rate = FLIP_SHARE * self.flips + UNSEEN / self.flips.size
        systematic = FLIP_SHARE * np.maximum(0.0, np.abs(self.net) - 2 * np.sqrt(self.flips))
        return float(min(rows, np.ceil((systematic + SPREAD * np.sqrt(rate)).max()))) / rows

    def _ratio(self, before: PlaneChange) -> float:
        return float(np.sqrt(self.square.max() / max(before.square.max(), 1e-300)))


def plane_sums(
    values: torch.Tensor, nodes: list[NDArray[Any]], grid: NDArray[Any], sums: RowSums
) -> tuple[PlaneSums, list[PlaneChange]]:
    """A batch on the grid by its finest level, and what each level changed, coarsest first.

    Args:
        values: (m, m, f, R).
        nodes: (m,) of every level, coarsest first.
        grid: (r,) the same in both directions.
        sums: what the values say.
    """
    finest, r = nodes[-1], len(grid)
    losses, wrong = np.zeros((r, r)), np.zeros((r, r))
    changes = [PlaneChange(*(np.zeros((r, r)) for _ in range(4))) for _ in nodes[1:]]
    has_error = False
    rows_of = [torch.from_numpy(interpolation_matrix(level, grid)).to(values.dtype) for level in nodes]
    strides = [(len(finest) - 1) // (len(level) - 1) for level in nodes]
    # Along v once for each level; then a few rows of the grid at a time along u.
    along = [
        torch.einsum("gv,uvfr->ugfr", rows, values[::every, ::every])
        for rows, every in zip(rows_of, strides, strict=True)
    ]
    for some in _blocks(r, r * values.shape[2] * values.shape[3]):
        before: tuple[torch.Tensor, torch.Tensor | None] | None = None
        for level, (rows, by_u) in enumerate(zip(rows_of, along, strict=True)):
            at = torch.einsum("gu,uhfr->ghfr", rows[some], by_u).flatten(0, 1)
            row_losses, margins = sums.of_values(at, torch.arange(at.shape[2]))
            samples = sums.by_sample(row_losses).double()
            is_wrong = None if margins is None else margins <= 0
            if before is not None:
                change, shape = samples - before[0], (-1, r)
                into = changes[level - 1]
                into.loss[some] = change.sum(dim=1).numpy().reshape(shape)
                into.square[some] = change.square().sum(dim=1).numpy().reshape(shape)
                if is_wrong is not None and before[1] is not None:
                    flips, net = is_wrong != before[1], is_wrong.long() - before[1].long()
                    into.flips[some] = flips.sum(dim=1).numpy().reshape(shape)
                    into.net[some] = net.sum(dim=1).numpy().reshape(shape)
            before = samples, is_wrong
        assert before is not None
        losses[some] = before[0].sum(dim=1).numpy().reshape(-1, r)
        if before[1] is not None:
            has_error = True
            wrong[some] = before[1].sum(dim=1).numpy().reshape(-1, r)
    return PlaneSums(losses, wrong if has_error else None), changes


def _blocks(rows: int, numbers: int) -> Iterator[slice]:
    size = max(1, BLOCK // max(1, numbers))
    return (slice(first, first + size) for first in range(0, rows, size))
