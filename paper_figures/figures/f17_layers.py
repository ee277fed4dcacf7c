"""F17: one layer on its way from start to end, the others at the end; and the first and the last layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from paper_figures.drawing.arm_words import in_words
from paper_figures.drawing.line_shapes import TOLERANCE, arm_of, rise_of
from paper_figures.drawing.run_curves import NothingToDrawError, left_out_text, reached
from paper_figures.drawing.style import DOUBLE_COLUMN, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "FAMILIES", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Layers on the line, alone and together"
EXPERIMENTS = ("layers",)
FAMILIES = {"layer": "one layer", "first": "the first m", "last": "the last m"}


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Loss by arm, family of lines, number of the layer (or m) and alpha.

    Args:
        runs: merged runs of `EXPERIMENTS`, of one architecture.

    Returns:
        `loss(arm, family, place, alpha)`, means over seeds in nats; `rise(arm, family, place, seed)`, see
        `paper_figures.drawing.line_shapes`; `at_start(arm, place, seed)`, the loss with one layer at
        its start.

    Raises:
        NothingToDrawError: no run with such lines.
    """
    usable = [run for run in reached(runs) if "line" in run and "first:1" in run["line"]]
    if not usable:
        raise NothingToDrawError("there is no line to draw: no run of layers reached its target loss")
    arms = list(dict.fromkeys(map(arm_of, usable)))
    seeds = sorted({int(run.attrs["seed"]) for run in usable})
    names = list(map(str, usable[0]["line"].to_numpy()))
    rows = {
        family: [n for n, line in enumerate(names) if line.startswith(f"{family}:")] for family in FAMILIES
    }
    layers = len(rows["layer"])
    alphas = usable[0]["alpha"].to_numpy()
    losses = np.full((len(arms), len(FAMILIES), layers, len(seeds), len(alphas)), np.nan)
    for run in usable:
        a, s = arms.index(arm_of(run)), seeds.index(int(run.attrs["seed"]))
        for f, places in enumerate(rows.values()):
            losses[a, f, : len(places), s] = run["line_loss"].to_numpy()[places]
    rises = np.apply_along_axis(rise_of, -1, losses)
    there = np.isfinite(losses).any(axis=3, keepdims=True)
    mean = np.where(there[:, :, :, 0], np.nansum(losses, axis=3), np.nan)
    mean /= np.maximum(np.isfinite(losses).sum(axis=3), 1)
    return xr.Dataset(
        {
            "loss": (("arm", "family", "place", "alpha"), mean.astype(np.float32)),
            "rise": (("arm", "family", "place", "seed"), rises.astype(np.float32)),
            "at_start": (("arm", "place", "seed"), losses[:, 0, :, :, 0].astype(np.float32)),
        },
        coords={
            "arm": arms,
            "family": list(FAMILIES),
            "place": np.arange(1, layers + 1),
            "alpha": alphas,
            "seed": seeds,
        },
        attrs=provenance(usable, n_left_out=len(runs) - len(usable)),
    )


def layout(dataset: xr.Dataset) -> Layout:
    """A row for each arm, a column for each family."""
    return Layout(dataset.sizes["arm"], len(FAMILIES), DOUBLE_COLUMN, 1.9 * dataset.sizes["arm"] + 0.3)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Heat maps of the loss, alpha to the right, layers upwards, one scale for all."""
    most = float(dataset["loss"].max())
    for a, arm in enumerate(dataset["arm"].to_numpy()):
        for f, words in enumerate(FAMILIES.values()):
            ax = axes[a, f]
            mesh = ax.pcolormesh(
                dataset["alpha"],
                dataset["place"],
                np.ma.masked_invalid(dataset["loss"][a, f].to_numpy()),
                vmin=0,
                vmax=most,
                cmap="viridis",
                shading="nearest",
                rasterized=True,
            )
            ax.grid(False)
            ax.set_title(f"{in_words(str(arm))}: {words}")
            ax.set_yticks(dataset["place"].to_numpy())
            ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            if a + 1 == dataset.sizes["arm"]:
                ax.set_xlabel(ALPHA)
        axes[a, 0].set_ylabel("layer, or m")
        axes[a, -1].figure.colorbar(mesh, ax=axes[a, -1], label="loss (nats)")


def finding(dataset: xr.Dataset) -> str:
    """How many lines rise, by family; and which layer's start costs most."""
    sentences = []
    for a, arm in enumerate(dataset["arm"].to_numpy()):
        parts = []
        for f, words in enumerate(FAMILIES.values()):
            rises = dataset["rise"][a, f].to_numpy()
            rises = rises[~np.isnan(rises)]
            parts.append(f"{words} {(rises > TOLERANCE).sum()} of {rises.size} lines rise")
        costs = dataset["at_start"][a].mean("seed").to_numpy()
        sentences.append(
            f"{in_words(str(arm))}: {'; '.join(parts)}; with one layer at its start the mean loss is "
            f"{', '.join(f'{cost:.2g}' for cost in costs)} nats from the first layer to the last."
        )
    return " ".join(sentences)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and what of it is left out."""
    return (
        f"F17. {TITLE}: one weight layer, the first m or the last m walk the line, all others are at the "
        f"trained end; mean loss over n = {dataset.sizes['seed']} seeds, {dataset.attrs['data']}. A line "
        f"rises where its largest rise is above {TOLERANCE:g} of its fall (C2)."
        f"{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
