"""A batch's rows on a plane from a tensor product of Chebyshev nodes, and how wrong that may be.

m nodes in each direction · f values of a row · R rows · n samples · values (m, m, f, R) · r points a side of
the grid asked for. A level's nodes are part of the next one's; what a level changed at the grid against the
one before is the error that it had, of which a share may remain (`error_estimate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.adaptive_rows import RowSums
from simulations.interpolation.chebyshev import interpolation_matrix
from simulations.interpolation.error_estimate import FLIP_SHARE, SHARE, SMOOTH, SPREAD, UNSEEN, share_left

__all__ = ["PlaneSums", "plane_sums"]


@dataclass
class PlaneSums:
    """A batch on the grid (r, r), and what its last level changed there, of which a share may remain.

    Batches add up. In the order of the fields: losses; rows that are wrong; change of the losses that is
    systematic, and variance of the rest; rows that changed sides, and those that became wrong less those that
    became right.
    """

    losses: NDArray[Any]
    wrong: NDArray[Any]
    systematic: NDArray[Any]
    variance: NDArray[Any]
    flips: NDArray[Any]
    net: NDArray[Any]

    @classmethod
    def none(cls, r: int) -> PlaneSums:
        """Of no sample."""
        return cls(*(np.zeros((r, r)) for _ in range(6)))

    def __add__(self, other: PlaneSums) -> PlaneSums:
        return PlaneSums(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def loss_error(self, weight: float, more: float = 1.0) -> float:
        """The estimated worst error over the grid of the mean loss, of `more` times the rows summed here."""
        random = SPREAD * np.sqrt(self.variance / more)
        return float((self.systematic + random).max()) / weight

    def class_error(self, rows: int) -> float:
        """The estimated worst error over the grid of the share of rows that are wrong."""
        rate = FLIP_SHARE * self.flips + UNSEEN / self.flips.size
        systematic = FLIP_SHARE * np.maximum(0.0, np.abs(self.net) - 2 * np.sqrt(self.flips))
        return float(min(rows, np.ceil((systematic + SPREAD * np.sqrt(rate)).max()))) / rows


def plane_sums(
    values: torch.Tensor, nodes: Sequence[NDArray[Any]], places: NDArray[Any], sums: RowSums
) -> PlaneSums:
    """A batch on the grid by the finest of three levels.

    Args:
        values: (m, m, f, R) at the finest level's nodes, u first.
        nodes: those of three levels, coarsest first.
        places: (r,) of the grid in both directions, 0 to 1.
        sums: what the values say.
    """
    r = len(places)
    losses, margins = [], []
    for level in nodes:
        every = (len(nodes[-1]) - 1) // (len(level) - 1)
        of_level = _on_grid(values[::every, ::every], level, places, sums)
        losses.append(of_level[0])
        margins.append(of_level[1])
    changes = [finer - coarser for coarser, finer in pairwise(losses)]
    squares = [change.square().sum(dim=1).numpy() for change in changes]
    ratio = float(np.sqrt(squares[1].max() / max(squares[0].max(), 1e-300)))
    share = share_left(ratio)
    found = PlaneSums.none(r)
    found.losses = losses[-1].sum(dim=1).numpy().reshape(r, r)
    # What is common to all samples has one sign and falls slowly.
    systematic = share if ratio < SMOOTH else SHARE[1]
    found.systematic = systematic * changes[1].sum(dim=1).abs().numpy().reshape(r, r)
    found.variance = share**2 * squares[1].reshape(r, r)
    before, now = margins[-2:]
    if before is not None and now is not None:
        found.wrong = now.sum(dim=1).double().numpy().reshape(r, r)
        found.flips = (now != before).sum(dim=1).double().numpy().reshape(r, r)
        found.net = (now.long() - before.long()).sum(dim=1).double().numpy().reshape(r, r)
    return found


def _on_grid(
    values: torch.Tensor, nodes: NDArray[Any], places: NDArray[Any], sums: RowSums
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Losses (r * r, n) float64 of samples, and which rows (r * r, R) are wrong."""
    rows = torch.from_numpy(interpolation_matrix(nodes, places)).to(values.dtype)
    along = torch.einsum("gv,uvfr->ugfr", rows, values)
    all_rows = torch.arange(values.shape[3])
    losses, wrong = [], []
    for row in rows:  # a line of the grid at a time
        of_rows, margins = sums.of_values(torch.einsum("u,ugfr->gfr", row, along), all_rows)
        losses.append(sums.by_sample(of_rows).double())
        if margins is not None:
            wrong.append(margins <= 0)
    return torch.cat(losses), torch.cat(wrong) if wrong else None
