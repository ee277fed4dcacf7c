"""The runs of the map as one Dataset over its cells."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from simulations.runtime.names_in_words import first_of
from validation.regimes.run_numbers import NUMBERS, run_numbers

__all__ = ["AXES", "regime_map"]

AXES = ("optimizer", "bias", "depth", "init_scale", "seed")
"""What tells two runs of the map apart; `bias` is the run's `bias_mode`."""


def regime_map(runs: Iterable[xr.Dataset]) -> xr.Dataset:
    """Everything that is measured and predicted, over (optimizer, bias, depth, init_scale, seed).

    The variables are `validation.regimes.run_numbers.NUMBERS`, nan where there is no run or no number, and

    - `error_last_minus_none`, `loss_last_minus_none` (optimizer, depth, init_scale, seed): a plateau's end
      with a last-layer bias minus that without any;
    - `error_linear_minus_homogeneous`, `loss_linear_minus_homogeneous`: with a last-layer bias, on the linear
      path minus on the homogeneous;
    - `scale_to_the_depth` (depth, init_scale).

    Args:
        runs: merged runs of fully connected networks that differ in `AXES` alone. Those that stagnated or
            diverged belong to the map.

    Raises:
        ValueError: no runs, or two of one place in the map.
    """
    found: dict[tuple[object, ...], dict[str, float]] = {}
    for run in runs:
        place = tuple(_axis(run, name) for name in AXES)
        if place in found:
            where = first_of(f"{name}={value}" for name, value in zip(AXES, place, strict=True))
            raise ValueError(f"two runs of the map have {where}: leave one out")
        found[place] = run_numbers(run)
    if not found:
        raise ValueError("a map needs runs, got none: `mli sweep regime_map` makes them")
    labels = {name: sorted({place[axis] for place in found}) for axis, name in enumerate(AXES)}  # type: ignore[type-var]
    index = {name: {label: at for at, label in enumerate(labels[name])} for name in AXES}
    shape = tuple(len(labels[name]) for name in AXES)
    values = {name: np.full(shape, np.nan) for name in NUMBERS}
    for place, numbers in found.items():
        at = tuple(index[name][label] for name, label in zip(AXES, place, strict=True))
        for name, number in numbers.items():
            values[name][at] = number
    variables = {name: (AXES, array, {"long_name": NUMBERS[name]}) for name, array in values.items()}
    return _with_differences(xr.Dataset(variables, labels))


def _axis(run: xr.Dataset, name: str) -> object:
    value = run.attrs["bias_mode" if name == "bias" else name]
    return {"depth": int, "seed": int, "init_scale": float}.get(name, str)(value)


def _with_differences(dataset: xr.Dataset) -> xr.Dataset:
    scale = dataset["init_scale"] ** dataset["depth"]
    found = {"scale_to_the_depth": scale.transpose("depth", "init_scale")}
    modes = dataset["bias"].to_numpy().tolist()
    for quantity in ("error", "loss"):
        end = dataset[f"{quantity}_end"]
        if "last" in modes and "none" in modes:
            difference = end.sel(bias="last", drop=True) - end.sel(bias="none", drop=True)
            found[f"{quantity}_last_minus_none"] = difference
        if "last" in modes:
            bent = dataset[f"{quantity}_end_homogeneous"].sel(bias="last", drop=True)
            found[f"{quantity}_linear_minus_homogeneous"] = end.sel(bias="last", drop=True) - bent
    return dataset.assign(found)
