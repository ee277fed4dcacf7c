"""Numbers that describe one curve on the line: plain arrays in, plain numbers out.

`alphas` is (m,), strictly increasing; `values` is (m,), a loss in nats or an error rate at each alpha.
A curve with a nan is undefined, never monotone: each metric then answers nan, as each docstring says.
Definitions agree with those of Lucas et al. (2021) for the bump, of git re-basin for the barrier and of Lim
et al. (2024) for both convexities.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "HeldInterval",
    "MeasuredBump",
    "barrier",
    "bumps",
    "global_convexity",
    "held_interval",
    "local_convexity",
    "max_rise",
    "plateau_end",
]


class MeasuredBump(NamedTuple):
    """An excursion above a curve's last low, from `start` to `end` in alpha; height in the curve's unit."""

    start: float
    end: float
    height: float
    width: float


class HeldInterval(NamedTuple):
    """The alphas from `start` to `end` on which class `class_index` holds the predictions."""

    start: float
    end: float
    class_index: int


def max_rise(values: ArrayLike) -> float:
    """The largest max(0, l_j - l_i) over i < j, the last step included: exactly 0 iff the curve never rises.

    nan in, nan out. A value of +inf is a rise of inf unless the curve was never below it.

    Raises:
        ValueError: not one-dimensional, or empty.

    Example:
        >>> import mli
        >>> mli.max_rise([1.0, 1.25, 0.5])
        0.25
    """
    curve = _curve("values", values)
    if np.isnan(curve).any():
        return float("nan")
    low = np.minimum.accumulate(curve)
    above = curve > low  # not curve - low > 0: inf - inf is nan
    return float(np.max(curve[above] - low[above], initial=0.0))


def plateau_end(alphas: ArrayLike, values: ArrayLike, spent: float = 0.1) -> float:
    """The first alpha at which the share `spent` of the fall from values[0] to values[-1] is spent.

    Linear between grid points. nan when the curve ends no lower than it begins, or has a nan or inf.

    Raises:
        ValueError: lengths differ, alphas do not increase, or spent is not in (0, 1].

    Example:
        >>> import mli
        >>> mli.plateau_end(alphas=[0.0, 0.5, 1.0], values=[1.0, 1.0, 0.0])
        0.55
    """
    grid, curve = _grid_and_curve(alphas, values)
    if not 0 < spent <= 1:
        raise ValueError(f"spent is a share of the fall, in (0, 1], got {spent!r}")
    if not np.isfinite(curve).all() or not curve[-1] < curve[0]:
        return float("nan")
    # At spent = 1 the level must be values[-1] itself, not a rounding of it that no point reaches.
    level = max(curve[0] - spent * (curve[0] - curve[-1]), curve[-1])
    first = int(np.argmax(curve <= level))
    if first == 0:  # a fall too small for its share to be told from values[0]
        return float(grid[0])
    share_of_step = (curve[first - 1] - level) / (curve[first - 1] - curve[first])
    step = grid[first] - grid[first - 1]
    return float(min(grid[first - 1] + share_of_step * step, grid[first]))


def held_interval(alphas: ArrayLike, class_share: ArrayLike, share: float = 0.99) -> HeldInterval:
    """The longest run of neighbouring alphas on which one class has at least `share` of the predictions.

    class_share is (m, k): the share of samples predicted as each class. The error's level alone cannot
    tell a plateau from chance; this can. Longest in alpha, the first of equals; a run of one point has
    length 0 and counts. (nan, nan, -1) when no class holds any alpha; a nan share holds nothing.

    Raises:
        ValueError: shapes disagree, alphas do not increase, or share is not in (0.5, 1] (at one half two
            classes could hold the same alpha).

    Example:
        >>> import mli
        >>> mli.held_interval(alphas=[0.0, 0.5, 1.0], class_share=[[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
        HeldInterval(start=0.0, end=0.5, class_index=0)
    """
    shares = np.asarray(class_share, dtype=np.float64)
    grid = _grid(alphas)
    if shares.ndim != 2 or shares.shape[0] != grid.size or shares.shape[1] == 0:
        raise ValueError(f"class_share must have shape ({grid.size}, classes), got {shares.shape}")
    if not 0.5 < share <= 1:
        raise ValueError(f"share must be in (0.5, 1], got {share!r}")
    holder = np.where((shares >= share).any(axis=1), np.argmax(shares >= share, axis=1), -1)
    best = HeldInterval(float("nan"), float("nan"), -1)
    first = 0
    for last in range(grid.size):
        if last + 1 < grid.size and holder[last + 1] == holder[first]:
            continue
        longest = best.end - best.start if best.class_index >= 0 else -1.0
        if holder[first] >= 0 and grid[last] - grid[first] > longest:
            best = HeldInterval(float(grid[first]), float(grid[last]), int(holder[first]))
        first = last + 1
    return best


def bumps(alphas: ArrayLike, values: ArrayLike) -> tuple[MeasuredBump, ...]:
    """Every bump of the curve, in order; none for a curve that never rises.

    A bump opens at s = i - 1 at the first rise l_i > l_{i-1} and closes at the first e with l_e < l_s, or
    at the end; height = max l_j - l_s over it, width = a_e - a_s. The largest height is `max_rise`: so a
    curve with a nan has one bump whose every number is nan.

    Raises:
        ValueError: lengths differ, or alphas do not increase.

    Example:
        >>> import mli
        >>> (bump,) = mli.bumps(alphas=[0.0, 0.25, 0.5, 1.0], values=[1.0, 1.25, 1.0, 0.0])
        >>> bump.start, bump.end, bump.height
        (0.0, 1.0, 0.25)
    """
    grid, curve = _grid_and_curve(alphas, values)
    if np.isnan(curve).any():
        return (MeasuredBump(*[float("nan")] * 4),)
    found = []
    here = 1
    while here < curve.size:
        if not curve[here] > curve[here - 1]:
            here += 1
            continue
        start = here - 1
        lower = np.flatnonzero(curve[here:] < curve[start])
        end = here + int(lower[0]) if lower.size else curve.size - 1
        height = float(np.max(curve[start : end + 1]) - curve[start])
        found.append(
            MeasuredBump(float(grid[start]), float(grid[end]), height, float(grid[end] - grid[start]))
        )
        here = end + 1
    return tuple(found)


def barrier(values: ArrayLike) -> float:
    """The curve's maximum above the mean of its two ends: max l - (l_0 + l_1)/2; nan in, nan out.

    Raises:
        ValueError: not one-dimensional, or empty.

    Example:
        >>> import mli
        >>> mli.barrier([1.0, 1.25, 0.5])
        0.5
    """
    curve = _curve("values", values)
    if np.isnan(curve).any():
        return float("nan")
    return float(np.max(curve) - (curve[0] / 2 + curve[-1] / 2))


def local_convexity(alphas: ArrayLike, values: ArrayLike) -> float:
    """The share of inner points at which the curve bends upwards or not at all: second differences >= 0.

    nan in, nan out; nan for fewer than three points. Steps of alpha may differ.

    Raises:
        ValueError: lengths differ, or alphas do not increase.
    """
    grid, curve = _grid_and_curve(alphas, values)
    if np.isnan(curve).any() or curve.size < 3:
        return float("nan")
    return float(np.mean(np.diff(np.diff(curve) / np.diff(grid)) >= 0))


def global_convexity(alphas: ArrayLike, values: ArrayLike) -> float:
    """The share of inner points on or under the chord from the first point to the last.

    nan in, nan out; nan for fewer than three points.

    Raises:
        ValueError: lengths differ, or alphas do not increase.
    """
    grid, curve = _grid_and_curve(alphas, values)
    if np.isnan(curve).any() or curve.size < 3:
        return float("nan")
    share = (grid - grid[0]) / (grid[-1] - grid[0])
    chord = curve[0] * (1 - share) + curve[-1] * share
    return float(np.mean(curve[1:-1] <= chord[1:-1]))


def _curve(name: str, values: ArrayLike) -> NDArray[np.float64]:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0:
        raise ValueError(f"{name} must be a non-empty array of one dimension, got shape {curve.shape}")
    return curve


def _grid(alphas: ArrayLike) -> NDArray[np.float64]:
    grid = _curve("alphas", alphas)
    steps = np.diff(grid)
    if not np.isfinite(grid).all() or not (steps > 0).all():
        bad = int(np.argmax(~(steps > 0))) if steps.size else 0
        raise ValueError(f"alphas must be finite and strictly increasing, got {grid[bad : bad + 2]} at {bad}")
    return grid


def _grid_and_curve(alphas: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    grid, curve = _grid(alphas), _curve("values", values)
    if grid.shape != curve.shape:
        raise ValueError(f"alphas and values must have one length, got {grid.size} and {curve.size}")
    return grid, curve
