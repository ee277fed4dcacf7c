"""F5: VGG-16 and ResNet-18, with and without batch norm, with and without a bias in the last layer."""

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
from paper_figures.drawing.run_curves import (
    batch_norm,
    describe,
    endpoint_law,
    left_out_text,
    measured,
    network,
    reached,
    theory,
)
from paper_figures.drawing.seed_statistics import BAND
from paper_figures.drawing.style import ENDPOINT_LAW, ERROR_COLOUR, LOSS_COLOUR, ZERO_START_LAW, AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "LINES", "TITLE", "caption", "collect", "draw", "layout"]

TITLE = "VGG-16 and ResNet-18 on the line"
EXPERIMENTS = ("practical_networks",)
LINEAR = "bias in the last layer"
LINES = {
    LINEAR: LineStyle({"color": LOSS_COLOUR, "linestyle": "-"}),
    "homogeneous": LineStyle({"color": "#009E73", "linestyle": (0, (3, 1, 1, 1))}),
    "the same, bias held at 0": LineStyle({"color": "#CC79A7", "linestyle": (0, (1, 1))}),
    "trained without bias": LineStyle({"color": ERROR_COLOUR, "linestyle": (0, (5, 1.5))}),
    "theory, zero start (T1)": LineStyle(ZERO_START_LAW, LINEAR),
    "from both ends (M2)": LineStyle(ENDPOINT_LAW, LINEAR),
}


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each network and normalisation.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    panels = []
    for kind, normalised in sorted({(network(run), batch_norm(run)) for run in usable}, reverse=True):
        group = [run for run in usable if (network(run), batch_norm(run)) == (kind, normalised)]
        with_bias = [run for run in group if run.attrs["bias_mode"] == "last"]
        lines = {
            LINEAR: measured(with_bias),
            "homogeneous": measured(with_bias, "homogeneous"),
            "the same, bias held at 0": measured(with_bias, "no_last_bias"),
            "trained without bias": measured([run for run in group if run.attrs["bias_mode"] == "none"]),
            "theory, zero start (T1)": theory(with_bias),
            "from both ends (M2)": endpoint_law(with_bias),
        }
        panels.append(Panel(describe(group[0]), group[0]["alpha"].to_numpy(), lines))
    return collect_lines(panels, LINES, provenance(usable, n_left_out=len(runs) - len(usable)))


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below."""
    draw_lines(axes, dataset, LINES)


def caption(dataset: xr.Dataset) -> str:
    """Where the plateaus end, with the bias and without."""
    return (
        f"F5. {TITLE}, training data. {BAND}. Solid: a network with a bias in its last layer; the same "
        "network with that bias at alpha^r (homogeneous) and held at 0 (where walked); a network trained "
        "without it. Dotted: theory for zero initial weights, from 0+ on; dashed: product law from both ends "
        "(means over seeds), where they are defined. A plateau's end is the first alpha at which "
        "a tenth of the fall is spent; numbers are means (smallest to largest seed). "
        f"{line_sentences(dataset, LINES)}{left_out_text(dataset)}"
    )
