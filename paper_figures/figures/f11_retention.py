"""F11: what training leaves of each layer's initial weights, and the effective degree that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from paper_figures.drawing.line_panels import LineStyle
from paper_figures.drawing.panel_labels import letters, share_limits
from paper_figures.drawing.point_panels import (
    PointPanel,
    Points,
    collect_points,
    draw_points,
    point_sentences,
    points_of,
)
from paper_figures.drawing.run_curves import NothingToDrawError, left_out_text, reached
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, ZERO_START_LAW, AxesGrid, Layout
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "Retention per layer and effective degree"
EXPERIMENTS = ("retention",)
DEPTH = "depth: zero start"


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Retention by layer, effective degree by depth and by width; a line is an initial scale everywhere.

    Args:
        runs: merged runs of `EXPERIMENTS`, fully connected, with `retention` and `effective_degree`.

    Returns:
        As `collect_points`. Panels: retention by layer, at the largest depth and the middle width, lines by
        scale; effective degree by depth, at that width, lines by scale; effective degree by width, at the
        largest depth, lines by scale.

    Raises:
        NothingToDrawError: no run with a retention.
    """
    usable = [run for run in reached(runs) if "retention" in run]
    if not usable:
        raise NothingToDrawError("there is no retention to draw: no run of the experiments has one")
    depth = max(int(run.attrs["depth"]) for run in usable)
    widths = sorted({int(run.attrs["width"]) for run in usable})
    scales = sorted({float(run.attrs["init_scale"]) for run in usable})
    width = widths[len(widths) // 2]

    def only(**wanted: float) -> list[xr.Dataset]:
        return [run for run in usable if all(run.attrs[key] == value for key, value in wanted.items())]

    by_layer = {f"scale {s:g}": _by_layer(only(depth=depth, width=width, init_scale=s)) for s in scales}
    by_depth = {f"scale {s:g}": _degrees(only(width=width, init_scale=s), "depth") for s in scales}
    by_depth[DEPTH] = points_of(only(width=width), _number("depth"), _number("depth"))
    by_width = {f"scale {s:g}": _degrees(only(depth=depth, init_scale=s), "width") for s in scales}
    panels = [
        PointPanel(f"depth {depth}, width {width}", "layer", "retention", by_layer),
        PointPanel(f"width {width}", "depth", "effective degree", by_depth),
        PointPanel(f"depth {depth}", "width", "effective degree", by_width),
    ]
    names = [*by_layer, DEPTH]
    return collect_points(
        panels, _styles(names), provenance(usable, n_left_out=len(runs) - len(reached(runs)))
    )


def _number(key: str) -> Callable[[xr.Dataset], float]:
    return lambda run: float(run.attrs[key])


def _degrees(runs: Sequence[xr.Dataset], key: str) -> Points:
    return points_of(runs, _number(key), lambda run: float(run["effective_degree"]))


def _by_layer(runs: Sequence[xr.Dataset]) -> Points:
    found: Points = {}
    for run in runs:
        for layer, retention in enumerate(run["retention"].to_numpy(), start=1):
            found.setdefault(float(layer), {})[int(run.attrs["seed"])] = float(retention)
    return found


def _styles(names: Sequence[str]) -> dict[str, LineStyle]:
    """A style for each scale; the depth itself is dotted black."""
    scales = [name for name in dict.fromkeys(names) if name != DEPTH]
    styles = {name: LineStyle(STYLES[n % len(STYLES)]) for n, name in enumerate(scales)}
    return {name: styles.get(name, LineStyle(ZERO_START_LAW, of="none")) for name in dict.fromkeys(names)}


def layout(dataset: xr.Dataset) -> Layout:
    """The panels side by side."""
    return Layout(1, dataset.sizes["panel"], DOUBLE_COLUMN, 2.9, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Dots are seeds, lines their means."""
    styles = _styles([str(name) for name in dataset["line"].to_numpy()])
    for panel, ax in enumerate(axes.ravel()):
        one = dataset.isel(panel=panel)
        draw_points(ax, one, styles)
        if str(one["y_label"].item()) == "retention":
            ax.axhline(0, color="0.5", linewidth=0.6)
        else:
            ax.set_ylim(bottom=0)
    share_limits([ax for ax in axes.ravel() if ax.get_ylabel() != "retention"])


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and how far the effective degree stays below the depth."""
    degrees = dataset["value"].to_numpy()[1]
    depth = list(dataset["line"].to_numpy()).index(DEPTH)
    share = np.nanmax(np.delete(degrees, depth, axis=0) / degrees[depth])
    return (
        f"F11. {TITLE}; colours are initial scales in all panels. {letters(0)}: retention (M2), the "
        "gain that is "
        "left when a layer's initial weights are put back into the trained network; 0 is a layer that "
        "training "
        f"made anew, 1 one that it did not move. {letters(1, 2)}: effective degree (T13), d log gain / "
        "d log α at "
        f"the trained end, which is the depth for zero initial weights (dotted); in {letters(1)} it is "
        "at most "
        f"{share:.2f} of it. Small dots are seeds, lines their means.{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Retention and effective degree at both ends of every axis."""
    styles = _styles([str(name) for name in dataset["line"].to_numpy()])
    return ["Numbers are means (smallest to largest seed).", *point_sentences(dataset, styles)]
