"""F6: an imposed bias gap and the plateau's length: dose and response."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from mli_theory import DomainError, majority_exit
from paper_figures.drawing.line_panels import LineStyle
from paper_figures.drawing.panel_labels import letters
from paper_figures.drawing.point_panels import (
    PointPanel,
    Points,
    collect_points,
    draw_points,
    point_sentences,
    points_of,
)
from paper_figures.drawing.run_curves import (
    degree,
    endpoint_law,
    left_out_text,
    measured,
    probe_law,
    reached,
    theory,
)
from paper_figures.drawing.style import (
    DOUBLE_COLUMN,
    ENDPOINT_LAW,
    PROBE_LAW,
    STYLES,
    ZERO_START_LAW,
    AxesGrid,
    Layout,
)
from paper_figures.figures.f04_plateau_end import plateau_ends
from simulations.runs.described_runs import provenance
from validation.claims.line_shape import held

__all__ = ["EXPERIMENTS", "LINES", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "The plateau against an imposed bias gap"
EXPERIMENTS = ("imposed_bias",)
MEASURED = "measured"
_SQUARES = {
    "linestyle": "none",
    "marker": "s",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgewidth": 1.2,
}
LINES = {
    MEASURED: LineStyle(STYLES[0]),
    "theory, zero start (T1)": LineStyle(ZERO_START_LAW, MEASURED),
    # As open squares: as a line it would lie under the other law's.
    "gain on probes (M1)": LineStyle(PROBE_LAW | _SQUARES, MEASURED),
    "from both ends (M2)": LineStyle(ENDPOINT_LAW, MEASURED),
}
_LAWS = {
    MEASURED: measured,
    "theory, zero start (T1)": theory,
    "gain on probes (M1)": probe_law,
    "from both ends (M2)": endpoint_law,
}
_SHARE = 0.99


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """The end of the plateau by gap, in error, in loss, and of the stretch on which one class holds 99 %.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line and a gap.
    """
    usable = [run for run in reached(runs) if run.attrs.get("imposed_bias_gap", "") != ""]
    ends = {id(run): plateau_ends(run, _LAWS) for run in usable}

    def points(law: str, quantity: str) -> Points:
        return points_of(usable, _gap, lambda run: ends[id(run)][law, quantity])

    panels = [
        PointPanel(
            quantity,
            "imposed bias gap (nats)",
            "plateau's end (alpha)",
            {law: points(law, quantity) for law in _LAWS},
        )
        for quantity in ("error", "loss")
    ]
    one_class = {
        MEASURED: points_of(usable, _gap, lambda run: held(run).end),
        "theory, zero start (T1)": points_of(usable, _gap, _held_by_theory),
    }
    panels.append(PointPanel("one class holds 99 %", "imposed bias gap (nats)", "until alpha", one_class))
    return collect_points(panels, LINES, provenance(usable, n_left_out=len(runs) - len(reached(runs))))


def _gap(run: xr.Dataset) -> float:
    return float(run.attrs["imposed_bias_gap"])


def _held_by_theory(run: xr.Dataset) -> float:
    """The alpha to which i* has 99 % of the predictions on the homogeneous path."""
    r = degree(run)
    try:
        exits = np.sort(majority_exit(run["signal"].to_numpy(), run["bias"].to_numpy(), r or 0))
    except DomainError:  # no gap: the largest bias is tied
        return float("nan")
    first_too_many = int(np.floor((1 - _SHARE) * len(exits)))
    return float(min(exits[first_too_many], 1.0))


def layout(dataset: xr.Dataset) -> Layout:
    """The panels side by side."""
    return Layout(1, dataset.sizes["panel"], DOUBLE_COLUMN, 2.7, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Dots are seeds, the line their mean; black and grey lines are predictions."""
    for panel, ax in enumerate(axes.ravel()):
        draw_points(ax, dataset.isel(panel=panel), LINES)
        ax.set_ylim(0, 1)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and where a law is left out."""
    return (
        f"F6. {TITLE}. The last bias is frozen at the gap for class 0 and 0 for the others while all else is "
        f"trained; on the line it grows from 0. {letters(0, 2)}: the first α at which a tenth of the fall is "
        f"spent; {letters(2)}: the end of the longest stretch on which one class has 99 % of the "
        "predictions. "
        "Small dots are seeds, lines their means; laws are means alone, drawn where they have a number "
        "for every "
        "run: M1 and M2 for the loss alone, as their error starts near the trained network's."
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Dose and response, and how far off each prediction is."""
    return [
        "Numbers are means (smallest to largest seed; for predictions over all gaps and seeds).",
        *point_sentences(dataset, LINES),
    ]
