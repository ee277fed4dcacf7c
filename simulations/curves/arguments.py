"""The arguments of a curve, checked before any work and told as they were given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from simulations.line.line_setup import OpenLine
from simulations.runtime.argument_checks import MOST_ALPHAS, check_at_least_one
from simulations.runtime.names_in_words import shortened

__all__ = ["METHODS", "call_as_json", "check_options", "largest_bias_class", "requested_alphas"]

METHODS = ("adaptive", "grid")


def requested_alphas(alphas: int | ArrayLike, extrapolate: bool) -> NDArray[np.float64]:
    """The points, ascending.

    Raises:
        ValueError: fewer than 2 equally spaced, none, not ascending, or outside [0, 1] without `extrapolate`.
    """
    if isinstance(alphas, (int, np.integer)) and not isinstance(alphas, bool):
        if alphas < 2:
            raise ValueError(f"alphas must be a number of points >= 2 or the points, got {alphas}")
        if alphas > MOST_ALPHAS:
            raise ValueError(f"alphas must be at most {MOST_ALPHAS} points, got {shortened(alphas)}")
        return np.linspace(0.0, 1.0, int(alphas))
    grid = np.array(alphas, dtype=np.float64)
    if grid.ndim != 1 or not grid.size:
        raise ValueError(
            f"alphas must be a number of points or a non-empty list of them, got shape {grid.shape}"
        )
    outside = np.flatnonzero(~(np.isfinite(grid) if extrapolate else (grid >= 0) & (grid <= 1)))
    if outside.size:
        where = "be finite" if extrapolate else "lie in [0, 1] (or pass extrapolate=True)"
        raise ValueError(f"alphas must {where}, but alphas[{outside[0]}] = {grid[outside[0]]}")
    unsorted = np.flatnonzero(np.diff(grid) <= 0)
    if unsorted.size:
        i = int(unsorted[0])
        raise ValueError(
            f"alphas must ascend, but alphas[{i}] = {grid[i]} is followed by alphas[{i + 1}] = {grid[i + 1]}"
        )
    return grid


def check_options(method: str, loss_tolerance: float, error_tolerance: float, alphas_at_once: int) -> None:
    """Refuse what is no method, no tolerance, no count.

    Raises:
        ValueError: named with its value.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    for name, value in (("loss_tolerance", loss_tolerance), ("error_tolerance", error_tolerance)):
        if not isinstance(value, Real) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    check_at_least_one("alphas_at_once", alphas_at_once)


def call_as_json(arguments: Mapping[str, Any]) -> str:
    """The arguments as one line of JSON: alphas as their number or {count, first, last}, others in words.

    Of a function its module and name; of another object its type.
    """
    given = dict(arguments)
    if not isinstance(given["alphas"], (int, np.integer)):
        points = np.asarray(given["alphas"], dtype=np.float64)
        given["alphas"] = {"count": len(points), "first": points[0], "last": points[-1]}
    return json.dumps(given, default=_in_words)


def _in_words(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, torch.device):
        return str(value)
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def largest_bias_class(opened: OpenLine) -> int:
    """The class of the end's largest last-layer bias.

    Raises:
        ValueError: the model has no such bias, or its logits do not split off one.
    """
    bias = opened.last_bias()
    if bias is None:
        raise ValueError(
            "exits need a bias of the last layer, and the model has none"
            + (f": {opened.roles.no_split}" if opened.roles.no_split else "")
        )
    return int(bias.argmax())
