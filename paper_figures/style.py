"""One look for every figure, and files that are the same bytes each time.

Colours are Okabe and Ito's, told apart with every common colour vision and in grey. Nothing here touches
pyplot or matplotlib's global settings: figures are made and saved inside `rc_context`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simulations.atomic_files import atomic_path, writable_folder

__all__ = ["CLASS_COLOURS", "ERROR_COLOUR", "LOSS_COLOUR", "PREDICTION", "RC", "save_figure"]

LOSS_COLOUR = "#0072B2"  # blue
ERROR_COLOUR = "#D55E00"  # vermilion
CLASS_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
PREDICTION: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.2}

RC: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,  # TrueType: text stays text, as journals ask
    "savefig.dpi": 200,
}

# What would differ between two runs: the date, and the software line of a PNG.
_METADATA = {"pdf": {"CreationDate": None}, "png": {"Software": None}}


def save_figure(
    folder: Path | str,
    name: str,
    draw: Callable[[np.ndarray], None],
    *,
    panels: int,
    width: float,
    height: float,
    formats: tuple[str, ...] = ("png", "pdf"),
) -> list[Path]:
    """Draw `panels` axes side by side and write `folder/<name>.<format>`, whole or not at all.

    Args:
        folder: made if need be.
        name: of the files, without a suffix.
        draw: is given the array of axes (panels,).
        panels: >= 1.
        width: of the whole figure, inches.
        height: the same.
        formats: "png" and "pdf".
    """
    folder = writable_folder(folder)
    paths = []
    with rc_context(RC):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes: np.ndarray = figure.subplots(1, panels, squeeze=False)[0]
        draw(axes)
        for suffix in formats:
            path = folder / f"{name}.{suffix}"
            with atomic_path(path) as temporary:
                figure.savefig(temporary, metadata=_METADATA[suffix])
            paths.append(path)
    return paths
