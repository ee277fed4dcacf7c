"""Points of a plane evaluated, chunk by chunk of the data: by levels of nodes, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from simulations.interpolation.adaptive_rows import RowSums
from simulations.interpolation.plane_levels import (
    CHECKED_SHARE,
    PlaneSums,
    check_points,
    plane_nodes,
    plane_sums,
)
from simulations.line.line_setup import OpenLine
from simulations.line.moved_network import Line, NotFiniteError
from simulations.line.plane_points import shifted
from simulations.objectives.objective import Objective, Reading, Rows
from simulations.user_data.data_passes import Batch, Batches

__all__ = ["PlaneWalk"]

LEVELS = (5, 9, 17, 33)
CHECKED_FROM = (
    17  # a smaller level inside the tolerance needs no checks; one outside of it is cheaper refined
)
WORTH = 2  # a level is tried where it has at least so many times fewer points than the grid
CHUNK_NUMBERS = 2**14  # rows times values of a chunk, unless one batch has more: kept at every node

Chunk = tuple[Sequence[Batch], Rows, int]
"""Batches, their rows, the samples before them."""


class PlaneWalk:
    """The plane's sums.

    Args:
        opened: the line from a to b.
        corners: the states a, b, c.
        objective: what is measured.
        grid: (r,) of u and of v.
        options: of `Line`.

    Attributes:
        unsettled: samples whose levels did not reach the tolerance.
    """

    def __init__(
        self,
        opened: OpenLine,
        corners: Sequence[Mapping[str, torch.Tensor]],
        objective: Objective,
        grid: NDArray[Any],
        options: Mapping[str, Any],
    ) -> None:
        self._opened, self._corners, self._options = opened, corners, options
        self._objective, self._grid = objective, grid
        self._weight, self._rows = opened.totals[""]
        self._sums = PlaneSums.none(len(grid))
        self._ends: dict[tuple[float, float], dict[int, torch.Tensor]] = {}
        self._checks: dict[int, list[tuple[int, int]]] = {}  # by level, chosen by the first chunk
        self._off: dict[int, NDArray[Any]] = {}  # by level, the summed losses' errors at them
        self._evaluations = self._samples = self._nodes = self.unsettled = 0
        self._has_error = self._direct = False

    def chunks(self, batches: Batches) -> Iterator[Chunk]:
        """The data, a few batches at a time."""
        parts: list[Batch] = []
        rows: list[Rows] = []
        for part in batches:
            of_part = self._objective.rows(part)
            if parts and self._objective.width * (sum(map(len, rows)) + len(of_part)) > CHUNK_NUMBERS:
                yield parts, Rows.joined(rows), self._samples
                self._samples += sum(map(len, parts))
                parts, rows = [], []
            parts.append(part)
            rows.append(of_part)
        yield parts, Rows.joined(rows), self._samples
        self._samples += sum(map(len, parts))

    def interpolate(self, chunk: Chunk, tolerance: float) -> bool:
        """Add a chunk by the first level inside the tolerance; False where there is none."""
        _, rows, _ = chunk
        first, last = self._grid[[0, -1]]
        places = (self._grid - first) / (last - first)
        places[-1] = 1.0
        values: torch.Tensor | None = None
        for i in range(1, len(LEVELS)):
            m = LEVELS[i]
            if WORTH * m * m > len(self._grid) ** 2:
                break
            points = first + (last - first) * plane_nodes(m)
            points[-1] = last
            values = self._with_level(chunk, points, values)
            if i == 1:
                continue  # of two levels nothing tells how fast they fall
            nodes = [plane_nodes(k) for k in LEVELS[i - 2 : i + 1]]
            sums = plane_sums(values, nodes, places, self._row_sums(rows))
            weight = float(rows.weight.sum())
            more = self._weight / max(weight, 1e-300)
            if sums.loss_error(weight, more) > tolerance:
                if m < CHECKED_FROM:
                    continue
                checks = self._checks.setdefault(m, check_points(sums.loss_doubt(more), m, places))
                off = self._check(chunk, sums, checks)
                if CHECKED_SHARE * np.abs(off).max() / weight > tolerance:
                    continue
                sums = sums.without_loss_doubt()
                self._off[m] = self._off.get(m, 0.0) + off
            self._sums += sums
            self._nodes = max(self._nodes, m)
            return True
        self.unsettled += rows.n
        return False

    def evaluate(self, chunk: Chunk) -> None:
        """Add a chunk at every point."""
        for j, v in enumerate(self._grid.tolist()):
            line = self._line_at(v)
            for i, u in enumerate(self._grid.tolist()):
                reading = self._read(line, u, v, chunk)
                self._sums.losses[i, j] += float(reading.losses.sum())
                if reading.wrong is not None:
                    self._sums.wrong[i, j] += float(reading.wrong.sum())

    def dataset(self) -> xr.Dataset:
        """The plane; see `simulations.curves.plane`."""
        loss = self._sums.losses / self._weight
        for (u, v), parts in self._ends.items():
            at = np.flatnonzero(self._grid == u), np.flatnonzero(self._grid == v)
            total = torch.cat([parts[first] for first in sorted(parts)]).sum()
            loss[np.ix_(*at)] = float(total) / self._weight
        told = {"loss": (("u", "v"), loss)}
        attributes: dict[str, Any] = {
            "objective": self._objective.name,
            "method": "adaptive" if self._nodes else "grid",
            "nodes": self._nodes,
            "forward_passes": self._evaluations / max(1, self._samples),
            "estimated_loss_error": self._sums.loss_error(self._weight) + self._checked_error(),
        }
        if self._has_error:
            told["error"] = (("u", "v"), self._sums.wrong / self._rows)
            if self._objective.counts:
                attributes["estimated_error_error"] = (
                    self._sums.class_error(self._rows) if self._nodes else 0.0
                )
        return xr.Dataset(told, coords={"u": self._grid, "v": self._grid}, attrs=attributes)

    def _checked_error(self) -> float:
        """The estimated worst error of the mean loss, of the chunks that were checked."""
        return sum(CHECKED_SHARE * float(np.abs(off).max()) for off in self._off.values()) / self._weight

    def _check(self, chunk: Chunk, sums: PlaneSums, points: Sequence[tuple[int, int]]) -> NDArray[Any]:
        """How wrong the summed losses are at points of the grid, which are then as evaluated."""
        off = np.zeros(len(points))
        lines = {j: self._line_at(float(self._grid[j])) for _, j in points}
        for k, (i, j) in enumerate(points):
            reading = self._read(lines[j], float(self._grid[i]), float(self._grid[j]), chunk)
            exact = float(reading.losses.sum())
            off[k] = exact - sums.losses[i, j]
            sums.losses[i, j] = exact
            if reading.wrong is not None:
                sums.wrong[i, j] = float(reading.wrong.sum())
        return off

    def _with_level(self, chunk: Chunk, points: NDArray[Any], before: torch.Tensor | None) -> torch.Tensor:
        """Values (m, m, f, R) at a level's points, those of the level before taken over."""
        m = len(points)
        found: dict[tuple[int, int], torch.Tensor] = {}
        for j, v in enumerate(points.tolist()):
            line = self._line_at(v)
            for i, u in enumerate(points.tolist()):
                if before is not None and i % 2 == 0 and j % 2 == 0:
                    found[i, j] = before[i // 2, j // 2]
                else:
                    found[i, j] = self._read(line, u, v, chunk).values
        return torch.stack([torch.stack([found[i, j] for j in range(m)]) for i in range(m)])

    def _line_at(self, v: float) -> Line:
        """From a + v (c - a) to b + v (c - a)."""
        line, (a, b, c) = self._opened.line, self._corners
        start, end = shifted(a, a, c, v), shifted(b, a, c, v)
        return Line(line.model, start, end, line.coefficients, **self._options)

    def _read(self, line: Line, u: float, v: float, chunk: Chunk) -> Reading:
        """What the network says of a chunk at a point.

        Raises:
            ValueError: a loss that is not finite; the point is named.
        """
        readings = []
        for part in chunk[0]:
            with line.in_precision():
                output, placed = line.returned(u, part)
                readings.append(self._objective.read(output, placed, line.output))
            self._evaluations += len(part)
        reading = Reading.joined(readings)
        if not (torch.isfinite(reading.losses).all() and torch.isfinite(reading.values).all()):
            raise NotFiniteError(f"the loss is not finite at u = {u}, v = {v}")
        self._direct, self._has_error = reading.direct, reading.wrong is not None
        if (u, v) in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
            self._ends.setdefault((u, v), {})[chunk[2]] = chunk[1].by_sample(reading.losses)
        return reading

    def _row_sums(self, rows: Rows) -> RowSums:
        def of_values(values: torch.Tensor, some: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
            return self._objective.losses_and_margins(values, rows.piece(some), direct=self._direct)

        return RowSums(of_values, rows.by_sample, float(rows.weight.sum()), self._objective.counts)
