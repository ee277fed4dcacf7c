"""What a network's line would be if one thing about it were otherwise.

Each counterfactual changes one thing and leaves the rest: the last-layer bias, the other biases, or the
start. Every curve is walked by the curve engine from edited copies of the two checkpoints.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.line.paths import PathFunction, zero_start
from validation.diagnosis.account_errors import SampleCurves

__all__ = ["COUNTERFACTUALS", "Variant", "counterfactual_curves", "variants"]

State = Mapping[str, torch.Tensor]

COUNTERFACTUALS = {
    "linear": "the line as it is",
    "last bias homogeneous": "the last-layer bias grows as alpha^r, as the signal would from zero",
    "last bias removed": "the last-layer bias is 0 at both ends",
    "other biases removed": "all other biases are 0 at both ends",
    "zero start": "the same end, from all parameters 0",
}
"""Every counterfactual, by name, in words. A network has those that are not the line itself."""


@dataclass(frozen=True, eq=False)
class Variant:
    """The ends and the path of one counterfactual."""

    start: State
    end: State
    path: str | PathFunction


def variants(
    model: nn.Module, start: State, end: State, bias_name: str | None, degree: int
) -> dict[str, Variant]:
    """The counterfactuals that differ from the line, by name, "linear" first.

    Args:
        model: of which the parameter names are; a bias is one whose name ends in "bias".
        start: state dict at alpha = 0.
        end: state dict at alpha = 1.
        bias_name: of the last layer's bias, None where it has none.
        degree: r of the "last bias homogeneous" path.
    """
    found = {"linear": Variant(start, end, "linear")}
    names = [name for name, _ in model.named_parameters()]
    last = [] if bias_name is None else [bias_name]
    others = [n for n in names if n.rpartition(".")[2].endswith("bias") and n != bias_name]
    if _any(last, start, end):

        def homogeneous(name: str, alpha: float) -> float:
            return alpha**degree if name == bias_name else alpha

        found["last bias homogeneous"] = Variant(start, end, homogeneous)
        found["last bias removed"] = Variant(_without(start, last), _without(end, last), "linear")
    if _any(others, start, end):
        found["other biases removed"] = Variant(_without(start, others), _without(end, others), "linear")
    if _any(names, start):
        # Only parameters: running statistics of zeros would divide by 0.
        found["zero start"] = Variant(dict(start) | zero_start({n: end[n] for n in names}), end, "linear")
    return found


def counterfactual_curves(
    model: nn.Module,
    lines: Mapping[str, Variant],
    data: Any,
    *,
    alphas: int = 101,
    batch_norm: str | None = None,
) -> tuple[xr.Dataset, dict[str, SampleCurves]]:
    """`loss`, `error`, `class_share` and `class_error` of every variant, along a dimension `counterfactual`.

    Beside them every sample's own curves, by variant: 5 bytes an alpha and sample.

    Raises:
        ValueError: as `simulations.curves.interpolation_curves`.
    """
    curves, samples = [], {}
    for name, variant in lines.items():
        with warnings.catch_warnings():
            # The engine says where the grid was cheaper: a matter of time, not of the result.
            warnings.filterwarnings("ignore", message=".*did not reach the tolerances", category=UserWarning)
            curve = interpolation_curves(
                model,
                variant.start,
                variant.end,
                data,
                alphas=alphas,
                path=variant.path,
                batch_norm=batch_norm,
                samples=True,
            )
        samples[name] = SampleCurves(curve["sample_loss"].to_numpy(), ~curve["sample_correct"].to_numpy())
        curves.append(curve[["loss", "error", "class_share", "class_error"]])
    names = xr.DataArray(list(lines), dims="counterfactual", name="counterfactual")
    merged = xr.concat(curves, dim=names, combine_attrs="drop")
    merged.attrs = {key: curves[0].attrs[key] for key in ("data_hash", "n_samples", "start_hash", "end_hash")}
    merged.attrs["forward_passes"] = float(np.sum([curve.attrs["forward_passes"] for curve in curves]))
    merged.attrs["batch_norm"] = curves[0].attrs["batch_norm"]
    return merged, samples


def _any(names: list[str], *states: State) -> bool:
    return any(bool(state[name].any()) for state in states for name in names)


def _without(state: State, names: list[str]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(t) if name in names else t for name, t in state.items()}
