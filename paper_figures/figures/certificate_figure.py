"""The figure of a certified line: what is proved of error and loss, around the curves that were measured."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.certified_bands import certified_bands, draw_error_band, draw_loss_band
from paper_figures.drawing.style import AxesGrid, Layout, save_figure
from paper_figures.drawing.symbols import ALPHA
from simulations.certified_line import CertifiedLine

__all__ = ["draw_proved", "save_certificate_figure"]


def save_certificate_figure(folder: Path | str, found: CertifiedLine, curves: xr.Dataset) -> list[Path]:
    """Write `folder/certified_line.png` and `.pdf`: proved bands of cells, the plateau, the measured curve.

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
    """The proved band of one quantity on cells of alpha, the proved plateau, the measured curve as dots.

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
    if quantity == "loss" and found.loss is None:
        raise ValueError("the certificate has no loss: certify the line with loss=True, or draw the error")
    bands = certified_bands(found, curves)
    if quantity == "error":
        draw_error_band(ax, bands)
        ax.set_ylabel("error (share of samples)")
    else:
        draw_loss_band(ax, bands)
        ax.set_ylabel("loss (nats)")
    ax.set_xlabel(ALPHA)


def _note(found: CertifiedLine) -> str:
    if found.no_plateau:
        return "proved: at every alpha some sample is not on the class of the largest bias"
    return f"{found.n_samples} samples; undecided {found.undecided.mean():.2g} of the line a sample"
