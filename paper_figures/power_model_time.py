"""The simple model over time: classes are learned in turn, the last takes the largest bias."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.style import CLASS_COLOURS

__all__ = ["draw_bias", "draw_weights"]


def draw_weights(ax: Axes, flow: xr.Dataset) -> None:
    """W_ii of every class over time (logarithmic)."""
    _draw(ax, flow, np.diagonal(flow["weights"].to_numpy(), axis1=1, axis2=2), "W_ii")
    ax.set_ylabel("diagonal weight W_ii")
    ax.legend(title="class, by its initial weight")


def draw_bias(ax: Axes, flow: xr.Dataset) -> None:
    """b_i of every class over time (logarithmic)."""
    _draw(ax, flow, flow["bias"].to_numpy(), "b")
    ax.set_ylabel("bias b_i (nats)")


def _draw(ax: Axes, flow: xr.Dataset, values: np.ndarray, letter: str) -> None:
    time = flow["time"].to_numpy()
    shown = time > 0  # a logarithmic axis has no 0; values there are the start's
    start = np.diagonal(flow["weights"].to_numpy()[0])
    for rank, i in enumerate(np.argsort(-start)):
        colour = CLASS_COLOURS[rank % len(CLASS_COLOURS)]
        label = f"{i}: W_ii(0) = {start[i]:.4f}"
        ax.plot(time[shown], values[shown, i], color=colour, label=label, gid=f"{letter}{i}")
    ax.set(xscale="log", xlabel="time of the gradient flow")
