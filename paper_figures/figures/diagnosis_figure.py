"""The figure of a diagnosis: the line, its counterfactuals, and the theory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.curves import mark_end
from paper_figures.drawing.style import CLASS_COLOURS, PREDICTION, AxesGrid, Layout, save_figure
from paper_figures.drawing.symbols import ALPHA
from validation.diagnosis.accounts import Diagnosis

__all__ = ["draw_otherwise", "save_diagnosis_figure"]

_NAMES = {"loss": "loss (nats)", "error": "error (share of samples)"}
_DASHES: tuple[Any, ...] = ((0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 1.5, 1, 1.5)))
_OWN: dict[str, Any] = {"color": "black", "linewidth": 2.6, "zorder": 3}


def save_diagnosis_figure(folder: Path | str, found: Diagnosis) -> list[Path]:
    """Write `folder/diagnosis.png` and `.pdf`: the line and what it would be otherwise."""

    def draw(axes: AxesGrid) -> None:
        for ax, quantity in zip(axes.ravel(), _NAMES, strict=True):
            draw_otherwise(ax, found, quantity=quantity)
        if found.left_out:
            words = f"left out: {', '.join(found.left_out)}"
            axes[0, 0].text(0.02, 0.02, words, transform=axes[0, 0].transAxes, fontsize="x-small")

    return save_figure(folder, "diagnosis", draw, Layout(1, 2, 7.5, 3.9, legend=3))


def draw_otherwise(ax: Axes, found: Diagnosis, *, quantity: str = "error") -> None:
    """The network's own line on top, thick and black; thin below it the lines that would be otherwise.

    Args:
        ax: drawn on; the legend is left to the caller.
        found: of `validation.diagnosis.diagnose`.
        quantity: "loss" or "error". Rings are where plateaus end; the theory for zero initial weights is
            dashed.

    Raises:
        ValueError: another quantity.
    """
    if quantity not in _NAMES:
        raise ValueError(f"quantity must be loss or error, got {quantity!r}")
    alphas = found.curves["alpha"].to_numpy()
    names = [str(name) for name in found.curves["counterfactual"].to_numpy()]
    others = [name for name in names if name != "linear"]
    for n, name in enumerate(others):
        values = found.curves[quantity].sel(counterfactual=name).to_numpy().astype(float)
        if name == "zero start" and quantity == "error":
            values[alphas == 0] = np.nan  # all logits tie there, which is an error by rule
        colour = CLASS_COLOURS[n % len(CLASS_COLOURS)]
        dashes = _DASHES[n % len(_DASHES)]
        ax.plot(alphas, values, label=name, color=colour, linewidth=1.3, linestyle=dashes, zorder=2)
        mark_end(ax, alphas, values, colour, size=4.5)
    if found.theory is not None:
        of_theory = np.asarray(getattr(found.theory, quantity), dtype=float)
        shown = (found.theory.alphas > 0) | (quantity == "loss")
        ax.plot(
            found.theory.alphas[shown],
            of_theory[shown],
            label="theory, zero start (T1)",
            zorder=2,
            **PREDICTION,
        )
    own = found.curves[quantity].sel(counterfactual="linear").to_numpy()
    ax.plot(alphas, own, label="your line", gid="own", **_OWN)
    mark_end(ax, alphas, own, "black", size=7)
    ax.set(xlabel=ALPHA, ylabel=_NAMES[quantity], xlim=(0, 1))
    if quantity == "error":
        ax.set_ylim(-0.02, 1.02)
