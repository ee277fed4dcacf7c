"""F1: loss and error on the line, a column for each architecture, with what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    endpoint_law,
    has_published_normalisation,
    left_out_text,
    measured,
    network,
    reached,
    theory,
)
from paper_figures.drawing.seed_statistics import BAND
from paper_figures.drawing.style import ENDPOINT_LAW, ERROR_COLOUR, LOSS_COLOUR, ZERO_START_LAW, AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "STYLES", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "Loss and error on the line"
EXPERIMENTS = ("star", "depth_and_bias", "practical_networks")
LINEAR = "linear"
HELD = "linear, last bias held at 0"
STYLES = {
    LINEAR: LineStyle({"color": LOSS_COLOUR, "linestyle": "-"}),
    "homogeneous": LineStyle({"color": "#009E73", "linestyle": (0, (3, 1, 1, 1))}),
    HELD: LineStyle({"color": "#CC79A7", "linestyle": (0, (1, 1))}),
    "trained without bias": LineStyle({"color": ERROR_COLOUR, "linestyle": (0, (5, 1.5))}),
    "theory, zero start (T1)": LineStyle(ZERO_START_LAW, LINEAR),
    "from both ends (M2)": LineStyle(ENDPOINT_LAW, LINEAR),
}


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """The lines of each architecture with a bias in the last layer, and of its twin trained without one.

    Args:
        runs: merged runs of `EXPERIMENTS`. Of fully connected networks the star's centre and the deepest of
            depth_and_bias are taken, by data; VGG-16 without and ResNet-18 with batch norm.

    Raises:
        NothingToDrawError: no run with a line.
    """
    panels, used = [], []
    for group in _architectures(reached(runs)):
        with_bias = [run for run in group if run.attrs["bias_mode"] == "last"]
        without = [run for run in group if run.attrs["bias_mode"] == "none"]
        first = (with_bias or without)[0]
        used += with_bias + without
        lines = {
            LINEAR: measured(with_bias),
            "homogeneous": measured(with_bias, "homogeneous"),
            HELD: measured(with_bias, "no_last_bias"),
            "trained without bias": measured(without),
            "theory, zero start (T1)": theory(with_bias),
            "from both ends (M2)": endpoint_law(with_bias),
        }
        panels.append(Panel(describe(first), first["alpha"].to_numpy(), lines))
    return collect_lines(panels, STYLES, provenance(used, n_left_out=len(runs) - len(reached(runs))))


def _architectures(runs: Sequence[xr.Dataset]) -> list[list[xr.Dataset]]:
    """Runs that differ in bias and seed alone, a list each: the deepest that have twins without bias."""
    groups: dict[tuple[Any, ...], list[xr.Dataset]] = {}
    for run in runs:
        a = run.attrs
        if a["bias_mode"] in ("last", "none") and has_published_normalisation(run):
            place = (a.get("experiment", "star"), network(run), a["data"])
            groups.setdefault((place, a["depth"], a["init_scale"], a.get("width")), []).append(run)
    chosen: dict[tuple[Any, ...], list[xr.Dataset]] = {}
    for (place, *_), group in groups.items():
        if place not in chosen or _rank(group) > _rank(chosen[place]):
            chosen[place] = group
    return list(chosen.values())


def _rank(group: Sequence[xr.Dataset]) -> tuple[int, int]:
    return len({run.attrs["bias_mode"] for run in group}), int(group[0].attrs["depth"] or 0)


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below."""
    draw_lines(axes, dataset, STYLES)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    n = dataset.sizes["panel"]
    return (
        f"F1. {TITLE} from the initialisation (α = 0) to the trained network (α = 1), training samples: loss "
        f"{letters(0, n)}, error {letters(n, n)}. {BAND}. Linear: all weights and biases on the line; "
        "homogeneous: layer l's bias at α^l (where walked). T1: theory for zero initial weights, from "
        "the trained "
        "network alone; M2: product law from both ends; both means, errors from 0+ on. M2 gives the "
        "signal its "
        "trained direction everywhere; near α = 0 the signal lacks it (F2), so M2's error there is too low."
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Where the plateaus end and how far off the predictions are, a sentence a panel."""
    return [
        "A plateau's end is the first α at which a tenth of the fall is spent; numbers are means "
        "(smallest to "
        "largest seed).",
        *line_sentences(dataset, STYLES),
    ]
