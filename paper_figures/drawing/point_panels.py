"""Numbers of runs against one axis of an experiment: what F4, F6 and F11 share.

Every seed is a dot, the mean over seeds a line. A prediction is its mean alone, at the places where it has a
number for every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.line_panels import LineStyle
from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.drawing.seed_statistics import draw_dots, range_text
from paper_figures.drawing.symbols import typeset

__all__ = ["PointPanel", "Points", "collect_points", "draw_points", "point_sentences", "points_of"]

Points = dict[float, dict[int, float]]
"""Place on the axis to seed to number."""


class PointPanel(NamedTuple):
    """Its title, what its axes are called, and numbers by the label of their line."""

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Points]


def points_of(
    runs: Iterable[xr.Dataset],
    place: Callable[[xr.Dataset], float],
    number: Callable[[xr.Dataset], float],
) -> Points:
    """One number of each run by its place on the axis and its seed."""
    found: Points = {}
    for run in runs:
        found.setdefault(float(place(run)), {})[int(run.attrs["seed"])] = float(number(run))
    return found


def collect_points(
    panels: Sequence[PointPanel], styles: Mapping[str, LineStyle], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """All panels' numbers.

    Returns:
        `value(panel, line, place, seed)`, `x(panel, place)`, nan where there is none; coordinates `x_label`,
        `y_label` of panels.

    Raises:
        NothingToDrawError: no panel with a number.
    """
    kept = [panel for panel in panels if any(_numbers(points) for points in panel.lines.values())]
    if not kept:
        raise NothingToDrawError(
            "there is no number to draw: no run of the experiments reached its target loss"
        )
    names = [name for name in styles if any(_numbers(panel.lines.get(name, {})) for panel in kept)]
    axes = [sorted({x for points in panel.lines.values() for x in points}) for panel in kept]
    everything = [points for panel in kept for points in panel.lines.values()]
    seeds = sorted({seed for points in everything for by_seed in points.values() for seed in by_seed})
    longest = max(map(len, axes))
    x = np.full((len(kept), longest), np.nan)
    value = np.full((len(kept), len(names), longest, len(seeds)), np.nan)
    for p, (panel, axis) in enumerate(zip(kept, axes, strict=True)):
        x[p, : len(axis)] = axis
        for n, name in enumerate(names):
            for at, by_seed in panel.lines.get(name, {}).items():
                for seed, number in by_seed.items():
                    value[p, n, axis.index(at), seeds.index(seed)] = number
    return xr.Dataset(
        {
            "value": (("panel", "line", "place", "seed"), value.astype(np.float32)),
            "x": (("panel", "place"), x),
        },
        coords={
            "panel": [panel.title for panel in kept],
            "line": names,
            "seed": seeds,
            "x_label": ("panel", [panel.x_label for panel in kept]),
            "y_label": ("panel", [panel.y_label for panel in kept]),
        },
        attrs=dict(attrs),
    )


def _numbers(points: Points) -> bool:
    return any(np.isfinite(number) for by_seed in points.values() for number in by_seed.values())


def draw_points(ax: Axes, panel: xr.Dataset, styles: Mapping[str, LineStyle]) -> None:
    """One panel: the lines that it has, side by side where they share a place."""
    x = panel["x"].to_numpy()
    places = x[np.isfinite(x)]
    step = float(np.diff(places).min()) if len(places) > 1 else 1.0
    by_name = {str(name): panel["value"][n].to_numpy() for n, name in enumerate(panel["line"].to_numpy())}
    there_are = {name: v[: len(places)] for name, v in by_name.items() if np.isfinite(v).any()}
    measured = [name for name in there_are if not styles[name].of]
    for name, values in there_are.items():
        how = styles[name]
        if how.of:
            # Where a law has no plateau for some runs, the mean of the others would flatter it.
            target = there_are.get(how.of, values)
            there = np.isfinite(values).any(axis=1) & (np.isfinite(values) >= np.isfinite(target)).all(axis=1)
            ax.plot(places[there], np.nanmean(values[there], axis=1), label=name, **how.style)
        else:
            shift = 0.06 * step * (measured.index(name) - (len(measured) - 1) / 2)
            draw_dots(ax, places, values, label=name, shift=shift, linewidth=1.2, **how.style)
    ax.set(xlabel=typeset(str(panel["x_label"].item())), ylabel=typeset(str(panel["y_label"].item())))
    ax.set_title(typeset(str(panel["panel"].item())))
    ax.set_xticks(places, [f"{place:g}" for place in places])


def point_sentences(dataset: xr.Dataset, styles: Mapping[str, LineStyle], digits: int = 2) -> list[str]:
    """For each panel: every line at both ends of its axis, and how far off each prediction is."""
    sentences = []
    for p, title in enumerate(dataset["panel"].to_numpy()):
        panel = dataset.isel(panel=p)
        x, by_name = panel["x"].to_numpy(), dict(zip(panel["line"].to_numpy(), panel["value"], strict=True))
        parts = []
        for name, values in by_name.items():
            numbers = values.to_numpy()
            there = np.flatnonzero(np.isfinite(numbers).any(axis=1))
            if not there.size:
                continue
            target = by_name.get(styles[str(name)].of)
            if target is not None:
                off = np.abs(numbers - target.to_numpy())
                n, of = int(np.isfinite(off).sum()), int(np.isfinite(target.to_numpy()).sum())
                undefined = f" and undefined for {of - n} of {of} runs" if n < of else ""
                parts.append(f"{name} is off by {range_text(off, digits)}{undefined}")
                continue
            ends = [f"{range_text(numbers[i], digits)} at {x[i]:g}" for i in dict.fromkeys(there[[0, -1]])]
            n = int(np.isfinite(numbers).any(axis=0).sum())
            parts.append(f"{name} (n = {n}): {', '.join(ends)}")
        sentences.append(
            f"{title}, {panel['y_label'].item()} by {panel['x_label'].item()}: {'; '.join(parts)}."
        )
    return sentences
