"""What layers do as matrices over a sample's numbers, and pooling windows, found by asking torch.

A layer is given one input at a time, 1 there and 0 elsewhere, in float64. For a convolution the weights are
replaced by the numbers 1, 2, 3, ...: each answer is a whole number that tells which weight joins which input
and output, or 0. That is checked, so that no algorithm of torch's can make it inexact.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["LARGEST_MATRIX", "checked_size", "convolution_places", "pooling_matrix"]

Array = NDArray[np.float64]

LARGEST_MATRIX = 2**25
"""Numbers in one layer's matrix, 256 MiB: some six of that size are held."""


def checked_size(name: str, units: int, fan_in: int) -> None:
    """Refuse a layer whose matrix is too large.

    Raises:
        ValueError: more than `LARGEST_MATRIX` numbers.
    """
    if units * fan_in > LARGEST_MATRIX:
        raise ValueError(
            f"{name} would be a matrix of {units} x {fan_in}; a certified line takes matrices of at most "
            f"{LARGEST_MATRIX} numbers: smaller images or fewer channels"
        )


def convolution_places(layer: nn.Module, name: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(outputs, inputs): 1 + the place of the weight that joins them, in the flattened kernel; 0 for none.

    Args:
        layer: a convolution that pads with zeros.
        name: its name.
        shape: of one sample's input.

    Raises:
        ValueError: a matrix that is too large.
    """
    weight: Any = layer.weight
    numbers = torch.arange(1, weight.numel() + 1, dtype=torch.float64).reshape(weight.shape)
    own = {"weight": numbers}
    if layer.bias is not None:
        own["bias"] = torch.zeros(weight.shape[0], dtype=torch.float64)

    def call(x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.func.functional_call(layer, own, (x,))
        return result

    answers = _answers(call, name, shape)
    places = answers.astype(np.int64)
    if not (places == answers).all() or places.max(initial=0) > weight.numel():
        raise AssertionError(f"{name}: torch's convolution of whole numbers is not exact, please report it")
    return places


def pooling_matrix(call: Callable[[torch.Tensor], torch.Tensor], name: str, shape: tuple[int, ...]) -> Array:
    """(outputs, inputs): an average's weights, the float64 that torch gives; of a maximum 1 in its window.

    Args:
        call: the pooling, the same for every channel.
        name: its name.
        shape: of one sample's input, (channels, ...).

    Raises:
        ValueError: a matrix that is too large.
    """
    plane = _answers(call, name, (1, *shape[1:]))
    checked_size(name, plane.shape[0] * shape[0], plane.shape[1] * shape[0])
    return np.asarray(np.kron(np.eye(shape[0]), plane), np.float64)


def _answers(call: Callable[[torch.Tensor], torch.Tensor], name: str, shape: tuple[int, ...]) -> Array:
    n = prod(shape)
    outputs = prod(call(torch.zeros(1, *shape, dtype=torch.float64)).shape)
    checked_size(name, max(outputs, n), n)
    with torch.no_grad():
        found = call(torch.eye(n, dtype=torch.float64).reshape(n, *shape))
    return np.ascontiguousarray(found.reshape(n, -1).T.numpy())
