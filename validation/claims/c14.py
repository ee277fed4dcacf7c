"""C14: the border between the regimes, scale^depth = 5e-3, and that which M2 draws (T14).

The border was fixed from pilots outside the project, before any run of the map, and is judged on the map's
seeds alone: does it tell, cell by cell, whether a last-layer bias lengthens the plateau of the error?
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from simulations.specs.sweep_file import read_sweep
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check
from validation.claims.line_shape import summary
from validation.claims.observations import Observations
from validation.regimes import BORDER, LEAST_EFFECT, border_shares

__all__ = ["CLAIM"]

_EXPERIMENT = "regime_map"
_JUDGED = "sgd"  # the pilots' optimiser; Adam's biases are smaller, and its map is shown beside it


def _measure(observations: Observations) -> Measurement:
    values: dict[str, dict[int, float]] = {"border_minus_constant": {}, "m2_minus_constant": {}}
    evidence: dict[str, object] = {}
    for optimizer, dataset in _maps(observations).items():
        found = border_shares(dataset)
        if optimizer == _JUDGED:
            values = {
                "border_minus_constant": _minus(found.scale_to_the_depth, found.constant),
                "m2_minus_constant": _minus(found.m2, found.constant),
            }
        evidence[f"share_of_cells_on_the_right_side, {optimizer}"] = {
            f"scale^depth <= {BORDER:g}": summary(found.scale_to_the_depth),
            "M2": summary(found.m2),
            "the better constant guess": summary(found.constant),
            "cells": summary(found.cells),
        }
    return Measurement(values, evidence)


def _minus(one: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    return {seed: value - other[seed] for seed, value in one.items()}


def _maps(observations: Observations) -> dict[str, xr.Dataset]:
    """Each optimiser's map, of the seeds of which every run was made.

    A seed with a part of its map alone, of which the deep cells come last, would be judged on other cells.
    """
    table = observations.tables.get(_EXPERIMENT)
    found: dict[str, xr.Dataset] = {}
    if table is None or not {"last", "none"} <= set(table["bias"].to_numpy().tolist()):
        return found
    for optimizer in ("sgd", "adam"):
        if optimizer in table["optimizer"].to_numpy():
            one = table.sel(optimizer=[optimizer])
            made = one["reached"].notnull()
            found[optimizer] = one.isel(seed=made.all([dim for dim in made.dims if dim != "seed"]).to_numpy())
    return found


def _check(observations: Observations) -> tuple[Check, ...]:
    sizes: dict[str, float] = {}
    for dataset in _maps(observations).values():
        gaps = dataset["bias_gap"].sel(bias="last").stack(run=("optimizer", "depth", "init_scale", "seed"))
        sizes |= {
            f"{optimizer}, depth {depth}, scale {scale:g}, seed {seed}": float(gap)
            for (optimizer, depth, scale, seed), gap in zip(gaps["run"].to_numpy(), gaps, strict=True)
            if np.isfinite(gap)
        }
    return (
        Check(
            "one class has the largest last-layer bias",
            "the largest trained bias minus the second largest, in nats; met above 0",
            sum(size > 0 for size in sizes.values()),
            len(sizes),
            sizes,
        ),
    )


CLAIM = Claim(
    id="C14",
    title="The border is at scale^depth = 5e-3",
    statement="With gradient descent a last-layer bias lengthens the plateau of the error where the initial "
    f"scale to the power of the depth is at most {BORDER:g}, and nowhere else; and where M2 says so.",
    source="T14, M2",
    hypotheses="T14: the bias leads from where it has passed the initial signal, which shrinks like "
    "scale^depth. It says where a plateau starts, not that it is long. M2 knows both ends of the line.",
    prediction="The border and M2 are each on the right side of more cells than the better of two constant "
    "guesses, a plateau everywhere or nowhere.",
    criteria=tuple(
        Criterion(
            key=f"{key}_minus_constant",
            about="error",
            measures="the share of the map's cells (depth x initial scale, gradient descent with momentum) "
            f"in which {words} tells whether the end of the error plateau with a last-layer bias is more "
            f"than {LEAST_EFFECT:g} beyond that without, minus the share of the better constant guess",
            side="above",
            threshold=0.05,
            effect_size=0.15,
            unit="of the cells",
            reason="a twentieth of the cells; the constant guess is chosen for each seed when its map is "
            "known, so that it is as good as it can be",
        )
        for key, words in (("border", f"scale^depth <= {BORDER:g}"), ("m2", "M2"))
    ),
    measure=_measure,
    check=_check,
    # Two criteria in a family of six claims (five when the rule landed): 2 * 6 * 2 * 2^-9 = 0.047.
    n_seeds=9,
    needs=f"runs of the experiment {_EXPERIMENT}",
    experiment=_EXPERIMENT,
    arms=tuple(
        f"{_EXPERIMENT}/{label}"
        for label in read_sweep(_EXPERIMENT).labels()
        if label.split(",")[0] == _JUDGED  # the arms are called by their optimiser
    ),
)
