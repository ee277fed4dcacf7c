"""F24: Gauss length, distance moved and bump height of all runs of a store: three scatters."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, AxesGrid, Layout
from simulations.runtime.names_in_words import first_of
from validation.job.run_measures import FILE, MEASURES

__all__ = ["FILE", "MADE_BY", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Gauss length, distance moved and bumps of all runs"
MADE_BY = "mli runs measures"
PAIRS = (
    ("gauss_length", "bump_height"),
    ("distance_normalised", "bump_height"),
    ("distance_normalised", "gauss_length"),
)
_LABELS = {
    "gauss_length": "Gauss length (radians)",
    "bump_height": "largest bump of the loss",
    "distance_normalised": "distance moved / start's length",
}
_FLOOR = 1e-4  # of a bump, where it is drawn if it is smaller or 0
_LEAST_RUNS = 5


def collect(measured: xr.Dataset) -> xr.Dataset:
    """The table of `mli runs measures`, as it is.

    Raises:
        NothingToDrawError: a dataset without these measures.
    """
    wanted = [*MEASURES, "network", "optimiser", "batch_norm", "learning_rate", "data"]
    missing = [name for name in wanted if name not in measured]
    if missing:
        raise NothingToDrawError(f"{missing[0]} is missing: `{MADE_BY}` makes the table")
    data = first_of(
        sorted({str(name).rstrip("/").rpartition("/")[2] for name in measured["data"].to_numpy()})
    )
    return measured[wanted].assign_attrs(measured.attrs, data=data)


def layout(dataset: xr.Dataset) -> Layout:  # noqa: ARG001 - the same for any data
    """Three panels."""
    return Layout(1, len(PAIRS), DOUBLE_COLUMN, 2.7, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Every run a mark, by its network."""
    networks = dataset["network"].to_numpy()
    for ax, (x, y) in zip(axes[0], PAIRS, strict=True):
        for n, name in enumerate(dict.fromkeys(networks)):
            style = STYLES[n % len(STYLES)] | {"linestyle": "none", "markersize": 3, "alpha": 0.5}
            at, up = (dataset[key].to_numpy()[networks == name] for key in (x, y))
            there = np.isfinite(at) & np.isfinite(up)
            up = np.maximum(up, _FLOOR) if y == "bump_height" else up
            ax.plot(at[there], up[there], label=str(name), **style)
        ax.set(xscale="log", yscale="log", xlabel=_LABELS[x], ylabel=_LABELS[y])


def finding(dataset: xr.Dataset) -> str:
    """How many runs there are, how many have a bump, and the rank correlations of the three pairs."""
    bump, fall = dataset["bump_height"].to_numpy(), dataset["relative_rise"].to_numpy()
    parts = []
    for x, y in PAIRS:
        a, b = dataset[x].to_numpy(), dataset[y].to_numpy()
        there = np.isfinite(a) & np.isfinite(b)
        if there.sum() >= _LEAST_RUNS and np.ptp(a[there]) > 0 and np.ptp(b[there]) > 0:
            rank = stats.spearmanr(a[there], b[there]).statistic
            parts.append(f"{x.replace('_', ' ')} and {y.replace('_', ' ')} {rank:.2f} (n = {there.sum()})")
    convex = dataset["global_convexity"].to_numpy()
    return (
        f"{len(bump)} runs, {(bump > 0).sum()} with a bump of any height, {(fall > 0.01).sum()} with one of "
        f"more than 0.01 of the fall; {np.nanmean(convex >= 1):.2f} of them lie wholly under their chord, "
        f"{np.nanmean(dataset['local_convexity'].to_numpy() >= 1):.2f} are convex. Spearman's rank "
        f"correlations over runs of all kinds together: {'; '.join(parts)}."
    )


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    return (
        f"F24. {TITLE}. Each mark is one of {dataset.sizes['run']} runs; a bump below {_FLOOR:g} is drawn "
        "there. Gauss length: how much the logits' path turns, mean over 100 samples."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding, and which runs are not drawn."""
    counts = (
        f"{dataset.attrs['without_line']} further runs have no line, and "
        f"{dataset.attrs['without_gauss_length']} no Gauss length: they tell no classes of samples apart, or "
        "their data are elsewhere."
    )
    return [finding(dataset), counts]
