"""F23: the line where the first layers start from a network trained on fewer classes."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.line_panels import Panel, draw_lines, lines_layout
from paper_figures.drawing.line_shapes import (
    TOLERANCE,
    by_arm,
    collect_shapes,
    shape_sentences,
    styles_of,
)
from paper_figures.drawing.run_curves import describe, left_out_text, measured, reached
from paper_figures.drawing.seed_statistics import BAND, range_text
from paper_figures.drawing.style import AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "The line after partial pre-training"
EXPERIMENTS = ("pretraining",)


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """One panel, a line for each number of layers that start pre-trained.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    arms = {arm.replace("-", " "): group for arm, group in by_arm(usable).items()}
    lines = {arm: measured(group) for arm, group in arms.items()}
    panels = [Panel(describe(usable[0]), usable[0]["alpha"].to_numpy(), lines)] if usable else []
    return collect_shapes(panels, styles_of(arms), provenance(usable, n_left_out=len(runs) - len(usable)))


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss beside error."""
    draw_lines(axes, dataset, styles_of(map(str, dataset["line"].to_numpy())))


def finding(dataset: xr.Dataset) -> str:
    """How many lines rise, and where the plateaus end, by pre-trained layers."""
    ends = "; ".join(
        f"{name} {range_text(dataset['loss_plateau_end'][0, n])} in loss, "
        f"{range_text(dataset['error_plateau_end'][0, n])} in error"
        for n, name in enumerate(dataset["line"].to_numpy())
    )
    return f"{shape_sentences(dataset)} Plateau's ends: {ends}."


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and what of it is left out."""
    return (
        f"F23. {TITLE}: the first layers start where the same network ended on classes 0 to 4, the others "
        f"from their initial weights; the line is from that start to the end on all classes. {BAND}. A "
        f"line rises where its largest rise is above {TOLERANCE:g} of its fall (C2)."
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
