"""What a certificate proves of error and loss, to draw: bands on cells of alpha, and the plateau."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.style import ERROR_COLOUR, LOSS_COLOUR
from simulations.certified_line import CertifiedLine

__all__ = ["ERROR_CELLS", "certified_bands", "draw_error_band", "draw_loss_band", "zoom"]

ERROR_CELLS = 1024
_BAND: dict[str, Any] = {"alpha": 0.4, "linewidth": 0.4, "step": "post"}
_MEASURED: dict[str, Any] = {"linestyle": "none", "marker": ".", "color": "black", "markersize": 2.5}


def certified_bands(found: CertifiedLine, curves: xr.Dataset | None) -> xr.Dataset:
    """Bounds that hold at every real alpha of a cell, and the curve that was measured, if one was.

    Args:
        found: the certificate.
        curves: measured on the same line, `error` and `loss` along `alpha`, as `interpolation_curves` gives;
            None: nothing was.

    Returns:
        `error_lower` and `error_upper`, shares of samples, (cell,), on `ERROR_CELLS` equal cells of [0, 1];
        `loss_lower` and `loss_upper`, nats, (loss_cell,), where the certificate has a loss; `error` and
        `loss`, (alpha,), measured; `plateau`, (edge,): start and end, nan where none is proved; `no_plateau`:
        1 where it is proved that there is none, else 0; `label`: the class asked for, -1 for none.
    """
    lower, upper = found.error_bounds_on(np.linspace(0.0, 1.0, ERROR_CELLS + 1))
    plateau = found.plateau
    made = xr.Dataset(
        {
            "error_lower": ("cell", lower),
            "error_upper": ("cell", upper),
            "plateau": ("edge", [plateau.start, plateau.end] if plateau else [np.nan, np.nan]),
            "no_plateau": int(found.no_plateau is True),
            "label": -1 if found.label is None else found.label,
        }
    )
    if curves is not None:
        made = made.assign_coords(alpha=curves["alpha"].to_numpy())
        for quantity in ("error", "loss"):
            made[quantity] = "alpha", curves[quantity].to_numpy()
    if found.loss is not None:
        made["loss_lower"] = ("loss_cell", found.loss.lower)
        made["loss_upper"] = ("loss_cell", found.loss.upper)
    return made


def draw_error_band(ax: Axes, bands: xr.Dataset) -> None:
    """The proved band of the error, the proved plateau, and dots where the error was measured."""
    look = ERROR_COLOUR, "proved band of the error"
    _band(ax, bands["error_lower"].to_numpy(), bands["error_upper"].to_numpy(), look)
    start, end = bands["plateau"].to_numpy().tolist()
    if np.isfinite(start):
        ax.axvspan(start, end, color="0.88", zorder=0, label="proved plateau")
    _measured(ax, bands, "error")
    ax.set(xlim=_with_room(1.0), ylim=(-0.02, 1.02))


def draw_loss_band(ax: Axes, bands: xr.Dataset) -> None:
    """The proved band of the loss, and dots where it was measured."""
    look = LOSS_COLOUR, "proved band of the loss"
    _band(ax, bands["loss_lower"].to_numpy(), bands["loss_upper"].to_numpy(), look)
    _measured(ax, bands, "loss")
    ax.set(xlim=_with_room(1.0))
    ax.set_ylim(bottom=-0.03 * ax.get_ylim()[1])


def zoom(ax: Axes, upto: float, lower: np.ndarray, upper: np.ndarray) -> None:
    """Show alpha from 0 to `upto` alone, and the height that the band has there."""
    shown = int(np.ceil(upto * len(lower)))
    least, most = float(lower[:shown].min()), float(upper[:shown].max())
    room = 0.1 * (most - least)
    ax.set(xlim=_with_room(upto), ylim=(least - room, most + room))


def _with_room(upto: float) -> tuple[float, float]:
    """Limits that cut no dot at 0 or at `upto`."""
    return -0.02 * upto, 1.02 * upto


def _measured(ax: Axes, bands: xr.Dataset, quantity: str) -> None:
    if quantity in bands:
        ax.plot(bands["alpha"], bands[quantity], label="measured", **_MEASURED)


def _band(ax: Axes, lower: np.ndarray, upper: np.ndarray, look: tuple[str, str]) -> None:
    edges = np.linspace(0.0, 1.0, len(lower) + 1)
    both = (np.r_[bound, bound[-1]] for bound in (lower, upper))
    ax.fill_between(edges, *both, color=look[0], label=look[1], **_BAND)
