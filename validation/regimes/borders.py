"""Borders on the map: which cells a law says have an error plateau that a bias makes, and which have one.

A cell is a network with and without a last-layer bias at one depth, initial scale, optimiser and seed, both
at their target loss. The bias makes an error plateau there if the plateau ends more than `LEAST_EFFECT` of
the line later with it than without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import xarray as xr

__all__ = [
    "BORDER",
    "LAWS",
    "LEAST_EFFECT",
    "START_BEFORE",
    "BorderShares",
    "border_shares",
    "constant_shares",
    "has_plateau",
    "predicted_plateau",
    "shares_of_map",
]

BORDER = 5e-3  # of scale^depth: fixed by pilots outside the project, between 4e-3 and 6e-3
LEAST_EFFECT = 0.05  # of the line, as in C3 and C5
START_BEFORE = 0.1  # T14's start of the plateau

_Predicts = Callable[[xr.Dataset], xr.DataArray]


@dataclass(frozen=True)
class BorderShares:
    """For each seed the share of its cells on the right side of a border.

    Attributes:
        scale_to_the_depth: a bias makes an error plateau where init_scale^depth is at most `BORDER`.
        m2: M2's error plateau with the bias ends later than `LEAST_EFFECT` (without any it has none).
        constant: the better of "everywhere" and "nowhere", chosen for each seed after the fact.
        cells: how many cells of a seed were counted.
    """

    scale_to_the_depth: Mapping[int, float]
    m2: Mapping[int, float]
    constant: Mapping[int, float]
    cells: Mapping[int, int]


def border_shares(dataset: xr.Dataset, optimizer: str | None = None) -> BorderShares:
    """Per seed, the share of cells that each border puts on the right side.

    A cell in which M2 says nothing counts against M2. Seeds without a cell are left out.

    Args:
        dataset: a map, of `validation.regimes.regime_map`.
        optimizer: only the cells of this one; None: of all.

    Raises:
        ValueError: a map without runs of one kind, with or without a last-layer bias.
    """
    chosen = dataset if optimizer is None else dataset.sel(optimizer=[optimizer])
    return BorderShares(
        scale_to_the_depth=shares_of_map(chosen, LAWS["scale^depth"]),
        m2=shares_of_map(chosen, LAWS["M2"]),
        constant=constant_shares(chosen),
        cells=_cells(chosen),
    )


def has_plateau(dataset: xr.Dataset) -> xr.DataArray:
    """1 where the bias makes an error plateau, 0 where not, nan where the pair of runs is not there."""
    if "error_last_minus_none" not in dataset:
        raise ValueError("borders need runs with and without a last-layer bias: one kind is missing")
    effect = dataset["error_last_minus_none"]
    return (effect > LEAST_EFFECT).where(effect.notnull())


def predicted_plateau(dataset: xr.Dataset, law: str) -> xr.DataArray:
    """What one of `LAWS` says of each cell: 1, 0, or nan where it says nothing."""
    return LAWS[law](dataset)


def shares_of_map(dataset: xr.Dataset, predicts: _Predicts) -> dict[int, float]:
    """For each seed with a cell, the share of its cells in which the prediction is what was measured."""
    measured = has_plateau(dataset)
    right = (predicts(dataset) == measured).where(measured.notnull())
    share = right.mean([dim for dim in right.dims if dim != "seed"])
    return {int(seed): float(value) for seed, value in zip(share["seed"], share, strict=True) if value >= 0}


def constant_shares(dataset: xr.Dataset) -> dict[int, float]:
    """For each seed with a cell, the share right by the better of "everywhere" and "nowhere"."""
    return {seed: max(share, 1 - share) for seed, share in shares_of_map(dataset, _everywhere).items()}


def _cells(dataset: xr.Dataset) -> dict[int, int]:
    measured = has_plateau(dataset)
    count = measured.notnull().sum([dim for dim in measured.dims if dim != "seed"])
    return {int(seed): int(n) for seed, n in zip(count["seed"], count, strict=True) if n > 0}


def _by_scale(dataset: xr.Dataset) -> xr.DataArray:
    return (dataset["scale_to_the_depth"] <= BORDER).astype(float)


def _by_start(dataset: xr.Dataset) -> xr.DataArray:
    start = dataset["t14_start"].sel(bias="last", drop=True)
    return (start <= START_BEFORE).where(start.notnull())


def _by_end(name: str) -> _Predicts:
    def predicts(dataset: xr.Dataset) -> xr.DataArray:
        end = dataset[name].sel(bias="last", drop=True)
        return (end > LEAST_EFFECT).where(end.notnull())

    return predicts


def _everywhere(dataset: xr.Dataset) -> xr.DataArray:
    return xr.ones_like(has_plateau(dataset))


LAWS: dict[str, _Predicts] = {
    "scale^depth": _by_scale,
    "T14": _by_start,
    "M2": _by_end("m2_error_end"),
    "T13": _by_end("t13_error_end"),
}
"""Laws that draw a border: what each says of every cell of a map."""
