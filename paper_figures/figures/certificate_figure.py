"""The figure of a certified line: what is proved of error and loss, around the curves that were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.style import ERROR_COLOUR, LOSS_COLOUR, save_figure
from simulations.certified_line import CertifiedLine

__all__ = ["save_certificate_figure"]

_POINTS = 4097
_BAND: dict[str, Any] = {"alpha": 0.35, "linewidth": 0.4}


def save_certificate_figure(folder: Path | str, found: CertifiedLine, curves: xr.Dataset) -> list[Path]:
    """Write `folder/certified_line.png` and `.pdf`: the proved band, the plateau, the measured curve.

    Args:
        folder: made if need be.
        found: the certificate; of one with a loss its band is a second panel.
        curves: measured on the same line, `error` and `loss` along `alpha`, as `interpolation_curves` gives.

    Returns:
        The files.
    """

    def draw(axes: np.ndarray) -> None:
        _draw_error(axes[0], found)
        axes[0].plot(curves["alpha"], curves["error"], ".", color="black", markersize=2.5, label="measured")
        axes[0].set(xlabel=r"$\alpha$", ylabel="error (share of samples)", xlim=(0, 1), ylim=(-0.02, 1.02))
        if found.loss is not None:
            lower, upper = (np.r_[bound, bound[-1]] for bound in (found.loss.lower, found.loss.upper))
            axes[1].fill_between(
                found.loss.edges, lower, upper, step="post", color=LOSS_COLOUR, label="proved band", **_BAND
            )
            axes[1].plot(
                curves["alpha"], curves["loss"], ".", color="black", markersize=2.5, label="measured"
            )
            axes[1].set(xlabel=r"$\alpha$", ylabel="loss (nats)", xlim=(0, 1))
        for ax in axes:
            ax.legend(fontsize="x-small")

    panels = 1 if found.loss is None else 2
    return save_figure(
        folder, "certified_line", draw, panels=panels, width=3.6 * panels, height=2.9, note=_note(found)
    )


def _draw_error(ax: Axes, found: CertifiedLine) -> None:
    """The band at the grid's alphas and at all ends of cells: between two it is a line, no proof."""
    edges = np.unique(np.r_[found.finest.start, found.finest.end])
    if len(edges) > _POINTS:
        edges = edges[:: len(edges) // _POINTS + 1]
    alphas = np.unique(np.r_[np.linspace(0, 1, _POINTS), edges])
    lower, upper = found.error_bounds(alphas)
    ax.fill_between(alphas, lower, upper, color=ERROR_COLOUR, label="proved band", **_BAND)
    if found.plateau is not None:
        words = f"proved: all on class {found.plateau.label}"
        ax.axvspan(found.plateau.start, found.plateau.end, color="0.88", zorder=0, label=words)


def _note(found: CertifiedLine) -> str:
    if found.no_plateau:
        return "proved: at every alpha some sample is not on the class of the largest bias"
    return f"{found.n_samples} samples; undecided {found.undecided.mean():.2g} of the line a sample"
