"""F18: the line to the trained end from the states after several epochs."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.line_panels import Panel, draw_lines, lines_layout
from paper_figures.drawing.line_shapes import (
    TOLERANCE,
    by_arm,
    collect_shapes,
    further_curves,
    shape_sentences,
    styles_of,
)
from paper_figures.drawing.run_curves import left_out_text, measured, reached
from paper_figures.drawing.seed_statistics import BAND
from paper_figures.drawing.style import AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Lines from states of training to its end"
EXPERIMENTS = ("checkpoints",)
START = "epoch 0"


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each arm, a line for each epoch.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    arms = by_arm(usable)
    lines = {str(line) for run in usable if "line" in run for line in run["line"].to_numpy()}
    kept = sorted(int(line.partition(":")[2]) for line in lines if line.startswith("epoch:"))
    panels = [
        Panel(
            arm,
            group[0]["alpha"].to_numpy(),
            {START: measured(group)}
            | {f"epoch {epoch}": further_curves(group, f"epoch:{epoch}") for epoch in kept},
        )
        for arm, group in arms.items()
    ]
    styles = styles_of([START, *(f"epoch {epoch}" for epoch in kept)])
    return collect_shapes(panels, styles, provenance(usable, n_left_out=len(runs) - len(usable)))


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below."""
    draw_lines(axes, dataset, styles_of(map(str, dataset["line"].to_numpy())))


def finding(dataset: xr.Dataset) -> str:
    """How many lines rise, by epoch."""
    return shape_sentences(dataset)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and its rule."""
    return (
        f"F18. {TITLE}: from the initial weights (epoch 0) and from the state after each of several epochs, "
        f"{dataset.attrs['data']}. {BAND}. A line rises where the largest rise between any two α is "
        f"above {TOLERANCE:g} of its own fall (C2): of a line that falls little the smallest rise counts. "
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
