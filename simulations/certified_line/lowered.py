"""Operations as one chain of affine steps with a slope a unit: the only network that is certified.

The chain's state is every result that is still needed, one after the other. A step makes one operation's
result and carries the others on: a carried unit has weight 1 at both ends, no bias and slope 1, so that it
stays exactly what it was. A sum of branches is a step with weights 1. A maximum is taken in pairs, max(x, y)
= relu(x - y) + y. All of these weights are whole, so that the chain is the module's function exactly, with
two exceptions, which define the line that is certified: an average's weight is the float64 that torch gives
it (1/9 is no float), and a batch norm with kept statistics is (1 - alpha) of its start plus alpha of its end,
each with the float64s nearest to gamma / sqrt(var + eps) and beta - factor mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from simulations.certified_line.dense_layers import checked_size, convolution_places, pooling_matrix
from simulations.certified_line.traced_program import Operation, Program

__all__ = ["lowered"]

Array = NDArray[np.float64]
State = Mapping[str, torch.Tensor]
Step = tuple[Array, Array, Array, Array, Array]


def lowered(program: Program, modules: Mapping[str, nn.Module], first: State, last: State) -> list[Step]:
    """W0, W1, b0, b1 and slopes of each step.

    Args:
        program: of the module.
        modules: the module's, by name.
        first: tensors at alpha = 0.
        last: at alpha = 1; a batch norm's statistics are these on the whole line.

    Raises:
        ValueError: a matrix that is too large; a batch norm whose variance is not at least 0.
    """
    chain = _Chain(prod(program.operations[0].shape))
    operations = program.operations
    users: list[list[int]] = [[] for _ in operations]
    for place, one in enumerate(operations):
        for before in one.inputs:
            users[before].append(place)
    done: set[int] = set()
    for place, one in enumerate(operations):
        if place == 0 or place in done or (not users[place] and place != len(operations) - 1):
            continue
        made, slope = place, one.slope
        follower = users[place][0] if len(users[place]) == 1 else None
        if one.kind != "unit" and follower is not None and operations[follower].kind == "unit":
            made, slope = follower, operations[follower].slope
            done.add(follower)
        keep = {
            before
            for before in chain.places
            if any(user not in done and user > place for user in users[before]) and before != made
        }
        if one.kind == "maximum":
            _maximum(chain, one, operations[one.inputs[0]].shape, made, slope, keep)
            continue
        parts, start_bias, end_bias = _affine(one, operations, modules, first, last)
        chain.step(one.name, made, parts, start_bias, end_bias, slope, keep)
    return chain.steps


Parts = list[tuple[int, Array, Array]]


def _affine(
    one: Operation,
    operations: tuple[Operation, ...],
    modules: Mapping[str, nn.Module],
    first: State,
    last: State,
) -> tuple[Parts, Array, Array]:
    """(input, W0, W1) of each input, b0, b1."""
    size = prod(one.shape)
    none = np.zeros(size)
    before = one.inputs[0]
    shape = operations[before].shape
    if one.kind in ("unit", "sum"):
        checked_size(one.name, size, size)
        return [(taken, np.eye(size), np.eye(size)) for taken in one.inputs], none, none
    if one.kind == "average":
        assert one.call is not None
        matrix = pooling_matrix(one.call, one.name, shape)
        return [(before, matrix, matrix)], none, none
    weights = [_array(state, f"{one.name}.weight") for state in (first, last)]
    biases = [_array(state, f"{one.name}.bias") for state in (first, last)]
    if one.kind == "linear":
        start, end = (none if bias is None else bias for bias in biases)
        return [(before, weights[0], weights[1])], start, end
    repeats = size // one.shape[0]
    if one.kind == "norm":
        ends = [_norm(modules[one.name], one.name, w, b, last) for w, b in zip(weights, biases, strict=True)]
        checked_size(one.name, size, size)
        matrices = [np.diag(np.repeat(factor, repeats)) for factor, _ in ends]
        start, end = (np.repeat(shift, repeats) for _, shift in ends)
        return [(before, matrices[0], matrices[1])], start, end
    places = convolution_places(modules[one.name], one.name, shape)
    matrices = [np.concatenate([[0.0], weight.ravel()])[places] for weight in weights]
    start, end = (none if bias is None else np.repeat(bias, repeats) for bias in biases)
    return [(before, matrices[0], matrices[1])], start, end


def _norm(
    layer: Any, name: str, weight: Array | None, bias: Array | None, last: State
) -> tuple[Array, Array]:
    """Factor and shift of each channel at one end."""
    mean, var = (_array(last, f"{name}.{which}") for which in ("running_mean", "running_var"))
    assert mean is not None
    assert var is not None
    if not (var + layer.eps > 0).all():
        raise ValueError(f"{name}: running_var + eps must be above 0")
    factor = (1.0 if weight is None else weight) / np.sqrt(var + layer.eps)
    return factor, (0.0 if bias is None else bias) - factor * mean


def _maximum(
    chain: _Chain, one: Operation, shape: tuple[int, ...], made: int, slope: float, keep: set[int]
) -> None:
    """Of each window, in pairs; a candidate is a sum of units of the state, as rows of whole weights."""
    assert one.call is not None
    windows = pooling_matrix(one.call, one.name, shape) > 0
    before = one.inputs[0]
    n = windows.shape[1]
    candidates = [[_unit(i, n) for i in np.flatnonzero(window).tolist()] for window in windows]
    source = before
    while max(map(len, candidates)) > 1:
        rows: list[Array] = []
        slopes: list[float] = []
        following: list[list[list[int]]] = []
        for window in candidates:
            new: list[list[int]] = []
            for x, y in zip(window[::2], window[1::2], strict=False):
                new.append([len(rows), len(rows) + 1])
                rows += [x - y, y]
                slopes += [0.0, 1.0]
            if len(window) % 2:
                new.append([len(rows)])
                rows.append(window[-1])
                slopes.append(1.0)
            following.append(new)
        matrix = np.array(rows)
        checked_size(one.name, *matrix.shape)
        none = np.zeros(len(rows))
        chain.step(one.name, -1, [(source, matrix, matrix)], none, none, np.array(slopes), keep)
        source = -1
        candidates = [[_unit(places, len(rows)) for places in window] for window in following]
    matrix = np.array([window[0] for window in candidates])
    none = np.zeros(len(matrix))
    chain.step(one.name, made, [(source, matrix, matrix)], none, none, slope, keep)


def _unit(places: int | list[int], n: int) -> Array:
    row = np.zeros(n)
    row[places] = 1.0
    return row


@dataclass
class _Chain:
    """The steps so far, and where in their last state each result lies."""

    n_inputs: int
    steps: list[Step] = field(default_factory=list)
    places: dict[int, slice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places[0] = slice(0, self.n_inputs)

    def step(
        self, name: str, made: int, parts: Parts, start_bias: Array, end_bias: Array,
        slope: float | Array, keep: set[int],
    ) -> None:  # fmt: skip
        """Make one result from some, and carry `keep`."""
        fan_in = max(place.stop for place in self.places.values())
        own = len(start_bias)
        carried = [(result, self.places[result]) for result in sorted(keep)]
        units = own + sum(place.stop - place.start for _, place in carried)
        checked_size(name, units, fan_in)
        start, end = np.zeros((2, units, fan_in))
        for taken, first, last in parts:
            start[:own, self.places[taken]] += first
            end[:own, self.places[taken]] += last
        slopes = np.ones(units)
        slopes[:own] = slope
        self_places = {made: slice(0, own)}
        at = own
        for result, place in carried:
            size = place.stop - place.start
            rows = np.arange(at, at + size)
            start[rows, np.arange(place.start, place.stop)] = 1.0
            end[rows, np.arange(place.start, place.stop)] = 1.0
            self_places[result] = slice(at, at + size)
            at += size
        none = np.zeros(units - own)
        self.steps.append(
            (start, end, np.concatenate([start_bias, none]), np.concatenate([end_bias, none]), slopes)
        )
        self.places = self_places


def _array(state: State, name: str) -> Any:
    return state[name].detach().cpu().double().numpy() if name in state else None
