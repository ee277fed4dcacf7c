"""Loss and error on the plane through three checkpoints.

A point is a + u (b - a) + v (c - a). For one v it lies on the line from a + v (c - a) to b + v (c - a), with
u as its alpha: so a plane is walked line by line, and its three checkpoints are exact.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from simulations.curves.plane_walk import PlaneWalk
from simulations.line.line_setup import open_line, walkable_model
from simulations.line.plane_points import refuse_one_line
from simulations.models.checkpoints import Checkpoint, checkpoint_hash, load_checkpoint
from simulations.models.last_layer import Output
from simulations.objectives.chosen import ObjectiveName, chosen_objective
from simulations.runtime.names_in_words import first_of
from simulations.user_data.data_passes import BatchHook

__all__ = ["plane"]

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

    "adaptive" evaluates 9 x 9, then 17 x 17, then 33 x 33 equally spaced nodes, until the estimate of the
    worst error of the loss is inside the tolerance, and interpolates each row's values between them by cubic
    splines (`simulations.interpolation.plane_levels`). Of 17 x 17 on, where the levels alone do not tell
    so, 36 more points are evaluated to see. Where nodes do not reach the tolerance, and on "grid", every
    point is evaluated. a, b and c are exact, bit for bit, where the grid has them.

    Args:
        model: as of `simulations.curves.interpolation_curves`; left as it was.
        a: the checkpoint at u = v = 0; a, b and c do not lie on a line.
        b: at u = 1, v = 0.
        c: at u = 0, v = 1.
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
        estimated_error_error (bounds of the worst over the grid, in 95 % of planes; 0 where every point was
        evaluated), nodes (a side, 0 on a grid), method, n_samples, and the hashes of data, a, b and c.

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
    options: dict[str, Any] = {"buffers": buffers, "device": device, "output": output}
    options_of_line: dict[str, Any] = {"batch_hook": batch_hook, "objective": measured, **options}
    with open_line(model, corners[0], corners[2], data, **options_of_line):
        pass  # c's buffers are refused before any work
    with open_line(model, corners[0], corners[1], data, **options_of_line) as opened:
        if list(opened.splits) != [""]:
            raise ValueError(
                f"a plane is of one data set, got the splits {first_of(map(repr, opened.splits))}"
            )
        batches = opened.splits[""]
        walk = PlaneWalk(opened, corners, measured, grid, options)
        for chunk in walk.chunks(batches):
            if method == "grid" or not walk.interpolate(chunk, loss_tolerance):
                walk.evaluate(chunk)
    found = walk.dataset()
    hashes = {f"{n}_hash": checkpoint_hash(state) for n, state in zip("abc", corners, strict=True)}
    found.attrs |= {"n_samples": batches.n_samples, "data_hash": batches.content_hash, **hashes}
    if method == "adaptive" and walk.unsettled:
        warnings.warn(
            f"{walk.unsettled} of {batches.n_samples} samples did not reach the tolerance by interpolation "
            f"and were evaluated at all {resolution} x {resolution} points; method='grid' avoids the detour",
            UserWarning,
            stacklevel=2,
        )
    return found


def _grid(resolution: int, span: tuple[float, float]) -> NDArray[np.float64]:
    if isinstance(resolution, bool) or not isinstance(resolution, int) or resolution < 2:
        raise ValueError(f"resolution must be a number of points a side >= 2, got {resolution!r}")
    if len(span) != 2 or not -np.inf < span[0] < span[1] < np.inf:
        raise ValueError(f"span must be the first and the last u and v, ascending, got {span!r}")
    return np.linspace(span[0], span[1], resolution)
