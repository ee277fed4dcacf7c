"""The figure of a certified line: what is proved of error and loss, around the curves that were measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from paper_figures.drawing.certified_bands import certified_bands, draw_error_band, draw_loss_band
from paper_figures.drawing.style import save_figure
from simulations.certified_line import CertifiedLine

__all__ = ["save_certificate_figure"]


def save_certificate_figure(folder: Path | str, found: CertifiedLine, curves: xr.Dataset) -> list[Path]:
    """Write `folder/certified_line.png` and `.pdf`: proved bands of cells, the plateau, the measured curve.

    Args:
        folder: made if need be.
        found: the certificate; of one with a loss its band is a second panel.
        curves: measured on the same line, `error` and `loss` along `alpha`, as `interpolation_curves` gives.

    Returns:
        The files.
    """
    bands = certified_bands(found, curves)

    def draw(axes: np.ndarray) -> None:
        draw_error_band(axes[0], bands)
        axes[0].set_ylabel("error (share of samples)")
        if found.loss is not None:
            draw_loss_band(axes[1], bands)
            axes[1].set_ylabel("loss (nats)")
        for ax in axes:
            ax.set_xlabel(r"$\alpha$")
            ax.legend(fontsize="x-small")

    panels = 1 if found.loss is None else 2
    return save_figure(
        folder, "certified_line", draw, panels=panels, width=3.6 * panels, height=2.9, note=_note(found)
    )


def _note(found: CertifiedLine) -> str:
    if found.no_plateau:
        return "proved: at every alpha some sample is not on the class of the largest bias"
    return f"{found.n_samples} samples; undecided {found.undecided.mean():.2g} of the line a sample"
