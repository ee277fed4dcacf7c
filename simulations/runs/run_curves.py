"""The lines of a trained network on which a run is walked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr

from simulations.curves.one_path import interpolation_curves
from simulations.curves.several_paths import PathBetweenStates, curves_together
from simulations.curves.splits import split_curves
from simulations.datasets.image_dataset import ImageDataset
from simulations.line.paths import PathFunction
from simulations.networks import CONVOLUTIONAL
from simulations.runs.endpoint_measures import State, TrainedRun

__all__ = ["curve_of_any", "measure_paths"]


def measure_paths(trained: TrainedRun) -> dict[str, xr.Dataset]:
    """The curves of the spec's paths on the training samples; `test_loss`, `test_error` on the test split's.

    Variables and attributes of `simulations.curves.interpolation_curves`; on the linear path with `exits`
    where they are defined, else the attribute `skipped_exits` says why not.
    """
    spec = trained.spec
    if not spec.of_classes:
        return {"linear": curve_of_any(trained, trained.start, trained.end, "linear")}
    no_exits = _why_no_exits(trained) if "linear" in spec.paths else ""
    walks = {path: _walk(trained, path, exits=path == "linear" and not no_exits) for path in spec.paths}
    found = _on_grid(trained, walks) if spec.method == "grid" else _adaptively(trained, walks)
    return {
        path: _of_splits(trained, path, curves, no_exits if path == "linear" else "")
        for path, curves in found.items()
    }


def _walk(trained: TrainedRun, path: str, *, exits: bool) -> PathBetweenStates:
    start, end = trained.start, trained.end
    if path == "no_last_bias":
        start, end = _without(start, trained.bias_name), _without(end, trained.bias_name)
    return PathBetweenStates(start, end, "linear" if path == "no_last_bias" else path, exits)


def _on_grid(trained: TrainedRun, walks: Mapping[str, PathBetweenStates]) -> dict[str, xr.Dataset]:
    return curves_together(trained.model, walks, _splits(trained), trained.last_layer, **_options(trained))


def _adaptively(trained: TrainedRun, walks: Mapping[str, PathBetweenStates]) -> dict[str, xr.Dataset]:
    with warnings.catch_warnings():
        # The attribute samples_on_grid says it.
        warnings.filterwarnings("ignore", ".*did not reach the tolerances by interpolation")
        return {
            name: interpolation_curves(
                trained.model,
                walk.start,
                walk.end,
                _splits(trained),
                path=walk.path,
                exits=walk.exits,
                **_options(trained),
            )
            for name, walk in walks.items()
        }


def curve_of_any(trained: TrainedRun, start: State, end: State, path: str | PathFunction) -> xr.Dataset:
    """Loss and error (nan without one) on a path between any two states, of the training samples.

    Args:
        trained: whose network, data, objective and method are taken.
        start: state dict at alpha = 0.
        end: at alpha = 1.
        path: as of `simulations.curves.interpolation_curves`.

    Raises:
        ValueError: as there: states that do not fit, say.
    """
    squared = trained.spec.objective == "squared_error"
    how: dict[str, Any] = {"objective": "squared_error", "target": "input"} if squared else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*did not reach the tolerances by interpolation")
        warnings.filterwarnings("ignore", ".*of the alphas were evaluated as they are")
        found = interpolation_curves(
            trained.model,
            start,
            end,
            trained.data,
            path=path,
            method=trained.spec.method,
            **how,
            **_options(trained),
        )
    if "error" not in found:
        found = found.assign(error=("alpha", np.full(found.sizes["alpha"], np.nan)))
    return found


def _splits(trained: TrainedRun) -> dict[str, ImageDataset]:
    """Walked in one sweep: weights are moved, and statistics measured, once for both."""
    return {"train": trained.data} | ({} if trained.test is None else {"test": trained.test})


def _options(trained: TrainedRun) -> dict[str, Any]:
    spec = trained.spec
    return {
        "alphas": spec.alphas,
        "buffers": spec.bn_policy if spec.batch_norm else "refuse",
        "calibration": trained.data,
        "channels_last": spec.network in CONVOLUTIONAL,
    }


def _of_splits(trained: TrainedRun, path: str, curves: xr.Dataset, no_exits: str) -> xr.Dataset:
    found = split_curves(curves, "train")
    if no_exits:
        found.attrs["skipped_exits"] = no_exits
    if trained.test is not None:
        on_test = split_curves(curves, "test")
        found = found.assign(test_loss=on_test["loss"], test_error=on_test["error"])
        found.attrs["test_data_hash"] = trained.test.content_hash
    found.attrs["path"] = path
    return found


def _without(state: State, bias_name: str | None) -> State:
    if bias_name is None:
        return state
    return {name: torch.zeros_like(t) if name == bias_name else t for name, t in state.items()}


def _why_no_exits(trained: TrainedRun) -> str:
    if trained.bias_name is None:
        return "the last layer has no bias"
    bias = trained.last_bias(trained.end)
    if int((bias == bias.max()).sum()) > 1:
        return "the largest last-layer bias is tied"
    return ""
