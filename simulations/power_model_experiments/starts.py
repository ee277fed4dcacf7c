"""Initial weights by seed and kind. The draw at scale 1 is shared by all scales of a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.power_model_experiments.cases import Group
from simulations.runtime.random_streams import numpy_stream

__all__ = ["NEAR_TIES", "initial_weights", "unit_weights"]

Array = NDArray[np.float64]

# Relative separation of the two smallest diagonal weights.
NEAR_TIES = {"near tie 1e-3": 1e-3, "near tie 1e-6": 1e-6}


def unit_weights(start: str, n_classes: int, seed: int) -> Array:
    """W(0) / scale, (k, k).

    "positive": uniform on (1/2, 1). "diagonal": the same, 0 off the diagonal. "near tie s": positive, with
    the smallest diagonal weight made 1 - s times the second smallest. "gaussian": normal, both signs.

    Raises:
        ValueError: an unknown kind.
    """
    stream = numpy_stream(seed, f"power model, {n_classes} classes, {start.split()[0]}")
    shape = (n_classes, n_classes)
    if start == "gaussian":
        return stream.standard_normal(shape)
    if start not in {"positive", "diagonal", *NEAR_TIES}:
        raise ValueError(f"unknown kind of start: {start!r}")
    weights = stream.uniform(0.5, 1.0, shape)
    if start == "diagonal":
        weights = np.diag(np.diag(weights))
    elif start in NEAR_TIES:
        second, smallest = np.argsort(-np.diag(weights))[-2:]
        weights[smallest, smallest] = weights[second, second] * (1 - NEAR_TIES[start])
    return weights


def initial_weights(group: Group, seed: int) -> Array:
    """W(0) for every scale of a group, (scale, k, k)."""
    unit = unit_weights(group.start, group.n_classes, seed)
    return np.asarray(group.init_scales)[:, None, None] * unit
