"""Several paths of one network on a grid: those that differ in the last bias alone are walked as one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn

from mli_theory.short_repr import short_repr
from simulations.curves.accumulator import CurveSums
from simulations.curves.arguments import call_as_json, largest_bias_class, requested_alphas
from simulations.curves.attributes import finished_curve, line_attributes, say_what_is_not_measured
from simulations.curves.engine import Engine, SplitCurve
from simulations.curves.one_path import interpolation_curves
from simulations.curves.splits import join_splits
from simulations.line.line_setup import OpenLine, open_line, walkable_model
from simulations.line.paths import tensor_exponents
from simulations.line.shared_features import BiasVariant, SharedFeatures, is_plain_linear, shared_features
from simulations.line.step_batches import AnyLine
from simulations.models.buffers import chosen_policy
from simulations.models.checkpoints import KnownState, checkpoint_hash, known_checkpoint
from simulations.models.last_layer import LastLayer
from simulations.models.roles import Roles, roles_with, roles_without_running

__all__ = ["PathBetweenStates", "curves_together"]


@dataclass(frozen=True, eq=False)
class PathBetweenStates:
    """One path between two states.

    Attributes:
        start: state dict at alpha = 0.
        end: at alpha = 1.
        path: a name of `simulations.line.paths.tensor_exponents`.
        exits: as of `simulations.curves.interpolation_curves`.
    """

    start: Mapping[str, torch.Tensor]
    end: Mapping[str, torch.Tensor]
    path: str = "linear"
    exits: bool = False

    __repr__ = short_repr


def curves_together(
    model: nn.Module,
    walks: Mapping[str, PathBetweenStates],
    data: Any,
    last_layer: LastLayer,
    *,
    alphas: int | ArrayLike = 101,
    buffers: str = "refuse",
    calibration: Any = None,
    channels_last: bool = False,
    batch_norm: str | None = None,
) -> dict[str, xr.Dataset]:
    """What `interpolation_curves(method="grid")` gives of each walk, bit for bit, by the walks' names.

    Walks that differ in the last bias alone take one walk's passes; their attributes count what each would
    have taken alone.

    Args:
        model: its last layer a plain `nn.Linear`, else nothing is shared.
        walks: by name.
        data: as there.
        last_layer: of `simulations.models.last_layer.find_last_layer`.
        alphas: as there, like the others.
        buffers: of all walks.
        calibration: likewise.
        channels_last: likewise.
        batch_norm: the old name of `buffers`.

    Raises:
        ValueError: as `interpolation_curves`.
    """
    grid = requested_alphas(alphas, extrapolate=False)
    model = walkable_model(model, data)
    walks = _checked_once(model, walks)
    for name, walk in walks.items():
        if checkpoint_hash(walk.start) == checkpoint_hash(walk.end):
            raise ValueError(
                f"start and end of {name!r} are the same checkpoint: there is no line between them"
            )
    buffers = chosen_policy(buffers, batch_norm)
    options = {"alphas": alphas, "buffers": buffers, "channels_last": channels_last}
    found: dict[str, xr.Dataset] = {}
    for group in _groups(model, walks, last_layer):
        found |= _as_one(model, group, data, last_layer, grid, options, calibration)
    return {name: found[name] for name in walks}


def _as_one(
    model: nn.Module,
    group: Mapping[str, PathBetweenStates],
    data: Any,
    last_layer: LastLayer,
    grid: NDArray[np.float64],
    options: dict[str, Any],
    calibration: Any,
) -> dict[str, xr.Dataset]:
    """The curves of walks that differ in the last bias alone, or of one."""
    first = next(iter(group.values()))
    arguments = {name: _arguments(options, walk) for name, walk in group.items()}
    how = {name: options[name] for name in ("buffers", "channels_last")}
    with ExitStack() as stack:
        opened = stack.enter_context(
            open_line(
                model,
                first.start,
                first.end,
                data,
                path=first.path,
                calibration=calibration,
                roles=_roles(model, last_layer),
                **how,
            )
        )
        attributes = {
            name: line_attributes(_as_opened(opened, walk), arguments[name]) for name, walk in group.items()
        }
        lines: dict[str, AnyLine] = dict.fromkeys(group, opened.line)
        if len(group) > 1:
            shared = stack.enter_context(shared_features(opened.line, last_layer.name))
            lines = {
                name: shared if walk is first else _variant(model, shared, walk, last_layer)
                for name, walk in group.items()
            }
        curves = {
            (name, split): SplitCurve(batches, _sums(opened, walk, grid), lines[name])
            for name, walk in group.items()
            for split, batches in opened.splits.items()
        }
        # The tolerances are those of interpolation.
        engine = Engine(opened.line, grid, adaptive=False, loss_tolerance=1.0, error_tolerance=1.0, at_once=1)
        engine.run(list(curves.values()))
        say_what_is_not_measured(opened.line)
    found: dict[str, dict[str, xr.Dataset]] = {name: {} for name in group}
    for (name, split), curve in curves.items():
        call = call_as_json(arguments[name])
        found[name][split] = finished_curve(curve, engine, attributes[name], call)
    return {name: parts[""] if "" in parts else join_splits(parts) for name, parts in found.items()}


def _checked_once(model: nn.Module, walks: Mapping[str, PathBetweenStates]) -> dict[str, PathBetweenStates]:
    """The walks between states that are checked, a state that several of them share once."""
    known: dict[int, KnownState] = {}

    def checked(what: str, state: Mapping[str, torch.Tensor]) -> KnownState:
        if id(state) not in known:
            known[id(state)] = known_checkpoint(what, state, model)
        return known[id(state)]

    return {
        name: replace(
            walk,
            start=checked(f"start of {name!r}", walk.start),
            end=checked(f"end of {name!r}", walk.end),
        )
        for name, walk in walks.items()
    }


def _groups(
    model: nn.Module, walks: Mapping[str, PathBetweenStates], last_layer: LastLayer
) -> list[dict[str, PathBetweenStates]]:
    """The walks, those together that differ in the last bias alone."""
    groups: list[dict[str, PathBetweenStates]] = []
    for name, walk in walks.items():
        for group in groups:
            if _differ_in_last_bias(model, next(iter(group.values())), walk, last_layer):
                group[name] = walk
                break
        else:
            groups.append({name: walk})
    return groups


def _differ_in_last_bias(
    model: nn.Module, one: PathBetweenStates, other: PathBetweenStates, last_layer: LastLayer
) -> bool:
    bias = last_layer.bias_name
    if bias is None or not is_plain_linear(model, last_layer.name):
        return False
    named = dict(model.named_parameters(remove_duplicate=False))
    if sum(parameter is named[bias] for parameter in named.values()) > 1:
        return False  # it is another layer's too
    ours, theirs = (_exponents(model, walk.path, last_layer) for walk in (one, other))
    return all(ours[name] == theirs[name] for name in ours if name != bias) and all(
        state[name] is of_other[name] or torch.equal(state[name], of_other[name])
        for state, of_other in ((one.start, other.start), (one.end, other.end))
        for name in state
        if name != bias
    )


def _variant(
    model: nn.Module, shared: SharedFeatures, walk: PathBetweenStates, last_layer: LastLayer
) -> BiasVariant:
    name = str(last_layer.bias_name)
    exponent = _exponents(model, walk.path, last_layer)[name]
    return BiasVariant(shared, walk.start[name], walk.end[name], exponent)


def _exponents(model: nn.Module, path: str, last_layer: LastLayer) -> dict[str, int]:
    return tensor_exponents(model, path, roles=_roles(model, last_layer))


def _roles(model: nn.Module, last_layer: LastLayer) -> Roles:
    """As running the network finds them: the last layer is known here."""
    return roles_with(roles_without_running(model), last_layer)


def _as_opened(opened: OpenLine, walk: PathBetweenStates) -> OpenLine:
    """The line as if it had been opened for one walk of its group, whose roles it tells."""
    roles = opened.roles
    if not walk.exits and walk.path != "last_bias":
        roles = replace(roles, last_layer=None, last_bias=None, how="not looked for", plain=False)
    return replace(opened, start=walk.start, end=walk.end, roles=roles)


def _sums(opened: OpenLine, walk: PathBetweenStates, grid: NDArray[np.float64]) -> CurveSums:
    return CurveSums(grid, largest_bias_class(replace(opened, end=walk.end)) if walk.exits else None)


def _arguments(options: dict[str, Any], walk: PathBetweenStates) -> dict[str, Any]:
    """Those with which `interpolation_curves` gives the walk's curve, as its attribute tells them."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(interpolation_curves).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and name not in ("calibration", "cache", "progress", "batch_norm")
    }
    return defaults | {"method": "grid", "path": walk.path, "exits": walk.exits} | options
