"""What a curve says of itself in its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import xarray as xr

from simulations.curves.engine import Engine, SplitCurve
from simulations.line.line_setup import OpenLine
from simulations.models.checkpoints import checkpoint_hash
from simulations.runtime.provenance import package_version

__all__ = ["finished_curve", "line_attributes"]


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
        "batch_norm": line.batch_norm or "none",
        "precision": arguments["precision"],
        "device": str(line.device),
        "start_hash": checkpoint_hash(opened.start),
        "end_hash": checkpoint_hash(opened.end),
    }
    if attributes["start_hash"] == attributes["end_hash"]:
        raise ValueError("start and end are the same checkpoint: there is no line between them")
    return attributes


def finished_curve(split: SplitCurve, engine: Engine, attributes: Mapping[str, Any], call: str) -> xr.Dataset:
    """A split's sums, all of them added, as the Dataset that `interpolation_curves` returns.

    Args:
        split: the sums.
        engine: that added them.
        attributes: of `line_attributes`.
        call: the arguments as JSON.
    """
    curve, line = split.sums.dataset(), engine.line
    measured_on = line.calibration if line.batch_norm == "recalibrate" else None
    curve.attrs = {
        **attributes,
        **engine.attributes(split),
        **({} if measured_on is None else {"calibration_hash": measured_on.content_hash}),
        "n_samples": split.sums.n,
        "data_hash": split.batches.content_hash,
        "threads": torch.get_num_threads(),
        "torch_version": str(torch.__version__),
        "package_version": package_version(),
        "call": call,
    }
    return curve
