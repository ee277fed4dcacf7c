"""The figure of a certified line: what is proved of error and loss, around the curves that were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.style import ERROR_COLOUR, LOSS_COLOUR, AxesGrid, Layout, save_figure
from paper_figures.drawing.symbols import ALPHA
from simulations.certified_line import CertifiedLine

__all__ = ["draw_proved", "save_certificate_figure"]

_POINTS = 4097
_BAND: dict[str, Any] = {"alpha": 0.35, "linewidth": 0.4, "label": "proved band"}


def save_certificate_figure(folder: Path | str, found: CertifiedLine, curves: xr.Dataset) -> list[Path]:
    """Write `folder/certified_line.png` and `.pdf`: the proved band, the plateau, the measured curve.

    Args:
        folder: made if need be.
        found: the certificate; of one with a loss its band is a second panel.
        curves: measured on the same line, `error` and `loss` along `alpha`, as `interpolation_curves` gives.

    Returns:
        The files.
    """
    quantities = ("error",) if found.loss is None else ("error", "loss")

    def draw(axes: AxesGrid) -> None:
        for ax, quantity in zip(axes.ravel(), quantities, strict=True):
            draw_proved(ax, found, curves, quantity=quantity)
            ax.legend(fontsize="x-small")

    panels = len(quantities)
    return save_figure(
        folder, "certified_line", draw, Layout(1, panels, 3.6 * panels, 2.9), note=_note(found)
    )


def draw_proved(
    ax: Axes, found: CertifiedLine, curves: xr.Dataset | None = None, *, quantity: str = "error"
) -> None:
    """The proved band of one quantity, the proved plateau, and the measured curve as dots.

    Args:
        ax: drawn on; the legend is left to the caller.
        found: the certificate.
        curves: measured on the same line; None: the band alone.
        quantity: "error", or "loss" where the certificate has one.

    Raises:
        ValueError: another quantity, or a loss of a certificate without one.
    """
    if quantity not in ("error", "loss"):
        raise ValueError(f"quantity must be error or loss, got {quantity!r}")
    if quantity == "error":
        _draw_error(ax, found)
        ax.set(ylabel="error (share of samples)", ylim=(-0.02, 1.02))
    elif found.loss is None:
        raise ValueError("the certificate has no loss: certify the line with loss=True, or draw the error")
    else:
        lower, upper = (np.r_[bound, bound[-1]] for bound in (found.loss.lower, found.loss.upper))
        ax.fill_between(found.loss.edges, lower, upper, step="post", color=LOSS_COLOUR, **_BAND)
        ax.set_ylabel("loss (nats)")
    if curves is not None:
        ax.plot(curves["alpha"], curves[quantity], ".", color="black", markersize=2.5, label="measured")
    ax.set(xlabel=ALPHA, xlim=(0, 1))


def _draw_error(ax: Axes, found: CertifiedLine) -> None:
    """The band at the grid's alphas and at all ends of cells: between two it is a line, no proof."""
    edges = np.unique(np.r_[found.finest.start, found.finest.end])
    if len(edges) > _POINTS:
        edges = edges[:: len(edges) // _POINTS + 1]
    alphas = np.unique(np.r_[np.linspace(0, 1, _POINTS), edges])
    lower, upper = found.error_bounds(alphas)
    ax.fill_between(alphas, lower, upper, color=ERROR_COLOUR, **_BAND)
    if found.plateau is not None:
        words = f"proved: all on class {found.plateau.label}"
        ax.axvspan(found.plateau.start, found.plateau.end, color="0.88", zorder=0, label=words)


def _note(found: CertifiedLine) -> str:
    if found.no_plateau:
        return "proved: at every alpha some sample is not on the class of the largest bias"
    return f"{found.n_samples} samples; undecided {found.undecided.mean():.2g} of the line a sample"
