"""Several seeds as one line and a band, and as dots: how every figure shows a spread.

The line is the mean over seeds, the band reaches from the smallest to the largest seed: no assumption, and
it means the same for 3 seeds and for 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

__all__ = ["BAND", "draw_band", "draw_dots", "mean_low_high", "range_text"]

BAND = "line: mean over seeds; band: smallest to largest seed"

Floats = NDArray[np.float64]


def mean_low_high(values: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    """Mean, smallest and largest (m,) over seeds; nan where every seed is nan."""
    stack = np.asarray(values, dtype=np.float64)
    empty = np.isnan(stack).all(axis=0)
    filled = np.where(empty, 0.0, stack)
    found = np.nanmean(filled, axis=0), np.nanmin(filled, axis=0), np.nanmax(filled, axis=0)
    mean, low, high = (np.where(empty, np.nan, one) for one in found)
    return mean, low, high


def draw_band(
    ax: Axes, x: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike, *, label: str, **style: Any
) -> None:
    """The mean as a line, and the band behind it; points without a number are left out."""
    at, middle, bottom, top = (np.asarray(one, dtype=np.float64) for one in (x, mean, low, high))
    there = np.isfinite(middle)
    ax.plot(at[there], middle[there], label=label, **style)
    if (top[there] > bottom[there]).any():
        colour = style.get("color", "black")
        ax.fill_between(at[there], bottom[there], top[there], color=colour, alpha=0.2, linewidth=0)


def draw_dots(
    ax: Axes, x: ArrayLike, by_seed: ArrayLike, *, label: str, shift: float = 0.0, **style: Any
) -> None:
    """Every seed a small dot, the means a line with markers; `by_seed` is (points, seeds), nan: no number.

    Not clipped: a dot at the end of an axis is seen whole.
    """
    at, values = np.asarray(x, dtype=np.float64) + shift, np.asarray(by_seed, dtype=np.float64)
    dots: Mapping[str, Any] = {"color": style["color"], "alpha": 0.35, "linestyle": "none", "clip_on": False}
    marker = style.get("marker", "o")
    there = np.isfinite(values)
    ax.plot(
        np.repeat(at, values.shape[1])[there.ravel()], values[there], marker=marker, markersize=2.2, **dots
    )
    some = there.any(axis=1)
    if some.any():
        means = np.array([row[ok].mean() for row, ok in zip(values[some], there[some], strict=True)])
        ax.plot(at[some], means, label=label, markersize=4.5, clip_on=False, **style)


def range_text(values: ArrayLike, digits: int = 2) -> str:
    """The mean and the range over seeds in a caption; "no number" where there is none."""
    finite = np.asarray(values, dtype=np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return "no number"
    mean, low, high = (f"{value:.{digits}f}" for value in (finite.mean(), finite.min(), finite.max()))
    return f"{mean} ({low} to {high})"
