"""F9: when the samples of each class leave the plateau, classes ordered by their last-layer bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray
from scipy.stats import spearmanr

from mli_theory import DomainError, correct_interval, majority_exit
from paper_figures.drawing.run_curves import NothingToDrawError, degree, reached
from paper_figures.drawing.seed_statistics import range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "When samples leave the plateau, by class"
EXPERIMENTS = ("star",)
_GRID = np.linspace(0, 1, 101)

Floats = NDArray[np.float64]


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Shares of each class's samples that have left the class of the largest bias, and correct by then.

    Args:
        runs: merged runs of the star with `bias_exit` and `correct_from`; the centre's are taken, or else
            those of the first arm that has them.

    Returns:
        Classes by rank of their bias, 0 the largest (i*). `left`, `correct` (class_rank, alpha): means over
        seeds, of the samples that i* ever held; `left_theory`, `correct_theory` (alpha), all classes but i*,
        from the trained network alone (T1, T2). `gap`, `median_exit`, `median_exit_theory` (seed,
        class_rank): nats below i* and alpha, inf where more than half never leave. `rank_correlation(seed)`:
        Spearman's, of gap and median exit over the classes but i*.

    Raises:
        NothingToDrawError: no run with exits.
    """
    usable = [run for run in reached(runs) if "bias_exit" in run and "correct_from" in run]
    if not usable:
        raise NothingToDrawError("there is no exit to draw: no run with a bias has any")
    arms = list(dict.fromkeys(str(run.attrs["arm"]) for run in usable))
    arm = "centre" if "centre" in arms else arms[0]
    used = [run for run in usable if run.attrs["arm"] == arm]
    parts = [_one(run) for run in used]
    found = xr.concat(parts, dim=xr.DataArray([int(r.attrs["seed"]) for r in used], dims="seed", name="seed"))
    means = found[["left", "correct", "left_theory", "correct_theory"]].mean("seed").astype(np.float32)
    kept = found[["gap", "median_exit", "median_exit_theory", "rank_correlation"]]
    return means.merge(kept).assign_attrs(
        provenance(used, n_left_out=len(runs) - len(reached(runs)), shown_arm=arm)
    )


def _one(run: xr.Dataset) -> xr.Dataset:
    bias, labels = run["bias"].to_numpy(), run["labels"].to_numpy()
    order = np.argsort(-bias, kind="stable")
    exits, correct = run["bias_exit"].to_numpy(), run["correct_from"].to_numpy()
    exits_theory, correct_theory = _theory(run)
    other = labels != order[0]
    of_class = [labels == c for c in order]
    gap = bias[order[0]] - bias[order]
    median = np.array([_median(exits[chosen]) for chosen in of_class])
    correlation = spearmanr(gap[1:], np.minimum(median[1:], 2.0)).statistic if len(gap) > 3 else np.nan
    return xr.Dataset(
        {
            "left": (("class_rank", "alpha"), np.stack([_share(exits[c]) for c in of_class])),
            "correct": (("class_rank", "alpha"), np.stack([_share(correct[c]) for c in of_class])),
            "left_theory": ("alpha", _share(exits_theory[other])),
            "correct_theory": ("alpha", _share(correct_theory[other])),
            "gap": ("class_rank", gap),
            "median_exit": ("class_rank", median),
            "median_exit_theory": ("class_rank", [_median(exits_theory[c]) for c in of_class]),
            "rank_correlation": float(correlation),
        },
        coords={"alpha": _GRID},
    )


def _theory(run: xr.Dataset) -> tuple[Floats, Floats]:
    """(alpha at which each sample leaves i*, from which it is correct) on the homogeneous path."""
    signal, bias, labels = (run[name].to_numpy() for name in ("signal", "bias", "labels"))
    nothing = np.full(len(labels), np.nan)
    r = degree(run)
    if r is None or r < 2:
        return nothing, nothing
    try:
        exits = majority_exit(signal, bias, r)
        low, high = correct_interval(signal, bias, labels, r)
    except DomainError:  # the largest bias is tied
        return nothing, nothing
    return exits, np.where(high > 1, low, np.inf)


def _share(alphas: Floats) -> Floats:
    """The share of samples whose number is at most each alpha; nan (never held by i*) counts for none."""
    known = np.sort(alphas[~np.isnan(alphas)])
    if not known.size:
        return np.full(len(_GRID), np.nan)
    return np.searchsorted(known, _GRID, side="right") / len(known)


