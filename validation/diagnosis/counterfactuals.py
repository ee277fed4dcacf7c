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
from simulations.line.moved_network import NotFiniteError
from simulations.line.paths import PathFunction, zero_start
from simulations.models.last_layer import Output
from simulations.models.roles import Roles
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


def variants(model: nn.Module, start: State, end: State, roles: Roles, degree: int) -> dict[str, Variant]:
    """The counterfactuals that differ from the line, by name, "linear" first.

    Args:
        model: of which the parameters are.
        start: state dict at alpha = 0.
        end: state dict at alpha = 1.
        roles: which parameters are biases, and which of them the last.
        degree: r of the "last bias homogeneous" path, 0: there is none.
    """
    found = {"linear": Variant(start, end, "linear")}
    names = [name for name, _ in model.named_parameters()]
    bias_name, others = roles.last_bias, roles.hidden_biases
    last = [] if bias_name is None else [bias_name]
    if _any(last, start, end):

        def homogeneous(name: str, alpha: float) -> float:
            return alpha**degree if name == bias_name else alpha

        if degree:
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
    buffers: str = "refuse",
    output: Output = None,
) -> tuple[xr.Dataset, dict[str, SampleCurves], dict[str, str]]:
    """`loss`, `error`, `class_share` and `class_error` of every variant, along a dimension `counterfactual`.

    Beside them every sample's own curves, by variant: 5 bytes an alpha and sample; and the variants that are
    left out, each with the reason: its logits are not finite, as those of a weight that is divided by its
    norm are at zero.

    Raises:
        ValueError: as `simulations.curves.interpolation_curves`; of the line itself what is not finite, too.
    """
    curves: dict[str, xr.Dataset] = {}
    samples, left_out = {}, {}
    for name, variant in lines.items():
        with warnings.catch_warnings():
            # The engine says where the grid was cheaper: a matter of time, not of the result. What is not
            # measured is an attribute, and told once.
            for words in (".*did not reach the tolerances", ".*measures nothing in"):
                warnings.filterwarnings("ignore", message=words, category=UserWarning)
            try:
                curve = interpolation_curves(
                    model,
                    variant.start,
                    variant.end,
                    data,
                    alphas=alphas,
                    path=variant.path,
                    buffers=buffers,
                    output=output,
                    samples=True,
                )
            except NotFiniteError as error:
                if name == "linear":
                    raise
                left_out[name] = str(error)
                continue
        samples[name] = SampleCurves(curve["sample_loss"].to_numpy(), ~curve["sample_correct"].to_numpy())
        curves[name] = curve
    return _merged(curves), samples, left_out


def _merged(curves: Mapping[str, xr.Dataset]) -> xr.Dataset:
    names = xr.DataArray(list(curves), dims="counterfactual", name="counterfactual")
    some = [curve[["loss", "error", "class_share", "class_error"]] for curve in curves.values()]
    merged = xr.concat(some, dim=names, combine_attrs="drop")
    line = curves["linear"].attrs
    told = ("data_hash", "n_samples", "start_hash", "end_hash", "buffers", "buffers_not_measured")
    merged.attrs = {key: line[key] for key in told if key in line}
    merged.attrs["forward_passes"] = float(np.sum([c.attrs["forward_passes"] for c in curves.values()]))
    return merged


def _any(names: list[str], *states: State) -> bool:
    return any(bool(state[name].any()) for state in states for name in names)


def _without(state: State, names: list[str]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(t) if name in names else t for name, t in state.items()}
