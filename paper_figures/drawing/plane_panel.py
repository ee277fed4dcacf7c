"""The plane through three checkpoints onto any axes: contours, the ends, the line, a trajectory."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

__all__ = ["draw_plane"]

LEVELS = 15


def draw_plane(
    ax: Axes, dataset: xr.Dataset, trajectory: ArrayLike | None = None, *, quantity: str = "loss"
) -> None:
    """Contours over u and v, the checkpoints a, b and c, the line from a to b, and a trajectory's projection.

    Args:
        ax: drawn on; nothing else is touched: no files, no global settings.
        dataset: of `simulations.curves.plane`.
        trajectory: (s, 2) or (s, 3) of u, v (and a distance that is not drawn), as
            `simulations.line.plane_points.plane_coordinates` gives it.
        quantity: "loss" or "error".

    Raises:
        ValueError: a quantity that the data set does not hold over u and v; a trajectory of another shape.
    """
    if quantity not in dataset or dataset[quantity].dims != ("u", "v"):
        held = {str(name): values.dims for name, values in dataset.data_vars.items()}
        raise ValueError(f"the data set must hold {quantity}(u, v), it holds {held}")
    values = dataset[quantity].to_numpy()
    u, v = dataset["u"].to_numpy(), dataset["v"].to_numpy()
    if np.ptp(values):
        lines = ax.contour(u, v, values.T, LEVELS, cmap="viridis", linewidths=0.8)
        ax.clabel(lines, fontsize=6)
    ax.plot([0, 1], [0, 0], color="black", linewidth=1, label="line from a to b")
    for name, place in (("a", (0, 0)), ("b", (1, 0)), ("c", (0, 1))):
        ax.plot(*place, "o", color="black", markersize=4)
        ax.annotate(name, place, xytext=(4, 4), textcoords="offset points")
    if trajectory is not None:
        path = np.asarray(trajectory, dtype=float)
        if path.ndim != 2 or path.shape[1] not in (2, 3):
            raise ValueError(f"trajectory must be (s, 2) or (s, 3) of u and v, got shape {path.shape}")
        ax.plot(path[:, 0], path[:, 1], ".-", color="tab:red", label="trajectory, projected")
    ax.set(xlabel="u", ylabel="v", title=f"{quantity} at a + u (b - a) + v (c - a)")
    ax.legend()
