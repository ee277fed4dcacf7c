"""Lines by arm with what their shapes say: what the figures of the subject's literature share.

A rise is the largest max(0, l_j - l_i), i < j, of a loss curve as a share of its fall (start less end); above
`TOLERANCE` C2 calls a line not monotone. A barrier is the largest loss above the mean of the two ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from paper_figures.drawing.arm_words import in_words
from paper_figures.drawing.line_panels import LineStyle, Panel, collect_lines
from paper_figures.drawing.run_curves import Curves
from paper_figures.drawing.style import STYLES
from validation.metrics.curve_shape import barrier, max_rise

__all__ = [
    "TOLERANCE",
    "arm_of",
    "by_arm",
    "collect_shapes",
    "further_curves",
    "rise_of",
    "shape_sentences",
    "styles_of",
]

TOLERANCE = 0.01
"""The largest rise that C2 calls monotone, a share of the fall."""


def arm_of(run: xr.Dataset) -> str:
    """The label of a run's arm without its experiment."""
    return str(run.attrs["arm"]).rpartition("/")[2]


def by_arm(runs: Iterable[xr.Dataset]) -> dict[str, list[xr.Dataset]]:
    """The runs of each arm, arms and runs in their order."""
    arms: dict[str, list[xr.Dataset]] = {}
    for run in runs:
        arms.setdefault(arm_of(run), []).append(run)
    return arms


def styles_of(names: Iterable[str]) -> dict[str, LineStyle]:
    """The n-th style of all figures for the n-th line, without markers."""
    return {
        name: LineStyle({key: STYLES[n % len(STYLES)][key] for key in ("color", "linestyle")})
        for n, name in enumerate(names)
    }


def further_curves(runs: Iterable[xr.Dataset], line: str, place: int = 0) -> Curves:
    """One of the `lines` of each run that has it, by seed (plus `place` times a million).

    Lines that are nan, whose start was not there, are not in it.
    """
    found: Curves = {}
    for run in runs:
        names = list(run["line"].to_numpy()) if "line" in run else []
        if line in names:
            at = names.index(line)
            loss, error = (run[f"line_{q}"].to_numpy()[at] for q in ("loss", "error"))
            if np.isfinite(loss).all():
                found[int(run.attrs["seed"]) + 10**6 * place] = (loss, error)
    return found


def rise_of(losses: NDArray[np.float64]) -> float:
    """The rise of one curve; inf where it rises and does not fall, nan where it has a nan."""
    rise, fall = max_rise(losses), float(losses[0] - losses[-1])
    if rise == 0 or np.isnan(rise):
        return rise
    return rise / fall if fall > 0 else float("inf")


def collect_shapes(
    panels: Sequence[Panel], styles: Mapping[str, LineStyle], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """`collect_lines` with `rise(panel, line, seed)` and `barrier(panel, line, seed)` of the losses, nats.

    Raises:
        NothingToDrawError: no panel with a line.
    """
    found = collect_lines(panels, styles, attrs)
    shape = tuple(found.sizes[dim] for dim in ("panel", "line", "seed"))
    rises, barriers = np.full(shape, np.nan), np.full(shape, np.nan)
    by_title = {panel.title: panel for panel in panels}
    for p, title in enumerate(found["panel"].to_numpy()):
        for n, name in enumerate(found["line"].to_numpy()):
            for s, seed in enumerate(found["seed"].to_numpy()):
                curve = by_title[str(title)].lines.get(str(name), {}).get(int(seed))
                if curve is not None:
                    rises[p, n, s], barriers[p, n, s] = rise_of(curve[0]), barrier(curve[0])
    dims = ("panel", "line", "seed")
    return found.assign(rise=(dims, rises.astype(np.float32)), barrier=(dims, barriers.astype(np.float32)))


def shape_sentences(dataset: xr.Dataset, *, barriers: bool = False) -> str:
    """For each panel and line: how many lines are not monotone by C2's tolerance, and the largest rise.

    Args:
        dataset: of `collect_shapes`.
        barriers: tell mean barriers in place of rises: between two minima no line falls.
    """
    sentences = []
    for p, title in enumerate(dataset["panel"].to_numpy()):
        parts = []
        for n, name in enumerate(dataset["line"].to_numpy()):
            values = dataset["barrier" if barriers else "rise"][p, n].to_numpy()
            values = values[~np.isnan(values)]
            if not values.size:
                continue
            if barriers:
                words = f"barrier {values.mean():.2g} nats ({values.min():.2g} to {values.max():.2g})"
            else:
                over = values > TOLERANCE
                words = f"{over.sum()} of {values.size} rise"
                words += f", at most by {values.max():.2g} of the fall" if over.any() else ""
            parts.append(f"{in_words(str(name))} {words}" + (f" (n = {values.size})" if barriers else ""))
        sentences.append(f"{in_words(str(title))}: {'; '.join(parts)}.")
    return " ".join(sentences)
