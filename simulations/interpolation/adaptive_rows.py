"""One batch along the line by the smooth numbers of its rows: any objective's losses and margins.

m nodes · f values of a row · R rows · n samples · g points of a grid · values (m, f, R).

As `simulations.interpolation.adaptive`, but every row is evaluated at every node: rows of one sample (tokens)
pass the network together, and where one is open the sample is. What a level changed against the one before
is the error that it had; the estimate is the law of `simulations.interpolation.error_estimate`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.interpolation.error_estimate import SHARE, SMOOTH, ErrorEstimate, pooled, share_left
from simulations.interpolation.interpolant import BLOCK, CHECK_POINTS, LOSS_POINTS, interpolated
from simulations.interpolation.tied_rows import tied_alphas

__all__ = ["RowLine", "RowSums", "Steps", "follow_rows"]

FIRST_LEVEL = 9

OfValues = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]
"""Losses and margins (g, r) of values (g, f, r) of the rows (r,)."""
Steps = Generator[list[float], Sequence[torch.Tensor], "RowLine"]


@dataclass(frozen=True, eq=False)
class RowSums:
    """What an objective makes of values, and how rows become samples.

    Attributes:
        of_values: losses, and margins: a row is wrong where its margin is not above 0.
        by_sample: sums (..., n) of (..., R).
        weight: the rows' weights, summed.
        counts: margins are margins; False: they are errors to be averaged; without margins of no account.
    """

    of_values: OfValues
    by_sample: Callable[[torch.Tensor], torch.Tensor]
    weight: float
    counts: bool

    def at(
        self, nodes: NDArray[Any], values: torch.Tensor, alphas: NDArray[Any]
    ) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor | None]]:
        """A few alphas at a time: their places, losses (a, n) and margins (a, R)."""
        rows = torch.arange(values.shape[2])
        size = max(1, BLOCK // max(1, values.shape[1] * values.shape[2]))
        for first in range(0, len(alphas), size):
            some = slice(first, first + size)
            losses, margins = self.of_values(interpolated(nodes, values, alphas[some]), rows)
            yield some, self.by_sample(losses), margins


@dataclass(frozen=True, eq=False)
class RowLine:
    """A batch's line.

    Attributes:
        nodes: (m,).
        values: (m, f, R).
        loss: what the loss's estimate is made of; its n is the rows' weight.
        error: the error's; its n is the number of rows. None without an error.
        settled: the tolerances were met.
        direct: (A,) alphas to be evaluated as they are, since too many rows nearly tie there.
    """

    nodes: NDArray[Any]
    values: torch.Tensor
    loss: ErrorEstimate
    error: ErrorEstimate | None
    settled: bool
    direct: NDArray[np.bool_]


def follow_rows(
    sums: RowSums,
    alphas: NDArray[Any],
    *,
    loss_tolerance: float,
    error_tolerance: float,
    total_weight: float,
    total_rows: int,
    most_nodes: int,
) -> Steps:
    """Ask for nested levels until the estimate is inside both tolerances, or at `most_nodes`.

    A generator: it yields alphas, is sent values (f, R) of each, and returns the line.

    Args:
        sums: of the batch.
        alphas: (A,) in [0, 1], at which the curve is asked for.
        loss_tolerance: of the mean over all data, in the loss's unit.
        error_tolerance: share, of all rows; one row where it is less.
        total_weight: of all data, of which this batch is a part.
        total_rows: likewise.
        most_nodes: 2^p + 1, at least 17.
    """
    nodes = chebyshev_nodes(FIRST_LEVEL)
    values = torch.stack(list((yield nodes.tolist())))
    coarse = _Level(nodes[::2], values[::2], sums)
    level = _Level(nodes, values, sums)
    moved = _moved(coarse, level)
    while True:
        nodes = chebyshev_nodes(2 * len(nodes) - 1)
        found = yield nodes[1::2].tolist()
        finer = values.new_empty(len(nodes), *values.shape[1:])
        finer[::2], values = values, finer
        for j, of_node in enumerate(found):
            values[2 * j + 1] = of_node
        before, coarse, level = moved, level.on_grid(len(nodes)), _Level(nodes, values, sums)
        moved = _moved(coarse, level)
        ratio = float(np.sqrt(moved / max(before, 1e-300)))
        loss = _loss_estimate(coarse.losses, level.losses, ratio, sums.weight)
        loss.between_points += _rounding(values, sums)
        error = _error_estimate(coarse, level, ratio, sums.counts)
        allowed = 0.0
        if error is not None:
            allowed = error.class_error(total_rows) if sums.counts else error.loss_error(total_rows)
        settled = loss.loss_error(total_weight) <= loss_tolerance and (
            allowed <= max(error_tolerance, 1 / total_rows)
        )
        most = 2 * len(nodes) - 1 > most_nodes
        direct = np.zeros(len(alphas), dtype=bool)
        if settled and error is not None and sums.counts:
            direct = tied_alphas(
                nodes, values, sums.of_values, alphas, share_left(ratio), allowed=allowed * values.shape[2]
            )
        if most or (settled and direct.sum() <= len(nodes)):
            break
    settled = settled and direct.sum() <= len(alphas) / 2
    return RowLine(nodes, values, loss, error, settled, direct if settled else np.zeros_like(direct))


class _Level:
    """A level on a grid that its nodes are part of: losses (g, n) and margins (g, R)."""

    def __init__(
        self, nodes: NDArray[Any], values: torch.Tensor, sums: RowSums, points: int = CHECK_POINTS
    ) -> None:
        self.nodes, self.values, self.sums = nodes, values, sums
        self.grid = chebyshev_nodes(max(points, len(nodes)))
        parts = [(losses, margins) for _, losses, margins in sums.at(nodes, values, self.grid)]
        self.losses = torch.cat([losses for losses, _ in parts])
        margins = [margins if not sums.counts else margins > 0 for _, margins in parts if margins is not None]
        self.margins = torch.cat(margins) if margins else None

    def on_grid(self, points: int) -> _Level:
        """The same polynomials on a grid of at least so many points."""
        if points <= len(self.grid):
            return self
        return _Level(self.nodes, self.values, self.sums, points)


def _moved(coarse: _Level, level: _Level) -> float:
    """The largest mean square, over the grid, of a sample's change."""
    return float((level.losses - coarse.losses).double().square().mean(dim=1).max())


