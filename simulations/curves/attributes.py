"""What a curve says of itself in its attributes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
import xarray as xr

from simulations.curves.engine import Engine, SplitCurve
from simulations.curves.objective_engine import ObjectiveCurve, ObjectiveEngine
from simulations.line.line_setup import OpenLine
from simulations.line.moved_network import Line
from simulations.models.checkpoints import checkpoint_hash
from simulations.runtime.names_in_words import first_of
from simulations.runtime.provenance import package_version

__all__ = [
    "NOT_MEASURED",
    "finished_curve",
    "line_attributes",
    "say_what_is_not_measured",
    "say_where_interpolation_failed",
]

WORTH_SAYING = 0.1  # of the alphas: so many evaluated as they are cost what a warning is for

NOT_MEASURED = "do not write their batches' statistics in training: theirs are interpolated between the ends"


def line_attributes(opened: OpenLine, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What names a line: how it is walked, and between which checkpoints.

    Args:
        opened: the line.
        arguments: of `simulations.curves.interpolation_curves`, by name.

    Raises:
        ValueError: start and end are the same.
    """
    path, line = arguments["path"], opened.line
    attributes = {
        "path": path if isinstance(path, str) else "callable",
        "method": arguments["method"],
        "loss_tolerance": arguments["loss_tolerance"],
        "error_tolerance": arguments["error_tolerance"],
        "buffers": line.buffers.policy,
        "precision": arguments["precision"],
        "device": str(line.device),
        "start_hash": checkpoint_hash(opened.start),
        "end_hash": checkpoint_hash(opened.end),
    }
    if attributes["start_hash"] == attributes["end_hash"]:
        raise ValueError("start and end are the same checkpoint: there is no line between them")
    return attributes | _roles(opened, path)


def _roles(opened: OpenLine, path: object) -> dict[str, Any]:
    """The names that the path or the exits depend on."""
    found: dict[str, Any] = {}
    if path in ("homogeneous", "weights", "bias"):
        found["biases"] = ", ".join(opened.roles.biases)
    if opened.roles.last_layer is not None:
        found["last_layer"] = f"{opened.roles.last_layer}, {opened.roles.how}".lstrip(", ")
    return found


def finished_curve(
    split: SplitCurve | ObjectiveCurve,
    engine: Engine | ObjectiveEngine,
    attributes: Mapping[str, Any],
    call: str,
) -> xr.Dataset:
    """A split's sums, all of them added, as the Dataset that `interpolation_curves` returns.

    Args:
        split: the sums.
        engine: that added them.
        attributes: of `line_attributes`.
        call: the arguments as JSON.
    """
    curve, line = split.sums.dataset(), engine.line
    measured_on = line.calibration if line.buffers.measured else None
    curve.attrs = {
        **attributes,
        **engine.attributes(split),  # type: ignore[arg-type]
        **({} if measured_on is None else {"calibration_hash": measured_on.content_hash}),
        **({"buffers_not_measured": ", ".join(line.not_measured)} if line.not_measured else {}),
        "n_samples": split.sums.n,
        "data_hash": split.batches.content_hash,
        "threads": torch.get_num_threads(),
        "torch_version": str(torch.__version__),
        "package_version": package_version(),
        "call": call,
    }
    return curve


def say_where_interpolation_failed(
    split: SplitCurve | ObjectiveCurve, engine: Engine | ObjectiveEngine
) -> None:
    """Tell what was evaluated as it is after all, where that cost more than a tenth of a grid.

    Where it cost less a warning would be noise: what is evaluated as it is has no error of interpolation,
    and `forward_passes` counts it.

    Args:
        split: the curve of one split.
        engine: that made it.

    Warns:
        UserWarning: samples, or alphas, at which the tolerances were not reached.
    """
    if split.unsettled:
        warnings.warn(
            f"{split.unsettled} of {split.sums.n} samples did not reach the tolerances by interpolation "
            "and were evaluated at every alpha instead; method='grid' avoids the detour",
            UserWarning,
            stacklevel=4,
        )
    if split.direct.sum() > WORTH_SAYING * len(engine.alphas):
        tied = engine.alphas[engine.inside][split.direct]
        warnings.warn(
            f"at {len(tied)} of {len(engine.alphas)} alphas, {tied[0]:.4g} to {tied[-1]:.4g}, where many "
            "samples nearly tie, classes did not reach the tolerances by interpolation: evaluated as they "
            "are",
            UserWarning,
            stacklevel=4,
        )


def say_what_is_not_measured(line: Line) -> None:
    """Name the layers that "recalibrate" left as they are.

    Warns:
        UserWarning: there are some.
    """
    if line.not_measured:
        names = first_of(line.not_measured, 4)
        warnings.warn(
            f"buffers='recalibrate' measures nothing in {names}, which {NOT_MEASURED}",
            UserWarning,
            stacklevel=3,
        )
