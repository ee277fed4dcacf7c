"""F11: what training leaves of each layer's initial weights, and the effective degree that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from paper_figures.drawing.line_panels import LineStyle
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

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "draw", "layout"]

TITLE = "Retention per layer and effective degree"
EXPERIMENTS = ("retention",)
DEPTH = "depth: zero start"


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Retention by layer, effective degree by depth and by initial scale.

    Args:
        runs: merged runs of `EXPERIMENTS`, fully connected, with `retention` and `effective_degree`.

    Returns:
        As `collect_points`. Panels: retention by layer, at the largest depth and the middle width, lines by
        scale; effective degree by depth, at that width, lines by scale; effective degree by scale, at the
        largest depth, lines by width.

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
    by_scale = {f"width {w}": _degrees(only(depth=depth, width=w), "init_scale") for w in widths}
    panels = [
        PointPanel(f"depth {depth}, width {width}", "layer", "retention", by_layer),
        PointPanel(f"width {width}", "depth", "effective degree", by_depth),
        PointPanel(f"depth {depth}", "initial scale", "effective degree", by_scale),
    ]
    names = [*by_layer, DEPTH, *by_scale]
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
    """A style for each name; the depth itself is dotted black."""
    styles = {DEPTH: LineStyle(ZERO_START_LAW, of="none")}
    for kind in ("scale", "width"):
        own = [name for name in dict.fromkeys(names) if name.startswith(kind)]
        first = 0 if kind == "scale" else 3
        styles |= {name: LineStyle(STYLES[(first + n) % len(STYLES)]) for n, name in enumerate(own)}
    return {name: styles[name] for name in dict.fromkeys(names)}


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


def caption(dataset: xr.Dataset) -> str:
    """Where retention is large, and how far the effective degree stays below the depth."""
    styles = _styles([str(name) for name in dataset["line"].to_numpy()])
    degrees = dataset["value"].to_numpy()[1]
    depth = list(dataset["line"].to_numpy()).index(DEPTH)
    others = np.delete(degrees, depth, axis=0)
    share = np.nanmax(others / degrees[depth])
    return (
        f"F11. {TITLE}. Retention (M2): the gain that is left when a layer's initial weights are put back "
        "into the trained network; 0 is a layer that training made anew, 1 one that it did not move. "
        "Effective degree (T13): d log gain / d log alpha at the trained end, which is the depth for zero "
        f"initial weights (dotted); here it is at most {share:.2f} of it. Small dots are seeds, lines their "
        f"means; numbers are means (smallest to largest seed). {point_sentences(dataset, styles)}"
        f"{left_out_text(dataset)}"
    )
