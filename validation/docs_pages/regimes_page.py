"""The page docs/regimes.md: the map of regimes in words and tables, from the data of figure F14."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.regimes import BORDER, LEAST_EFFECT, LONG, cell_means
from validation.regimes.borders import LAWS, START_BEFORE, constant_shares, shares_of_map
from validation.text.cells_in_words import cells_in_words

__all__ = ["NAME", "regimes_markdown", "write_regimes_page"]

NAME = "regimes.md"
OPTIMIZERS = {"sgd": "SGD with momentum", "adam": "Adam", "adamw": "AdamW"}
_KNOWN = {
    "scale^depth": f"before training: at most {BORDER:g}",
    "T14": f"the start's signal against the trained bias gap: the plateau starts by {START_BEFORE:g}",
    "M2": f"both ends of the line: the plateau ends after {LEAST_EFFECT:g}",
    "T13": "the trained end: the same with alpha^(effective degree)",
}


def regimes_markdown(dataset: xr.Dataset) -> str:
    """The page, from `validation.regimes.regime_map` with the attributes of a figure's data."""
    cells = cell_means(dataset)
    order = [name for name in OPTIMIZERS if name in dataset["optimizer"].to_numpy().tolist()]
    parts = [_head(dataset, cells)]
    for optimizer in order:
        parts += [f"## {OPTIMIZERS[optimizer]}\n", *_words(cells.sel(optimizer=optimizer))]
        parts += _tables(cells.sel(optimizer=optimizer))
    parts += ["## The laws' borders\n", *_borders(dataset, order)]
    parts += ["## Where the laws put the ends\n", *_ends(dataset, order)]
    return "\n".join(parts)


def write_regimes_page(folder: Path | str, dataset: xr.Dataset) -> Path:
    """Write `folder/regimes.md`.

    Raises:
        OSError: the folder cannot be written.
    """
    path = writable_folder(folder) / NAME
    with atomic_path(path) as temporary:
        temporary.write_text(regimes_markdown(dataset), encoding="utf-8")
    return path


def _head(dataset: xr.Dataset, cells: xr.Dataset) -> str:
    runs, missed = int(cells["runs"].sum()), int(cells["missed"].sum())
    lacking = int(dataset.attrs["planned_runs"]) - runs
    part = f" **This is a part of the map: {lacking} runs are not there yet.**" if lacking > 0 else ""
    return f"""\
# Where the account holds: a map of regimes

Fully connected networks, {dataset.attrs["data"]}, depth against initial scale (He's times a factor), with a
bias in the last layer or in none, by SGD with momentum or Adam. {runs} runs, {missed} of them not at their
target loss after {dataset.attrs["max_epochs"]} epochs; numbers are means over seeds
{dataset.attrs["seeds"].replace(" ", ", ")}.{part} Figure F14 draws the same data.

A plateau's end is the alpha at which a tenth of the curve's fall is spent. *A bias makes the error plateau*
where it ends more than {LEAST_EFFECT:g} of the line later with a last-layer bias than without any. *Depth
makes the loss plateau* where it ends after {LONG:g} and a bias moves that end by at most {LEAST_EFFECT:g}.

The runs: `mli sweep regime_map` (torch {dataset.attrs["torch_version"]}). This page, from the data that the
package ships: `mli figures --page docs --shipped`; do not edit.
"""


def _words(cells: xr.Dataset) -> list[str]:
    """Where which, cell by cell, as depth: scales."""
    bias, depth = cells["bias_makes_error_plateau"], cells["depth_makes_loss_plateau"]
    long_loss = cells["loss_end"].sel(bias="last", drop=True) > LONG
    known = bias.notnull()
    missing = (cells["runs"] > 0) & ~known
    return [
        f"- A bias makes the error plateau: {cells_in_words(bias == 1)}.",
        f"- Depth makes the loss plateau: {cells_in_words(depth == 1)}.",
        "- The loss plateau is as long, but a bias moves its end: "
        f"{cells_in_words(long_loss & (depth == 0))}.",
        "- Both at once: a bias makes the error's, depth the loss's: "
        f"{cells_in_words((bias == 1) & (depth == 1))}.",
        f"- Neither: {cells_in_words((bias == 0) & (depth == 0) & ~long_loss)}.",
        f"- Not known, no pair of runs at its target: {cells_in_words(missing)}.",
        f"- Known, though some runs missed it: {cells_in_words(known & (cells['missed'] > 0))}.",
        "",
    ]


