"""Loss and error on the plane through three checkpoints.

A point is a + u (b - a) + v (c - a). For one v it lies on the line from a + v (c - a) to b + v (c - a), with u
as its alpha: so a plane is walked line by line, and its three checkpoints are exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from simulations.interpolation.adaptive_rows import RowSums
from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.interpolation.plane_levels import PlaneChange, plane_sums
from simulations.line.line_setup import OpenLine, open_line, walkable_model
from simulations.line.moved_network import Line, NotFiniteError
from simulations.line.plane_points import refuse_one_line, shifted
from simulations.models.checkpoints import Checkpoint, checkpoint_hash, load_checkpoint
from simulations.models.last_layer import Output
from simulations.objectives.chosen import ObjectiveName, chosen_objective
from simulations.objectives.objective import Objective, Reading, Rows
from simulations.user_data.data_passes import Batch, BatchHook

__all__ = ["plane"]

LEVELS = (5, 9, 17, 33)
STEP_NUMBERS = 2**22  # values of a step at all nodes
WORTH = 2  # a level is tried where it has at most so many times fewer points than the grid
PLANE_BUFFERS = ("refuse", "interpolate")


def plane(
    model: nn.Module,
    a: Checkpoint,
    b: Checkpoint,
    c: Checkpoint,
    data: Any,
    resolution: int = 51,
    *,
    span: tuple[float, float] = (0.0, 1.0),
    method: str = "adaptive",
    loss_tolerance: float = 1e-2,
    buffers: str = "refuse",
    objective: ObjectiveName = "cross_entropy",
    batch_hook: BatchHook | None = None,
    device: torch.device | str | None = None,
    output: Output = None,
) -> xr.Dataset:
    """Loss and error at `resolution` x `resolution` points a + u (b - a) + v (c - a), from far fewer passes.

    "adaptive" evaluates 9 x 9, then 17 x 17, then 33 x 33 Chebyshev points, until the estimate of the worst
    error of the loss is inside the tolerance, and interpolates each row's values between them
    (`simulations.interpolation.plane_levels`); where they do not reach it, and on "grid", every point is
    evaluated. a, b and c are exact, bit for bit, where the grid has them.

    Args:
        model: as of `simulations.curves.interpolation_curves`; left as it was.
        a, b, c: three checkpoints that do not lie on a line.
        data: one data set, as there.
        resolution: points a side, >= 2.
        span: the first and the last u, and v.
        method: "adaptive" or "grid".
        loss_tolerance: in the loss's unit, > 0.
        buffers: "refuse", or "interpolate": floating buffers move as the parameters do, others are b's.
        objective: as there, with its other options at their defaults.
        batch_hook: as there.
        device: as there.
        output: as there.

    Returns:
        `loss(u, v)`, `error(u, v)` where there is one; attributes forward_passes, estimated_loss_error,
        estimated_error_error (bounds of the worst over the grid; 0 where every point was evaluated), nodes (a
        side, 0 on a grid), method, n_samples, and the hashes of data, a, b and c.

    Raises:
        ValueError: three points on a line, states that do not fit the model, and as there.

    Warns:
        UserWarning: the tolerance was not reached, and every point was evaluated.
    """
    grid = _grid(resolution, span)
    if method not in ("adaptive", "grid"):
        raise ValueError(f"method must be adaptive or grid, got {method!r}")
    if not 0 < loss_tolerance < float("inf"):
        raise ValueError(f"loss_tolerance must be a finite number > 0, got {loss_tolerance!r}")
    if buffers not in PLANE_BUFFERS:
        raise ValueError(f"buffers of a plane must be one of {', '.join(PLANE_BUFFERS)}, got {buffers!r}")
    measured = chosen_objective(objective)
    model = walkable_model(model, data, batch_hook)
    corners = [load_checkpoint(n, state, model) for n, state in (("a", a), ("b", b), ("c", c))]
    refuse_one_line(*corners, names=[name for name, _ in model.named_parameters()])
    options = {"buffers": buffers, "device": device, "output": output}
    third = open_line(model, corners[0], corners[2], data, batch_hook=batch_hook, objective=measured, **options)
    with third:  # what c's own buffers and numbers are refused for
        pass
    with open_line(
        model, corners[0], corners[1], data, batch_hook=batch_hook, objective=measured, **options
    ) as opened:
        if list(opened.splits) != [""]:
            raise ValueError(f"a plane is of one data set, got the splits {list(opened.splits)}")
        walk = _Walk(opened, corners, measured, options)
        found = None
        if method == "adaptive":
            found = _interpolated(walk, grid, span, loss_tolerance)
        told = found or _evaluated(walk, grid)
    curve = xr.Dataset(
        {name: (("u", "v"), values) for name, values in told.items()}, coords={"u": grid, "v": grid}
    )
    hashes = {f"{n}_hash": checkpoint_hash(s) for n, s in zip("abc", corners, strict=True)}
    batches = opened.splits[""]
    curve.attrs = walk.attributes() | hashes
    curve.attrs |= {"n_samples": batches.n_samples, "data_hash": batches.content_hash, "objective": measured.name}
    if method == "adaptive" and found is None:
        warnings.warn(
            f"the plane did not reach the tolerance by interpolation: all {len(grid)} x {len(grid)} points were "
            "evaluated; method='grid' avoids the detour",
            UserWarning,
            stacklevel=2,
        )
    return curve


class _Walk:
    """What evaluates points of the plane, and counts."""

    def __init__(
        self,
        opened: OpenLine,
        corners: list[Mapping[str, torch.Tensor]],
        objective: Objective,
        options: Mapping[str, Any],
    ) -> None:
        self._opened, self._corners, self._options = opened, corners, options
        self.objective, self.weight, self.rows = objective, *opened.totals[""]
        self.evaluations = self.nodes = 0
        self.loss_error = self.error_error = 0.0

    def line_at(self, v: float) -> Line:
        """From a + v (c - a) to b + v (c - a)."""
        line = self._opened.line
        start, end = (shifted(self._corners[i], self._corners[0], self._corners[2], v) for i in (0, 1))
        return Line(line.model, start, end, line.coefficients, **self._options)

    def batches(self) -> Any:
        """Of the data."""
        return iter(self._opened.splits[""])

    def read(self, line: Line, u: float, v: float, batch: Batch) -> Reading:
        """What the network says of a batch at a point."""
        with line.in_precision():
            output, placed = line.returned(u, batch)
            reading = self.objective.read(output, placed, line.output)
        self.evaluations += len(batch)
        if not (torch.isfinite(reading.losses).all() and torch.isfinite(reading.values).all()):
            raise NotFiniteError(f"the loss is not finite at u = {u}, v = {v}")
        return reading

    def attributes(self) -> dict[str, Any]:
        """What it took and what it is worth."""
        return {
            "forward_passes": self.evaluations / int(self._opened.splits[""].n_samples or 1),
            "estimated_loss_error": self.loss_error,
            "estimated_error_error": self.error_error,
            "nodes": self.nodes,
            "method": "adaptive" if self.nodes else "grid",
        }


def _interpolated(
    walk: _Walk, grid: NDArray[Any], span: tuple[float, float], tolerance: float
) -> dict[str, NDArray[Any]] | None:
    """The plane by the coarsest level that is inside the tolerance; None where none is.

    Levels are evaluated for all data before the next is begun: values are kept between them.
    """
    kept: list[tuple[Batch, Rows, torch.Tensor]] = []
    place = (grid - span[0]) / (span[1] - span[0])
    for level, m in enumerate(LEVELS[1:], start=1):
        if WORTH * m * m > len(grid) ** 2:
            return None
        nodes = [chebyshev_nodes(k) for k in LEVELS[: level + 1]]
        points = span[0] + (span[1] - span[0]) * nodes[-1]
        points[-1] = span[1]
        kept = _with_level(walk, kept, points, new=level == 1)
        losses, wrong = np.zeros((len(grid),) * 2), np.zeros((len(grid),) * 2)
        changes: list[PlaneChange] | None = None
        for _, rows, values in kept:
            sums, of_batch = plane_sums(values, nodes, place, _row_sums(walk, rows))
            losses += sums.losses
            wrong += 0.0 if sums.wrong is None else sums.wrong
            changes = of_batch if changes is None else [x + y for x, y in zip(changes, of_batch, strict=True)]
        assert changes is not None
        before = changes[-2] if len(changes) > 1 else changes[-1]
        error = changes[-1].loss_error(before, walk.weight)
        if len(changes) > 1 and error <= tolerance:
            walk.nodes, walk.loss_error = m, error
            told = {"loss": losses / walk.weight}
            if walk.objective.counts and walk.has_error:
                walk.error_error = changes[-1].class_error(walk.rows)
                told["error"] = wrong / walk.rows
            return told
    return None
