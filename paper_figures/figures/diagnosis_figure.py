"""The figure of a diagnosis: the line, its counterfactuals, and the theory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from paper_figures.drawing.curves import draw_curves
from paper_figures.drawing.style import save_figure
from validation.diagnosis.accounts import Diagnosis

__all__ = ["save_diagnosis_figure"]


def save_diagnosis_figure(folder: Path | str, found: Diagnosis) -> list[Path]:
    """Write `folder/diagnosis.png` and `.pdf`: loss, then error, the prediction of `mli_theory` dashed."""
    curves, theory = found.curves.copy(deep=True), found.theory
    # From zero parameters all logits tie at alpha = 0, where the error is 1 by rule: it is drawn from 0+ on.
    from_zero = curves["counterfactual"] == "zero start"
    curves["error"] = curves["error"].where(~(from_zero & (curves["alpha"] == 0)))
    if theory is not None:
        theory = replace(theory, error=np.where(theory.alphas == 0, np.nan, theory.error))

    def draw(axes: np.ndarray) -> None:
        for ax, quantity in zip(axes, ("loss", "error"), strict=True):
            draw_curves(ax, curves, theory, quantity=quantity)
        axes[1].get_legend().remove()
        if found.left_out:
            words = f"left out: {', '.join(found.left_out)}"
            axes[0].text(0.02, 0.02, words, transform=axes[0].transAxes, fontsize="x-small")
        axes[0].set(title="the line and what it would be otherwise")
        axes[1].set(title="dashed: theory for zero initial weights", ylim=(-0.02, 1.02))

    return save_figure(folder, "diagnosis", draw, panels=2, width=7.5, height=3.2)
