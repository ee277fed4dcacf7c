"""How far training moved a network's parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import nn

from simulations.models.weight_layers import weight_layers

__all__ = ["DistanceMoved", "distance_moved"]


class DistanceMoved(NamedTuple):
    """Euclidean lengths of end - start.

    Attributes:
        raw: over all parameters.
        normalised: raw over the start's own length; inf from a start of zeros, nan if the end is that too.
        by_layer: raw of each weight layer, by the name of its module.
        start_by_layer: the start's length in each layer.
    """

    raw: float
    normalised: float
    by_layer: dict[str, float]
    start_by_layer: dict[str, float]


def distance_moved(
    model: nn.Module, start: Mapping[str, torch.Tensor], end: Mapping[str, torch.Tensor]
) -> DistanceMoved:
    """The distance between two states, over parameters alone, in float64.

    Args:
        model: of which the parameters and layers are (`simulations.models.weight_layers`).
        start: a state dict.
        end: another.

    Source: Lucas et al., Analyzing Monotonic Linear Interpolation, 2021 (distance moved, raw and normalised).
    """
    moved, began = {}, {}
    for layer, names in weight_layers(model).items():
        moved[layer] = _length(end[name].double() - start[name].double() for name in names)
        began[layer] = _length(start[name].double() for name in names)
    raw, length = math.hypot(*moved.values()), math.hypot(*began.values())
    normalised = raw / length if length > 0 else (math.inf if raw > 0 else math.nan)
    return DistanceMoved(raw, normalised, moved, began)


def _length(tensors: Iterable[torch.Tensor]) -> float:
    return math.hypot(*(float(torch.linalg.vector_norm(tensor)) for tensor in tensors))
