"""C5: unequal last-layer biases and depth make a plateau, in loss and in error (A4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import held, plateau_end, summary
from validation.observations import Observations

__all__ = ["CLAIM"]

_REASON = (
    "a twentieth of the line: five steps of the grid of 101 alphas, the smallest change a reader of a "
    "figure would call a longer plateau; loss and error have the same unit here, alpha"
)


def _measure(observations: Observations) -> Measurement:
    values = {}
    evidence: dict[str, Any] = {"held_by_one_class": _held_by_class(observations)}
    for quantity in ("loss", "error"):

        def end(run: xr.Dataset, quantity: str = quantity) -> float:
            return plateau_end(run, quantity)

        values[f"{quantity}_depth_8_minus_2"] = observations.paired("centre", "depth-2", end)
        values[f"{quantity}_last_minus_none"] = observations.paired("centre", "bias-none", end)
        evidence[f"{quantity}_plateau_end"] = {
            arm: summary(observations.by_seed(arm, end)) for arm in observations.arms()
        }
        evidence[f"{quantity}_depth_8_minus_4"] = summary(observations.paired("centre", "depth-4", end))
    return Measurement(values, evidence)


def _held_by_class(observations: Observations) -> dict[str, Any]:
    """How long one class holds 99 % of the predictions, and in how many runs it is the class of T2."""
    found = {}
    for arm in observations.arms():
        runs = observations.arm(arm)
        intervals = {seed: held(run) for seed, run in runs.items()}
        found[arm] = {
            "length": summary(
                {seed: i.end - i.start if i.class_index >= 0 else 0.0 for seed, i in intervals.items()}
            ),
            "runs": len(runs),
            "runs_with_such_an_interval": sum(i.class_index >= 0 for i in intervals.values()),
            "runs_in_which_it_is_the_class_of_the_largest_bias": sum(
                i.class_index == int(np.argmax(runs[seed]["bias"].to_numpy()))
                and np.ptp(runs[seed]["bias"].to_numpy()) > 0
                for seed, i in intervals.items()
            ),
        }
    return found


CLAIM = Claim(
    id="C5",
    title="Unequal last-layer biases and depth make a plateau",
    statement="Where classes have different last-layer biases on a deep network, there is a long plateau "
    "in both the loss and the error.",
    source="A4; T2",
    hypotheses="T2 assumes zero initial weights. The biases are as trained, not imposed; 'equal biases' "
    "is a network trained without any, which differs in more than the bias. Depth 2 is trained at a larger "
    "learning rate than depth 8 (0.1, 0.02), so the depths differ in more than depth.",
    prediction="Both plateaus end later at depth 8 than at depth 2, and later with a last-layer bias "
    "than without.",
    criteria=tuple(
        Criterion(
            key=f"{quantity}_{key}",
            about=quantity,
            measures=f"the end of the {quantity} plateau on the linear path {words}",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason=_REASON,
        )
        for quantity in ("loss", "error")
        for key, words in (
            ("depth_8_minus_2", "at depth 8 (centre) minus that at depth 2"),
            ("last_minus_none", "with a last-layer bias (centre) minus that without any bias"),
        )
    ),
    measure=_measure,
)
