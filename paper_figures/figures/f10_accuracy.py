"""F10: what a curve on the line costs in forward passes, and how wrong it is.

Adaptive interpolation of logits, a Chebyshev polynomial through the curve itself, and a grid with linear
interpolation; above the loss, below the error rate, a column for each network.
"""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.panel_labels import letters, share_limits
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, AxesGrid, Layout

__all__ = ["FILE", "MADE_BY", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "Forward passes against accuracy of the curve"
MADE_BY = "python -m benchmarks.line_accuracy"
FILE = "line-accuracy.nc"  # beside the store
WAYS = {
    "adaptive": "logits, adaptive",
    "chebyshev": "polynomial through the curve",
    "grid": "grid, linear between",
}
_ROWS = (("loss_error", "worst loss error (nats)"), ("error_error", "worst error-rate error"))


def collect(measured: xr.Dataset) -> xr.Dataset:
    """The numbers of `benchmarks/line_accuracy.py`, as they are.

    Returns:
        `passes`, `loss_error` (nats), `error_error` (network, way, setting): the worst over alphas that no
        way evaluates.

    Raises:
        ValueError: a dataset without them.
    """
    wanted = ("passes", "loss_error", "error_error")
    missing = [name for name in wanted if name not in measured]
    if missing:
        raise ValueError(f"F10 needs {', '.join(wanted)}, and {missing[0]} is missing: {MADE_BY} makes them")
    return measured[list(wanted)].assign_attrs(source="benchmarks/line_accuracy.py", **measured.attrs)


def layout(dataset: xr.Dataset) -> Layout:
    """Two rows, a column for each network."""
    return Layout(2, dataset.sizes["network"], DOUBLE_COLUMN, 4.0, legend=3)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """A line for each way, through its settings in the order of their passes."""
    for row, (quantity, label) in enumerate(_ROWS):
        for column, name in enumerate(dataset["network"].to_numpy()):
            _draw_one(axes[row, column], dataset.isel(network=column), quantity)
            axes[row, column].set(title=fill(str(name), 26), ylabel=label)
            axes[row, column].set_xlabel("forward passes over the data")
        share_limits(axes[row])
    share_limits(axes.ravel(), "x")


def _draw_one(ax: Axes, one: xr.Dataset, quantity: str) -> None:
    for style, (way, label) in zip(STYLES, WAYS.items(), strict=False):
        line = one.sel(way=way)
        passes, worst = line["passes"].to_numpy(), line[quantity].to_numpy()
        order = np.argsort(passes, kind="stable")
        options: dict[str, Any] = {"label": label, "markersize": 4, "linewidth": 1.2, **style}
        ax.plot(passes[order], worst[order], **options)
    ax.set(xscale="log", yscale="log")
    ticks = [5, 10, 20, 50, 100]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.set_xticks([], minor=True)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    n = dataset.sizes["network"]
    return (
        f"F10. {TITLE}. Worst error over "
        f"{str(dataset.attrs['alphas']).replace('alphas', 'values of α')}, of the loss {letters(0, n)} "
        "and of the error "
        f"rate {letters(n, n)}, against forward passes over all samples; one network in each column, one "
        "training each, so there are no bands."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """For each network the error of each way at the passes nearest to 17, and who wins."""
    sentences = ["Nearest to 17 passes:"]
    for column, name in enumerate(dataset["network"].to_numpy()):
        found = []
        for way, label in WAYS.items():
            line = dataset.isel(network=column).sel(way=way)
            near = int(np.argmin(np.abs(np.log(line["passes"].to_numpy() / 17))))
            passes, loss, error = (float(line[q][near]) for q in ("passes", "loss_error", "error_error"))
            found.append((label, passes, loss, error))
        best_loss = min(found, key=lambda one: one[2])[0]
        best_error = min(found, key=lambda one: one[3])[0]
        numbers = "; ".join(
            f"{label}: {loss:.1e} nats and {error:.4f} at {passes:.1f} passes"
            for label, passes, loss, error in found
        )
        sentences.append(f"{name}: {numbers}. Best loss: {best_loss}; best error rate: {best_error}.")
    return sentences