def _median(alphas: Floats) -> float:
    """The least alpha by which half of the samples that i* ever held have left: inf where fewer do."""
    known = np.sort(alphas[~np.isnan(alphas)])
    return float(known[(len(known) - 1) // 2]) if known.size else float("nan")


def layout(dataset: xr.Dataset) -> Layout:  # noqa: ARG001 - the same for any data
    """Three panels side by side."""
    return Layout(1, 3, DOUBLE_COLUMN, 2.9, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Left the samples that have left i*, middle those that are correct, right medians against the gap."""
    left, middle, right = axes.ravel()
    _draw_shares(left, dataset, "left", first=1)
    _draw_shares(middle, dataset, "correct", first=0)
    for ax, title in ((left, "no longer predicted as $i^*$"), (middle, "correct for the first time")):
        ax.set(title=title, ylabel="share of a class's samples")
    _draw_gaps(right, dataset)
    _colour_bar(middle, dataset.sizes["class_rank"])


def _colour_bar(ax: Axes, count: int) -> None:
    """Which colour is which class: a step for each rank."""
    steps = BoundaryNorm(np.arange(0.5, count + 1), count)
    colours = ScalarMappable(steps, ListedColormap(_colours(count)))
    bar = ax.figure.colorbar(colours, ax=ax, ticks=sorted({1, (count + 1) // 2, count}), pad=0.02)
    bar.set_label("rank of the class's bias (1: $i^*$)")
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)


def _colours(count: int) -> list[tuple[float, ...]]:
    """From dark to light, one after the other in grey too."""
    return [colormaps["cividis"](value) for value in np.linspace(0, 0.92, count)]


def _draw_shares(ax: Axes, dataset: xr.Dataset, quantity: str, *, first: int) -> None:
    alphas, shares = dataset["alpha"].to_numpy(), dataset[quantity].to_numpy()
    colours = _colours(len(shares))
    for rank in range(first, len(shares)):
        label = "$i^*$, the largest bias" if rank == 0 else f"_rank {rank}"
        style: dict[str, Any] = {"color": colours[rank], "linewidth": 2.2 if rank == 0 else 1.1}
        ax.plot(alphas, shares[rank], label=label, gid=f"{quantity}{rank}", **style)
    theory = dataset[f"{quantity}_theory"].to_numpy()
    dotted: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.3}
    shown = alphas > 0
    ax.plot(alphas[shown], theory[shown], label="theory, all but $i^*$", gid=f"{quantity} theory", **dotted)
    ax.set(xlabel=ALPHA, xlim=(0, 1), ylim=(-0.02, 1.02))


def _draw_gaps(ax: Axes, dataset: xr.Dataset) -> None:
    gap = dataset["gap"].to_numpy()[:, 1:]
    looks: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("median_exit", "a class, measured", {"color": "#0072B2", "marker": "o", "markersize": 2.5}),
        ("median_exit_theory", "a class, theory", {"color": "black", "marker": "x", "markersize": 3}),
    )
    for name, label, style in looks:
        values = dataset[name].to_numpy()[:, 1:]
        there = np.isfinite(values)
        ax.plot(gap[there], values[there], label=label, linestyle="none", gid=name, **style)
    ax.set(xlabel="bias below $i^*$'s (nats)", ylabel=f"median exit ({ALPHA})", title="classes but $i^*$")
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(MultipleLocator(1))


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and how strongly bias orders the classes."""
    return (
        f"F9. {TITLE}: {dataset.attrs['shown_arm']}, n = {dataset.sizes['seed']} seeds, training "
        "samples. i* is "
        "the class of the largest last-layer bias, which holds every prediction on the plateau. (a, b): "
        "means "
        "over seeds; colours give the rank of a class's bias; samples that i* never held are left out "
        "in (a). "
        "Dotted: theory for zero initial weights (T1, T2). (c): a dot for each class and seed. If a class's "
        "bias alone decided when its samples leave, Spearman's correlation over the classes of a seed "
        "would be "
        f"1; it is {range_text(dataset['rank_correlation'])}, mean (smallest to largest seed)."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """How far theory is from the medians."""
    measured, theory = (dataset[n].to_numpy()[:, 1:] for n in ("median_exit", "median_exit_theory"))
    both = np.isfinite(measured) & np.isfinite(theory)
    difference = theory[both] - measured[both]
    return [
        f"Median exits, mean (smallest to largest): measured {range_text(measured)}, theory "
        f"{range_text(theory)}; theory is later by {range_text(difference)}."
    ]
