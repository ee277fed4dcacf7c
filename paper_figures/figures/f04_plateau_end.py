"""F4: where the plateau ends against depth, by bias, and against initial scale; with what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr

from paper_figures.drawing.line_panels import QUANTITIES, LineStyle, end_of_plateau
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
    Curves,
    endpoint_law,
    left_out_text,
    measured,
    reached,
    theory,
)
from paper_figures.drawing.style import DOUBLE_COLUMN, ENDPOINT_LAW, STYLES, ZERO_START_LAW, AxesGrid, Layout
from paper_figures.drawing.symbols import typeset
from simulations.runs.described_runs import data_name, provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "layout", "plateau_ends"]

TITLE = "Where the plateau ends"
EXPERIMENTS = ("depth_and_bias", "initial_scale")
MEASURED = "measured"
LAST = "bias in the last layer"
LINES = {
    LAST: LineStyle(STYLES[0]),
    "bias in no layer": LineStyle(STYLES[1]),
    "bias in all layers": LineStyle(STYLES[2]),
    "theory, zero start (T1), last": LineStyle(ZERO_START_LAW, LAST),
    "from both ends (M2), last": LineStyle(ENDPOINT_LAW, LAST),
}
_MODES = {"last": LAST, "none": "bias in no layer", "all": "bias in all layers"}
Ends = dict[tuple[str, str], float]
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
_PANELS_A_ROW = 2  # quantities, one above the other


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """The end of the plateau of every run, measured and predicted, in error and in loss.

    Args:
        runs: merged runs of fully connected networks: of `EXPERIMENTS`, or of the star. Each panel takes
            what its axis needs: depth, all runs of one experiment and data at the initial scale that most of
            them have; initial scale, those with a last-layer bias at the depth that most have.

    Returns:
        As `collect_points`; panels by axis, the error's before the loss's.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    groups: dict[tuple[str, str], list[xr.Dataset]] = {}
    for run in usable:
        groups.setdefault((str(run.attrs.get("experiment", "star")), data_name(run)), []).append(run)
    laws = {MEASURED: measured, "theory": theory, "law": endpoint_law}
    ends = {id(run): plateau_ends(run, laws) for run in usable}
    panels = []
    for (_, data), group in groups.items():
        for key, other, name in (("depth", "init_scale", "depth"), ("init_scale", "depth", "initial scale")):
            chosen = _at_usual(group, key, other)
            if len({run.attrs[key] for run in chosen}) < 2:
                continue
            for quantity in ("error", "loss"):
                title = f"{quantity}, {data}, {_kept(chosen, other)}"
                found = _lines(chosen, ends, key, quantity)
                panels.append(PointPanel(title, name, "plateau's end (alpha)", found))
    return collect_points(panels, LINES, provenance(usable, n_left_out=len(runs) - len(usable)))


def _at_usual(group: Sequence[xr.Dataset], key: str, other: str) -> list[xr.Dataset]:
    """The runs at that value of `other` at which `key` takes most values."""
    values = {run.attrs[other] for run in group}
    spread = {value: len({r.attrs[key] for r in group if r.attrs[other] == value}) for value in values}
    usual = max(sorted(spread), key=spread.__getitem__)
    return [run for run in group if run.attrs[other] == usual]


def _kept(runs: Sequence[xr.Dataset], other: str) -> str:
    """What the runs of a panel share: the other setting and what trained them."""
    name = {"depth": "depth", "init_scale": "scale"}[other]
    optimizers = sorted({str(run.attrs.get("optimizer", "sgd")) for run in runs})
    return f"{name} {runs[0].attrs[other]:g}, {' and '.join(OPTIMIZERS.get(o, o) for o in optimizers)}"


def _lines(
    runs: Sequence[xr.Dataset], ends: Mapping[int, Ends], key: str, quantity: str
) -> dict[str, Points]:
    """Measured ends by bias (against depth; a last-layer bias alone else), predicted ones for a last bias."""

    def points(mode: str, law: str) -> Points:
        of_mode = [run for run in runs if run.attrs["bias_mode"] == mode]
        return points_of(of_mode, lambda run: run.attrs[key], lambda run: ends[id(run)][law, quantity])

    modes = _MODES if key == "depth" else {"last": LAST}
    found = {name: points(mode, MEASURED) for mode, name in modes.items()}
    found["theory, zero start (T1), last"] = points("last", "theory")
    found["from both ends (M2), last"] = points("last", "law")
    return found


def plateau_ends(run: xr.Dataset, laws: Mapping[str, Callable[[Sequence[xr.Dataset]], Curves]]) -> Ends:
    """The end of the plateau by law and quantity ("loss", "error"), nan where a law has no curve."""
    alphas, found = run["alpha"].to_numpy(), {}
    for name, law in laws.items():
        nothing = np.full(len(alphas), np.nan)
        (curves,) = law([run]).values() or [(nothing, nothing)]
        for quantity, curve in zip(QUANTITIES, curves, strict=True):
            found[name, quantity] = end_of_plateau(alphas, curve)
    return found


def layout(dataset: xr.Dataset) -> Layout:
    """The error's panels above the loss's."""
    return Layout(_PANELS_A_ROW, dataset.sizes["panel"] // _PANELS_A_ROW, DOUBLE_COLUMN, 4.6, legend=3)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Dots are seeds, lines their means; black lines are predictions for a bias in the last layer."""
    for panel in range(dataset.sizes["panel"]):
        ax = axes[panel % _PANELS_A_ROW, panel // _PANELS_A_ROW]
        one = dataset.isel(panel=panel)
        draw_points(ax, one, LINES)
        words = typeset(str(one["panel"].item())).split(", ")
        ax.set_title(", ".join(words[:2]) + "\n" + ", ".join(words[2:]))
        ax.set_ylim(0, 1)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and where a law is left out."""
    n = dataset.sizes["panel"] // _PANELS_A_ROW
    scaled = [str(p) for p in dataset["panel"].to_numpy()[dataset["x_label"].to_numpy() == "initial scale"]]
    other = (
        f" Those against initial scale are of {scaled[0].partition(', ')[2]}: they are not compared "
        "with the others."
        if scaled and n > 1
        else ""
    )
    return (
        f"F4. {TITLE}: the first α at which a tenth of the curve's fall is spent, of the error "
        f"{letters(0, n)} "
        f"and the loss {letters(n, n)}.{other} Small dots are seeds, lines their means; laws (dotted "
        "and dashed) are for a "
        "bias in the last layer, means alone, drawn where they have an end for every run. M2's error often "
        "has none: near α = 0 it is the trained network's, from which it cannot fall."
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The plateau's end at both ends of every axis, and how far off each prediction is."""
    return ["Numbers are means (smallest to largest seed).", *point_sentences(dataset, LINES)]
