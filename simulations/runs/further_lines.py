"""The lines of a run's `lines`: from other starts, from other runs, of some layers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from simulations.line.paths import PathFunction, noise_start, zero_start
from simulations.models.matched_units import matched_units
from simulations.models.weight_layers import weight_layers
from simulations.runs.endpoint_measures import State, TrainedRun
from simulations.runs.other_ends import other_end
from simulations.runs.run_curves import curve_of_any
from simulations.runs.spec_to_training import run_network
from simulations.runs.store import Store
from simulations.specs.line_words import LineWord, line_word

__all__ = ["INIT_STRIDE", "further_lines"]

INIT_STRIDE = 10**9
"""init:K is the network of seed + K times this: no two runs share one by accident."""


def further_lines(trained: TrainedRun, store: Store, kept: Mapping[int, State]) -> xr.Dataset:
    """Loss and error on each line, of the training samples.

    `loss(line, alpha)`, `error(line, alpha)` (nan of an objective without one), `line` the word of the spec;
    "layers" gives "layer:NAME", "first:m" and "last:m" for each weight layer and each number of them,
    "first:m" of all layers being the linear path. A line whose start is its end, or is not there (training
    ended before the epoch), is nan.

    Args:
        trained: the network, its ends and its data.
        store: with the other runs.
        kept: states by epoch.
    """
    names: list[str] = []
    losses: list[NDArray[np.float64]] = []
    errors: list[NDArray[np.float64]] = []
    for name, start, path in _lines(trained, store, kept):
        names.append(name)
        curve = None if start is None or _same(start, trained.end) else _curve(trained, start, path)
        for rows, quantity in ((losses, "loss"), (errors, "error")):
            rows.append(np.full(trained.spec.alphas, np.nan) if curve is None else curve[quantity].to_numpy())
    return xr.Dataset(
        {"loss": (("line", "alpha"), np.array(losses)), "error": (("line", "alpha"), np.array(errors))},
        coords={"line": names, "alpha": np.linspace(0.0, 1.0, trained.spec.alphas)},
    )


def _curve(trained: TrainedRun, start: State, path: str | PathFunction) -> xr.Dataset:
    return curve_of_any(trained, start, trained.end, path)


def _same(start: State, end: State) -> bool:
    return all(torch.equal(start[name], end[name]) for name in end)


def _lines(
    trained: TrainedRun, store: Store, kept: Mapping[int, State]
) -> Iterator[tuple[str, State | None, str | PathFunction]]:
    for text in trained.spec.lines or ():
        word = line_word(text)
        if word.kind == "layers":
            yield from _of_layers(trained)
        elif word.kind == "only":
            yield text, trained.start, text
        else:
            yield text, _start(trained, store, kept, word, text), "linear"


def _start(
    trained: TrainedRun, store: Store, kept: Mapping[int, State], word: LineWord, text: str
) -> State | None:
    if word.kind == "zero":
        return zero_start(trained.end)
    if word.kind == "noise":
        # Stored runs drew in this order: in another the same run would have other numbers.
        names = list(trained.model.state_dict())
        return noise_start(trained.end, trained.start, seed=trained.spec.seed, order=names)
    if word.kind == "init":
        drawn = replace(trained.spec, seed=trained.spec.seed + INIT_STRIDE * word.number, lines=None)
        return run_network(drawn, trained.data).state_dict()
    if word.kind == "epoch":
        return kept.get(word.number)
    found = other_end(trained.spec, store, text)
    if word.kind == "matched":
        found = matched_units(found, trained.end, list(weight_layers(trained.model)))
    return found


def _of_layers(trained: TrainedRun) -> Iterator[tuple[str, State, PathFunction]]:
    layers = weight_layers(trained.model)
    for layer, names in layers.items():
        yield f"layer:{layer}", trained.start, _walking(names)
    parts = list(layers.values())
    for m in range(1, len(parts) + 1):
        yield f"first:{m}", trained.start, _walking([name for part in parts[:m] for name in part])
    for m in range(1, len(parts)):
        yield f"last:{m}", trained.start, _walking([name for part in parts[-m:] for name in part])


def _walking(names: list[str]) -> PathFunction:
    """These parameters walk the line, all others are the end's."""
    walking = frozenset(names)
    return lambda name, alpha: alpha if name in walking else 1.0