def _loss_estimate(coarse: torch.Tensor, level: torch.Tensor, ratio: float, weight: float) -> ErrorEstimate:
    change, share = (level - coarse).double(), share_left(ratio)
    found = ErrorEstimate.none()
    # As of whole batches: what is common to all samples has one sign and falls slowly.
    systematic = share if ratio < SMOOTH else SHARE[1]
    found.loss = systematic * pooled(change.sum(dim=1).abs().numpy(), LOSS_POINTS)
    found.loss_variance = share**2 * pooled(change.square().sum(dim=1).numpy(), LOSS_POINTS)
    found.n = weight
    return found


def _error_estimate(coarse: _Level, level: _Level, ratio: float, counts: bool) -> ErrorEstimate | None:
    if level.margins is None or coarse.margins is None:
        return None
    rows = level.margins.shape[1]
    if not counts:
        return _loss_estimate(coarse.margins, level.margins, ratio, rows)
    found = ErrorEstimate.none()
    flips = (level.margins != coarse.margins).sum(dim=1)
    net = level.margins.sum(dim=1) - coarse.margins.sum(dim=1)
    found.flips = pooled(flips.double().numpy(), CHECK_POINTS)
    found.net_flips = pooled(net.double().numpy(), CHECK_POINTS)
    found.n = rows
    return found


def _rounding(values: torch.Tensor, sums: RowSums) -> float:
    """Of the values, in the loss times the weight."""
    largest = values.abs().amax(dim=(0, 1)).double()
    return torch.finfo(values.dtype).eps * float(largest.mean()) * sums.weight / 4
