"""F19: rises on the line against the learning rate, by optimiser and network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from paper_figures.drawing.arm_words import in_words
from paper_figures.drawing.line_shapes import TOLERANCE, arm_of, rise_of
from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, AxesGrid, Layout
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Rises on the line by learning rate"
EXPERIMENTS = ("rates",)
NETWORKS = {"fcn": "FCN", "resnet": "ResNet-18, no batch norm", "resnet-bn": "ResNet-18, batch norm"}
OPTIMISERS = ("sgd", "adam")
_FLOOR = 1e-5  # of a rise, where it is drawn if it is smaller or 0
_MISSED = 2.0  # where a run without a line is marked


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """The rise of every run's loss.

    Args:
        runs: merged runs of `EXPERIMENTS`, those that missed their target too.

    Returns:
        `rise(network, optimiser, place, seed)`, see `paper_figures.drawing.line_shapes`, nan without a line;
        `status` likewise: 1 reached, 0 not, -1 no such run; `rate(optimiser, place)` ascending.

    Raises:
        NothingToDrawError: no run with a line.
    """
    if not any(run.attrs["status"] == "reached" for run in runs):
        raise NothingToDrawError("there is no line to draw: no run of rates reached its target loss")
    rates = {
        optimiser: sorted(
            {float(r.attrs["learning_rate"]) for r in runs if r.attrs["optimizer"] == optimiser}
        )
        for optimiser in OPTIMISERS
    }
    seeds = sorted({int(run.attrs["seed"]) for run in runs})
    networks = [name for name in NETWORKS if any(_network(run) == name for run in runs)]
    shape = (len(networks), len(OPTIMISERS), max(map(len, rates.values())), len(seeds))
    rise, status = np.full(shape, np.nan), np.full(shape, -1)
    for run in runs:
        optimiser = str(run.attrs["optimizer"])
        at = (
            networks.index(_network(run)),
            OPTIMISERS.index(optimiser),
            rates[optimiser].index(float(run.attrs["learning_rate"])),
            seeds.index(int(run.attrs["seed"])),
        )
        status[at] = int(run.attrs["status"] == "reached")
        if status[at] == 1:
            rise[at] = rise_of(run["loss"].to_numpy()[0])
    rate = np.full(shape[1:3], np.nan)
    for o, optimiser in enumerate(OPTIMISERS):
        rate[o, : len(rates[optimiser])] = rates[optimiser]
    dims = ("network", "optimiser", "place", "seed")
    return xr.Dataset(
        {
            "rise": (dims, rise.astype(np.float32)),
            "status": (dims, status.astype(np.int8)),
            "rate": (dims[1:3], rate),
        },
        coords={"network": networks, "optimiser": list(OPTIMISERS), "seed": seeds},
        attrs=provenance(runs),
    )


def _network(run: xr.Dataset) -> str:
    """The arm's name before its optimiser."""
    return arm_of(run).partition(f"-{run.attrs['optimizer']}-")[0]


def layout(dataset: xr.Dataset) -> Layout:
    """A panel for each network."""
    return Layout(1, dataset.sizes["network"], DOUBLE_COLUMN, 2.5, legend=2)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Every run a mark; a cross at the top where it missed its target; dotted what C2 calls monotone."""
    for n, name in enumerate(dataset["network"].to_numpy()):
        ax = axes[0, n]
        for o, optimiser in enumerate(dataset["optimiser"].to_numpy()):
            style = STYLES[o] | {"linestyle": "none", "markersize": 4, "alpha": 0.7}
            x = np.broadcast_to(dataset["rate"][o].to_numpy()[:, None], dataset["rise"].shape[2:])
            rise, status = dataset["rise"][n, o].to_numpy(), dataset["status"][n, o].to_numpy()
            there = np.isfinite(rise)
            ax.plot(x[there], np.maximum(rise[there], _FLOOR), label=in_words(str(optimiser)), **style)
            missed = status == 0
            ax.plot(x[missed], np.full(missed.sum(), _MISSED), **(style | {"marker": "x"}))
        ax.plot(
            [], [], color="0.4", linestyle="none", marker="x", markersize=4, label="target missed: no line"
        )
        ax.axhline(TOLERANCE, color="0.45", linestyle=":", linewidth=1, label="C2: monotone below")
        ax.set(xscale="log", yscale="log", xlabel="learning rate", ylim=(_FLOOR / 2, 2 * _MISSED))
        ax.set_title(NETWORKS[str(name)])
    axes[0, 0].set_ylabel("largest rise / fall")


def finding(dataset: xr.Dataset) -> str:
    """The share of lines that are not monotone, by network and optimiser, and what missed the target."""
    parts = []
    for n, name in enumerate(dataset["network"].to_numpy()):
        for o, optimiser in enumerate(dataset["optimiser"].to_numpy()):
            rise, status = dataset["rise"][n, o].to_numpy(), dataset["status"][n, o].to_numpy()
            over = rise > TOLERANCE
            words = f"{NETWORKS[str(name)]}, {in_words(str(optimiser))}: "
            words += f"{over.sum()} of {(status == 1).sum()} lines rise"
            if over.any():
                rates = dataset["rate"][o].to_numpy()[over.any(axis=1)]
                words += f" (rates {', '.join(f'{rate:g}' for rate in rates)})"
            missed = int((status == 0).sum())
            parts.append(words + (f", {missed} runs missed the target" if missed else ""))
    return f"{'; '.join(parts)}."


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and its rule."""
    return (
        f"F19. {TITLE}, seven rates for each optimiser, {dataset.attrs['data']}. A mark is a run; below "
        f"{_FLOOR:g} it is drawn there, a cross at the top is a run that missed its target loss and has no "
        f"line. A line rises where its largest rise is above {TOLERANCE:g} of its fall (C2, dotted). "
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
