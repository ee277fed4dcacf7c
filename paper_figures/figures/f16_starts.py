"""F16: the line to one trained end from its own initial weights, from others, from noise and from zero."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.arm_words import in_words
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
from paper_figures.drawing.seed_statistics import BAND, range_text
from paper_figures.drawing.style import AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "LINES", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Other starts of the line"
EXPERIMENTS = ("starts",)
OWN, OTHERS, NOISE, ZERO = "own initial weights", "ten others", "noise", "zero"
LINES = styles_of((OWN, OTHERS, NOISE, ZERO))
_MOST_OTHERS = 10


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each arm; of other initial weights every line counts.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    arms = by_arm(usable)
    panels = [
        Panel(
            title,
            group[0]["alpha"].to_numpy(),
            {
                OWN: measured(group),
                OTHERS: {
                    seed: curve
                    for k in range(1, _MOST_OTHERS + 1)
                    for seed, curve in further_curves(group, f"init:{k}", k).items()
                },
                NOISE: further_curves(group, "noise"),
                ZERO: further_curves(group, "zero"),
            },
        )
        for title, group in arms.items()
    ]
    return collect_shapes(panels, LINES, provenance(usable, n_left_out=len(runs) - len(usable)))


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below."""
    draw_lines(axes, dataset, LINES)


def finding(dataset: xr.Dataset) -> str:
    """How many lines rise, by start; and the error of the end's weights times one half."""
    halves = []
    for p, title in enumerate(dataset["panel"].to_numpy()):
        panel = dataset.isel(panel=p)
        half = panel.sel(alpha=0.5, method="nearest")
        errors = ", ".join(
            f"{name} {float(half['error_mean'][n]):.2f}"
            for n, name in enumerate(panel["line"].to_numpy())
            if int(panel["n_seeds"][n])
        )
        halves.append(f"{in_words(str(title))}: {errors}")
    return f"{shape_sentences(dataset)} Mean error at alpha = {float(half['alpha']):g}: {'; '.join(halves)}."


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    return (
        f"F16. {TITLE}: its own initial weights, ten others, noise of the standard deviation of each initial "
        f"tensor, and zero, whose line is the end times α. {dataset.attrs['data']}. {BAND}. A line rises "
        f"where the largest rise between any two α is above {TOLERANCE:g} of the fall (C2). "
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Rises by start, and where the plateaus end."""
    ends = "; ".join(
        f"{in_words(str(title))}, {name}: {range_text(dataset['loss_plateau_end'][p, n])} in loss, "
        f"{range_text(dataset['error_plateau_end'][p, n])} in error"
        for p, title in enumerate(dataset["panel"].to_numpy())
        for n, name in enumerate(dataset["line"].to_numpy())
        if int(dataset["n_seeds"][p, n])
    )
    return [finding(dataset), f"Plateau's ends: {ends}."]
