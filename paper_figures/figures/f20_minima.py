"""F20: the line between the trained ends of two seeds, with and without matching of hidden units."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.line_panels import Panel, draw_lines, lines_layout
from paper_figures.drawing.line_shapes import (
    by_arm,
    collect_shapes,
    further_curves,
    shape_sentences,
    styles_of,
)
from paper_figures.drawing.run_curves import Curves, left_out_text, reached
from paper_figures.drawing.seed_statistics import BAND
from paper_figures.drawing.style import AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "LINES", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "The line between two minima"
EXPERIMENTS = ("minima",)
LINES = styles_of(("as they are", "units matched"))
_WORDS = {"as they are": "seed:", "units matched": "matched:"}


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each arm: the end of another seed at alpha = 0, of the own at alpha = 1.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    arms = by_arm(usable)
    panels = [
        Panel(
            arm.replace(",", ", "),
            group[0]["alpha"].to_numpy(),
            {name: _curves(group, word) for name, word in _WORDS.items()},
        )
        for arm, group in arms.items()
    ]
    return collect_shapes(panels, LINES, provenance(usable, n_left_out=len(runs) - len(usable)))


def _curves(runs: Sequence[xr.Dataset], word: str) -> Curves:
    """By the run's seed, and the place of the other run among its lines."""
    found: Curves = {}
    for run in runs:
        names = [str(line) for line in run["line"].to_numpy()] if "line" in run else []
        for place, name in enumerate(name for name in names if name.startswith(word)):
            found |= further_curves([run], name, place)
    return found


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below."""
    draw_lines(axes, dataset, LINES)


def finding(dataset: xr.Dataset) -> str:
    """The barriers, by network."""
    return shape_sentences(dataset, barriers=True)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and what a barrier is."""
    return (
        f"F20. {TITLE} of two seeds, {dataset.attrs['data']}: as they are, and with the hidden units of one "
        f"permuted to those of the other, layer by layer. {BAND}. Barrier: the largest loss above the mean "
        f"of both ends, mean (smallest to largest).{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
