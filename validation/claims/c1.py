"""C1: MLI is common (A1). Judged on the star; every other arm in the store is shown beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation import metrics
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, all_correct_at_the_end, start_near_zero
from validation.claims.line_shape import relative_rise, summary
from validation.claims.observations import Observations, curve
from validation.claims.predicted import LAWS, falling_curve

__all__ = ["CLAIM"]

# A rise of 1 % of the fall is about the width of a drawn line on a figure of the curve: what an eye calls
# monotone. Zero tolerance is reported too, but on a finite grid it mostly counts single samples changing.
_TOLERANCE = 0.01
_REASON = "'common' means at the least more often than not: half of the arms"


def _measure(observations: Observations) -> Measurement:
    values, predicted, evidence = {}, {}, {}
    for quantity in ("loss", "error"):
        key = f"{quantity}_share_monotone"
        evidence[quantity] = {arm: _shape(observations, arm, quantity) for arm in observations.arms()}
        values[key] = _share_monotone(
            {arm: _rises(observations, arm, quantity) for arm in observations.star()}
        )
        predicted[key] = {law: _predicted_share(observations, quantity, law) for law in LAWS}
    return Measurement(values, evidence, predicted)


def _rises(observations: Observations, arm: str, quantity: str) -> dict[int, float]:
    return observations.by_seed(arm, lambda run: relative_rise(run, quantity))


def _share_monotone(rises: dict[str, dict[int, float]]) -> dict[int, float]:
    """For each seed the share of its arms that count; an undefined rise is neither monotone nor not."""
    flags: dict[int, list[bool]] = {}
    for by_seed in rises.values():
        for seed, rise in by_seed.items():
            if np.isfinite(rise):
                flags.setdefault(seed, []).append(rise <= _TOLERANCE)
    return {seed: float(np.mean(found)) for seed, found in sorted(flags.items())}


def _predicted_share(observations: Observations, quantity: str, law: str) -> dict[int, float]:
    rises: dict[str, dict[int, float]] = {}
    for arm in observations.star():
        for seed, run in observations.arm(arm).items():
            values = falling_curve(run, quantity, law)
            if values is not None:
                rise = metrics.max_rise(values) / float(values[0] - values[-1])
                rises.setdefault(arm, {})[seed] = rise
    return _share_monotone(rises)


def _shape(observations: Observations, arm: str, quantity: str) -> dict[str, Any]:
    runs = observations.arm(arm)
    rises = _rises(observations, arm, quantity)
    bumps = [metrics.bumps(*curve(run, quantity)) for run in runs.values()]
    shape: dict[str, Any] = {
        "runs": len(rises),
        "undefined": sum(not np.isfinite(rise) for rise in rises.values()),
        "rise_within_1_percent": sum(rise <= _TOLERANCE for rise in rises.values()),
        "never_rises": sum(rise == 0 for rise in rises.values()),
        "largest_rise_over_fall": max(filter(np.isfinite, rises.values()), default=None),
        "mean_number_of_bumps": float(np.mean([len(found) for found in bumps])),
        "widest_bump_in_alpha": max((bump.width for found in bumps for bump in found), default=0.0),
    }
    if quantity == "loss":
        # Of the logits' path (Lucas et al. 2021): how far it is from straight.
        shape["gauss_length_radians"] = summary(
            {seed: float(run["gauss_length"]) for seed, run in runs.items() if "gauss_length" in run}
        )
    return shape


def _check(observations: Observations) -> tuple[Check, ...]:
    star = [run for arm in observations.star() for run in observations.arm(arm).values()]
    return (start_near_zero(star), all_correct_at_the_end(star))


CLAIM = Claim(
    id="C1",
    title="MLI is common",
    statement="On the straight line from the initialisation to the trained network, loss and error are "
    "monotonic.",
    source="A1; T3 for the error",
    hypotheses="None for the observation. T3, which makes the error monotone by itself, assumes zero "
    "initial weights and that every sample is correct at the end. The star's runs are fully connected "
    "networks on one small data set; other networks and data in the store are shown, not judged.",
    prediction="In most arms of the star both curves rise by at most 1 % of their fall.",
    criteria=tuple(
        Criterion(
            key=f"{quantity}_share_monotone",
            about=quantity,
            measures=f"the share of the star's arms whose {quantity} on the linear path rises (largest rise "
            f"between any two alphas) by at most 1 % of its fall from alpha = 0 to 1",
            side="above",
            threshold=0.5,
            effect_size=0.8,  # not 0.75: seven arms a seed spread too much to find that 4 times in 5
            unit="of the arms",
            reason=_REASON,
        )
        for quantity in ("loss", "error")
    ),
    measure=_measure,
    arms=("centre", "bias-all", "bias-none", "scale-0.7", "scale-1.0", "depth-4", "depth-2"),
    check=_check,
)
