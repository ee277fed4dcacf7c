"""C1: MLI is common (A1)."""

from __future__ import annotations

import numpy as np

from validation import metrics
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import relative_rise
from validation.observations import Observations, curve

__all__ = ["CLAIM"]

# A rise of 1 % of the fall is about the width of a drawn line on a figure of the curve: what an eye calls
# monotone. Zero tolerance is reported too, but on a finite grid it mostly counts single samples changing.
_TOLERANCE = 0.01
_REASON = "'common' means at the least more often than not: half of the arms"


def _measure(observations: Observations) -> Measurement:
    values: dict[str, dict[int, float]] = {}
    evidence = {}
    for quantity in ("loss", "error"):
        monotone: dict[int, list[bool]] = {}
        arms = {}
        for arm in _arms(observations):
            runs = observations.arm(arm)
            rises = {seed: relative_rise(run, quantity) for seed, run in runs.items()}
            for seed, rise in rises.items():
                if np.isfinite(rise):  # undefined is neither monotone nor not
                    monotone.setdefault(seed, []).append(rise <= _TOLERANCE)
            arms[arm] = {
                "runs": len(rises),
                "undefined": sum(not np.isfinite(rise) for rise in rises.values()),
                "rise_within_1_percent": sum(rise <= _TOLERANCE for rise in rises.values()),
                "never_rises": sum(rise == 0 for rise in rises.values()),
                "largest_rise_over_fall": max(filter(np.isfinite, rises.values()), default=None),
                "mean_number_of_bumps": float(
                    np.mean([len(metrics.bumps(*curve(run, quantity))) for run in runs.values()])
                ),
            }
        values[f"{quantity}_share_monotone"] = {
            seed: float(np.mean(flags)) for seed, flags in sorted(monotone.items())
        }
        evidence[quantity] = arms
    return Measurement(values, evidence)


def _arms(observations: Observations) -> list[str]:
    return [arm for arm in observations.arms() if not arm.startswith("random-labels")]


CLAIM = Claim(
    id="C1",
    title="MLI is common",
    statement="On the straight line from the initialisation to the trained network, loss and error are "
    "monotonic.",
    source="A1",
    hypotheses="None: an observation. The runs are fully connected networks on one small data set.",
    prediction="In most arms of the star both curves rise by at most 1 % of their fall.",
    criteria=tuple(
        Criterion(
            key=f"{quantity}_share_monotone",
            about=quantity,
            measures=f"the share of the arms whose {quantity} on the linear path rises (largest rise "
            f"between any two alphas) by at most 1 % of its fall from alpha = 0 to 1",
            side="above",
            threshold=0.5,
            effect_size=0.75,
            unit="of the arms",
            reason=_REASON,
        )
        for quantity in ("loss", "error")
    ),
    measure=_measure,
)
