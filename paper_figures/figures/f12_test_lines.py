"""F12: the line on samples that were not trained on, beside the line on those that were."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.line_panels import (
    LineStyle,
    Panel,
    collect_lines,
    draw_lines,
    line_sentences,
    lines_layout,
)
from paper_figures.drawing.panel_labels import letters
from paper_figures.drawing.run_curves import (
    describe,
    has_published_normalisation,
    left_out_text,
    measured,
    reached,
)
from paper_figures.drawing.seed_statistics import BAND
from paper_figures.drawing.style import ERROR_COLOUR, LOSS_COLOUR, AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "LINES", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "The line on training and on test samples"
EXPERIMENTS = ("depth_and_bias", "practical_networks")
TRAINING = "training samples"
LINES = {
    TRAINING: LineStyle({"color": LOSS_COLOUR, "linestyle": "-"}),
    "test samples": LineStyle({"color": ERROR_COLOUR, "linestyle": (0, (5, 1.5))}, beside=TRAINING),
}
_MOST = 4  # panels: more would be too narrow to read


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each architecture with a last-layer bias whose line was also walked on a test split.

    Args:
        runs: merged runs of `EXPERIMENTS`; of depths the least and the largest, four panels at most.

    Raises:
        NothingToDrawError: no run with a line on a test split.
    """
    groups: dict[str, list[xr.Dataset]] = {}
    for run in reached(runs):
        if "test_loss" in run and run.attrs["bias_mode"] == "last" and has_published_normalisation(run):
            groups.setdefault(describe(run), []).append(run)
    depths = {title: int(group[0].attrs["depth"]) for title, group in groups.items() if ", depth " in title}
    ends = {min(depths.values(), default=0), max(depths.values(), default=0)}
    chosen = [title for title in groups if title not in depths or depths[title] in ends][:_MOST]
    panels = [
        Panel(
            title,
            groups[title][0]["alpha"].to_numpy(),
            {TRAINING: measured(groups[title]), "test samples": measured(groups[title], prefix="test_")},
        )
        for title in chosen
    ]
    used = [run for title in chosen for run in groups[title]]
    return collect_lines(panels, LINES, provenance(used, n_left_out=len(runs) - len(reached(runs))))


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below."""
    draw_lines(axes, dataset, LINES)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    n = dataset.sizes["panel"]
    return (
        f"F12. {TITLE}, networks with a bias in the last layer: loss {letters(0, n)}, error {letters(n, n)}. "
        f"{BAND}.{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Where both plateaus end, and how far the test line is from the training line."""
    return [
        "A plateau's end is the first α at which a tenth of the curve's own fall is spent; numbers are means "
        "(smallest to largest seed).",
        *line_sentences(dataset, LINES),
    ]
