"""F13b: problems made harder, each seed against its own easy run: the numbers that C15 is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.run_curves import NothingToDrawError, left_out_text, reached
from paper_figures.drawing.seed_statistics import range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, AxesGrid, Layout
from validation.claims.c15 import CLAIM
from validation.claims.claim import Criterion
from validation.claims.observations import Observations
from validation.job.recorded_tables import table_of
from validation.statistics import bootstrap_mean_interval

__all__ = ["EXPERIMENTS", "RECORDED", "TITLE", "caption", "collect", "details", "draw", "judged", "layout"]

TITLE = "Harder problems against the easy one of the same start"
EXPERIMENTS = ("harder_problems",)
RECORDED = "harder_problems"  # the table that the package ships, which claim C15 is judged on
_WAYS = {
    "half_random_labels": "half of labels\nredrawn",
    "random_labels": "all labels\nredrawn",
    "slow_rate": "a tenth of\nthe rate",
}
_PANELS = {
    "log2_ratio_of_steps": ("steps to the target loss", "$\\log_2$ (harder / easy)"),
    "loss_rise": ("largest rise of the loss", "harder minus easy (of the fall)"),
    "error_rise": ("largest rise of the error", "harder minus easy (of the fall)"),
}


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """`validation.job.recorded_tables.table_of` the runs: steps and shapes of every arm and seed.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run at its target.
    """
    if not reached(runs):
        raise NothingToDrawError(
            "there is no line to draw: no run of harder_problems reached its target loss"
        )
    return table_of(RECORDED, runs)


def judged(dataset: xr.Dataset) -> dict[str, dict[int, float]]:
    """C15's numbers by criterion and seed, as the claim itself measures them on the table."""
    numbers = CLAIM.measure(Observations(tables={RECORDED: dataset})).values
    return {key: dict(by_seed) for key, by_seed in numbers.items()}


def layout(dataset: xr.Dataset) -> Layout:  # noqa: ARG001 - the same for any data
    """Three panels side by side."""
    return Layout(1, len(_PANELS), DOUBLE_COLUMN, 2.9, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Dots are seeds, the diamond their mean with its 95 % interval; shaded is what C15 claims."""
    numbers, criteria = judged(dataset), {one.key: one for one in CLAIM.criteria}
    for ax, (what, (title, label)) in zip(axes.ravel(), _PANELS.items(), strict=True):
        for place, way in enumerate(_WAYS):
            key = f"{way}_{what}"
            values = np.array([value for value in numbers[key].values() if np.isfinite(value)])
            _draw_way(ax, place, values)
        _draw_claim(ax, criteria[f"{next(iter(_WAYS))}_{what}"])
        ax.set_xticks(range(len(_WAYS)), list(_WAYS.values()), fontsize=6.5)
        ax.set(title=title, ylabel=label, xlim=(-0.6, len(_WAYS) - 0.4))


def _draw_way(ax: Axes, place: int, values: np.ndarray) -> None:
    if not values.size:
        return
    # Any spread sideways tells dots of one value apart; the golden ratio's never lines them up.
    beside = place + 0.22 * (2 * ((0.618034 * np.arange(1, values.size + 1)) % 1) - 1)
    dots: dict[str, Any] = {"color": STYLES[0]["color"], "marker": "o", "linestyle": "none", "alpha": 0.45}
    ax.plot(beside, values, label="a seed", markersize=2.8, gid=f"seeds{place}", **dots)
    interval = bootstrap_mean_interval(values)
    ends = [[values.mean() - interval.low], [interval.high - values.mean()]] if interval else None
    ax.errorbar(
        [place],
        [values.mean()],
        yerr=ends,
        color="black",
        marker="D",
        markersize=4,
        capsize=3,
        linestyle="none",
        label="mean, 95 % interval",
        gid=f"mean{place}",
    )


def _draw_claim(ax: Axes, criterion: Criterion) -> None:
    limit = criterion.threshold
    ax.axhline(limit, color="black", linestyle="--", linewidth=1, label="threshold of C15")
    low, high = ax.get_ylim()
    claimed = (limit, high) if criterion.side == "above" else (low, limit)
    ax.axhspan(*claimed, color=STYLES[2]["color"], alpha=0.1, linewidth=0, label="claimed of the mean")
    ax.set_ylim(low, high)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    return (
        f"F13b. {TITLE}: half of the labels redrawn, all of them, a tenth of the learning rate; fully "
        "connected "
        f"networks of 8 layers on 200 samples of {dataset.attrs['data']}, {dataset.sizes['seed']} "
        "seeds. A dot is "
        "a seed's harder run less its own easy run, mean over two initial scales (half of He's and "
        "He's). (a): "
        "log2 of the steps to the target loss, harder over easy; (b, c): the largest rise of loss and error "
        "between any two α as a share of the fall, harder minus easy. C15 claims the shaded side: at "
        "least twice "
        f"the steps, and no less monotone within a margin.{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Every number of the claim, mean (smallest to largest seed)."""
    numbers = judged(dataset)
    return [
        "Numbers are means (smallest to largest seed).",
        *(
            f"{one.measures[0].upper()}{one.measures[1:]}: "
            f"{range_text(list(numbers[one.key].values()), 4)}, claimed {one.side} {one.threshold:g}."
            for one in CLAIM.criteria
        ),
    ]