def _tables(cells: xr.Dataset) -> list[str]:
    with_bias = cells.sel(bias="last")
    shown = (
        ("End of the error plateau, bias in the last layer", with_bias["error_end"], 2),
        ("The same, last minus none", cells["error_last_minus_none"], 2),
        ("The same, linear minus homogeneous path", cells["error_linear_minus_homogeneous"], 2),
        ("End of the loss plateau, bias in the last layer", with_bias["loss_end"], 2),
        ("The same, last minus none", cells["loss_last_minus_none"], 2),
        ("The same, linear minus homogeneous path", cells["loss_linear_minus_homogeneous"], 2),
        ("Length of the interval that one class holds", with_bias["held_length"], 2),
        ("Share of them held by the class of the largest bias", with_bias["held_by_largest"], 2),
        ("Largest rise of the loss over its fall (the bump)", with_bias["loss_rise"], 3),
        ("Mean retention of a layer (M2)", with_bias["retention"], 2),
        ("Effective degree (T13)", with_bias["effective_degree"], 1),
        ("Epochs", with_bias["epochs"], 0),
        ("Runs that missed the target, of both biases", cells["missed"], 0),
    )
    return [line for title, values, digits in shown for line in _table(title, values, digits)]


def _table(title: str, values: xr.DataArray, digits: int) -> list[str]:
    grid = values.transpose("depth", "init_scale")
    scales = [f"{scale:g}" for scale in grid["init_scale"].to_numpy()]
    lines = [f"{title}:\n", f"| depth \\ scale | {' | '.join(scales)} |", "| --- |" + " --- |" * len(scales)]
    for depth, row in zip(grid["depth"].to_numpy(), grid.to_numpy(), strict=True):
        cells = ["–" if np.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}" for value in row]
        lines.append(f"| {depth} | {' | '.join(cells)} |")
    return [*lines, ""]


def _borders(dataset: xr.Dataset, order: list[str]) -> list[str]:
    """The share of cells on the right side of each law's border, as a mean over seeds."""
    lines = [
        "Share of cells (of one seed each) that a law puts on the right side: a bias makes an error plateau "
        "there, or not. Means over seeds, smallest and largest seed in brackets. The constant guess is the "
        'better of "everywhere" and "nowhere", chosen for each seed after the fact.\n',
        f"| law | from | {' | '.join(OPTIMIZERS[name] for name in order)} | all |",
        "| --- | --- |" + " --- |" * (len(order) + 1),
    ]
    maps = [*(dataset.sel(optimizer=[name]) for name in order), dataset]
    for law, known in _KNOWN.items():
        lines.append(f"| {law} | {known} | {' | '.join(_share(shares_of_map(m, LAWS[law])) for m in maps)} |")
    lines.append(f"| constant guess | | {' | '.join(_share(constant_shares(m)) for m in maps)} |")
    return [*lines, ""]


def _share(by_seed: dict[int, float]) -> str:
    if not by_seed:
        return "–"
    values = list(by_seed.values())
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _ends(dataset: xr.Dataset, order: list[str]) -> list[str]:
    """How far the laws' ends are from the measured ones, with a last-layer bias."""
    lines = [
        "Mean (largest) distance in alpha between a plateau's end as predicted and as measured, runs with a "
        "last-layer bias. In the error, only where a bias makes the plateau: a law of the bias says nothing "
        "of others.\n",
        f"| law, curve | {' | '.join(OPTIMIZERS[name] for name in order)} |",
        "| --- |" + " --- |" * len(order),
    ]
    effect = dataset["error_last_minus_none"]
    for quantity in ("loss", "error"):
        for law in ("m2", "t13"):
            off = abs(dataset[f"{law}_{quantity}_end"] - dataset[f"{quantity}_end"]).sel(bias="last")
            if quantity == "error":
                off = off.where(effect > LEAST_EFFECT)
            cells = [_distance(off.sel(optimizer=name).to_numpy()) for name in order]
            lines.append(f"| {law.upper()}, {quantity} | {' | '.join(cells)} |")
    return [*lines, ""]


def _distance(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"{known.mean():.3f} ({known.max():.3f}), {known.size} runs" if known.size else "–"
