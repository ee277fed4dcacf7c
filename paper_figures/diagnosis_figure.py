"""The figure of a diagnosis: the line, its counterfactuals, and the theory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paper_figures.curves import draw_curves
from paper_figures.style import save_figure
from validation.diagnosis import Diagnosis

__all__ = ["save_diagnosis_figure"]


def save_diagnosis_figure(folder: Path | str, found: Diagnosis) -> list[Path]:
    """Write `folder/diagnosis.png` and `.pdf`: loss, then error, the prediction of `mli_theory` dashed."""

    def draw(axes: np.ndarray) -> None:
        for ax, quantity in zip(axes, ("loss", "error"), strict=True):
            draw_curves(ax, found.curves, found.theory, quantity=quantity)
        axes[1].get_legend().remove()
        axes[0].set(title="the line and what it would be otherwise")
        axes[1].set(title="dashed: theory for zero initial weights", ylim=(-0.02, 1.02))

    return save_figure(folder, "diagnosis", draw, panels=2, width=7.5, height=3.2)
