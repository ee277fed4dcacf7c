"""A batch's rows on a plane by cubic splines through a square of nodes, and how wrong that may be.

m nodes in each direction · f values of a row · R rows · n samples · values (m, m, f, R) · r points a side of
the grid asked for. Kinks lie all over a plane: on pilots equally spaced nodes and splines, whose errors stay
near a kink, were half as wrong as polynomials through as many Chebyshev points, which are rarer inside.

Two estimates. By levels: a level's nodes are part of the next one's; what a level changed at the grid against
the one before is the error that it had, of which a share may remain (`error_estimate`). By checks: the worst
of `CHECKS` points that are evaluated as they are, in the middle of the cells where the levels changed most;
the worst of all points was 1.2 to 2 times it on six pilots (seeds 1910 to 1929).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from simulations.interpolation.adaptive_rows import RowSums
from simulations.interpolation.error_estimate import FLIP_SHARE, SHARE, SMOOTH, SPREAD, UNSEEN, share_left

__all__ = ["CHECKED_SHARE", "PlaneSums", "check_points", "plane_nodes", "plane_sums"]

CHECKS = 36
"""With 17 nodes a side 325 points in place of 51 x 51: 8 times fewer."""

CHECKED_SHARE = 2.5
"""Of the worst error at them, what the worst of all points is taken to be."""


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
        return float(self.loss_doubt(more).max()) / weight

    def loss_doubt(self, more: float = 1.0) -> NDArray[Any]:
        """What may be wrong with the summed losses, point by point."""
        doubt: NDArray[Any] = self.systematic + SPREAD * np.sqrt(self.variance / more)
        return doubt

    def without_loss_doubt(self) -> PlaneSums:
        """The same, of losses whose error is told by checks."""
        nothing = np.zeros_like(self.losses)
        return replace(self, systematic=nothing, variance=nothing)

    def class_error(self, rows: int) -> float:
        """The estimated worst error over the grid of the share of rows that are wrong."""
        rate = FLIP_SHARE * self.flips + UNSEEN / self.flips.size
        systematic = FLIP_SHARE * np.maximum(0.0, np.abs(self.net) - 2 * np.sqrt(self.flips))
        return float(min(rows, np.ceil((systematic + SPREAD * np.sqrt(rate)).max()))) / rows


def plane_nodes(m: int) -> NDArray[np.float64]:
    """The m equally spaced nodes (m,) from 0 to 1; those of m = 2^p + 1 hold those of 2^(p-1) + 1."""
    return np.linspace(0.0, 1.0, m)


def check_points(doubt: NDArray[Any], m: int, places: NDArray[Any]) -> list[tuple[int, int]]:
    """Of the grid, the points next to the middles of the cells between m nodes a side with the most doubt.

    Args:
        doubt: (r, r), of `PlaneSums.loss_doubt`.
        m: nodes.
        places: (r,), as of `plane_sums`.
    """
    cell = np.minimum((places * (m - 1)).astype(int), m - 2)
    most = np.full((m - 1, m - 1), -np.inf)
    np.maximum.at(most, (cell[:, None], cell[None, :]), doubt)
    worst = np.argsort(-most, axis=None, kind="stable")[:CHECKS]
    middle = [int(np.abs(places - (k + 0.5) / (m - 1)).argmin()) for k in range(m - 1)]
    cells = zip(*np.unravel_index(worst, most.shape), strict=True)
    return sorted({(middle[i], middle[j]) for i, j in cells if most[i, j] > -np.inf})


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
    rows = torch.from_numpy(make_interp_spline(nodes, np.eye(len(nodes)), k=3)(places)).to(values.dtype)
    along = torch.einsum("gv,uvfr->ugfr", rows, values)
    all_rows = torch.arange(values.shape[3])
    losses, wrong = [], []
    for row in rows:  # a line of the grid at a time
        of_rows, margins = sums.of_values(torch.einsum("u,ugfr->gfr", row, along), all_rows)
        losses.append(sums.by_sample(of_rows).double())
        if margins is not None:
            wrong.append(margins <= 0)
    return torch.cat(losses), torch.cat(wrong) if wrong else None
