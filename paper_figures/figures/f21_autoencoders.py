"""F21: squared error of autoencoders on the line, by bottleneck, optimiser and learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.line_panels import Panel, draw_quantity
from paper_figures.drawing.line_shapes import (
    TOLERANCE,
    arm_of,
    collect_shapes,
    shape_sentences,
    styles_of,
)
from paper_figures.drawing.run_curves import measured, reached
from paper_figures.drawing.seed_statistics import BAND
from paper_figures.drawing.style import DOUBLE_COLUMN, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Autoencoders on the line"
EXPERIMENTS = ("autoencoders",)


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each bottleneck, a line for each way to train; the loss is the mean squared error.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    panels: dict[int, dict[str, list[xr.Dataset]]] = {}
    for run in usable:
        group = panels.setdefault(int(run.attrs["bottleneck"]), {})
        group.setdefault(arm_of(run).partition(",")[0], []).append(run)
    ways = list(dict.fromkeys(way for group in panels.values() for way in group))
    made = [
        Panel(
            f"bottleneck {bottleneck}",
            next(iter(group.values()))[0]["alpha"].to_numpy(),
            {way: measured(of_way) for way, of_way in group.items()},
        )
        for bottleneck, group in sorted(panels.items())
    ]
    return collect_shapes(made, styles_of(ways), provenance(usable, n_left_out=len(runs) - len(usable)))


def layout(dataset: xr.Dataset) -> Layout:
    """A panel for each bottleneck."""
    return Layout(1, dataset.sizes["panel"], DOUBLE_COLUMN, 2.6, legend=3)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Mean squared error against alpha."""
    styles = styles_of(map(str, dataset["line"].to_numpy()))
    for p, title in enumerate(dataset["panel"].to_numpy()):
        draw_quantity(axes[0, p], dataset.isel(panel=p), "loss", styles)
        axes[0, p].set_title(str(title))
        axes[0, p].set_xlabel(ALPHA)
    axes[0, 0].set_ylabel("mean squared error")


def finding(dataset: xr.Dataset) -> str:
    """How many lines rise, by bottleneck and way to train; runs that diverged have none."""
    left_out = int(dataset.attrs["n_left_out"])
    lost = f" {left_out} runs diverged and have no line." if left_out else ""
    return f"{shape_sentences(dataset)}{lost}"


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and its rule."""
    return (
        f"F21. {TITLE}: fully connected, their target their input, {dataset.attrs['data']}; mean squared "
        f"error of standardised pixels on the training samples, after a fixed number of epochs. {BAND}. A "
        f"line rises where its largest rise is above {TOLERANCE:g} of its fall (C2)."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
