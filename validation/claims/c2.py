"""C2: MLI does not measure hardness (A2, A3).

That two things are *not* related cannot be read off the absence of a correlation over a dozen seeds. The
claim needs a problem made harder on purpose, with all else kept: the same images with labels drawn at
random (arm "random-labels", trained to the same loss). Until such runs exist it is undecided; the rank
correlations within the arms are shown because they are the evidence at hand, and decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import plateau_end, relative_rise
from validation.observations import Observations

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    hard = observations.arm("random-labels")
    easy = observations.arm("centre")
    values: dict[str, dict[int, float]] = {
        "log2_ratio_of_steps": {
            seed: math.log2(float(run["steps"]) / float(easy[seed]["steps"]))
            for seed, run in hard.items()
            if seed in easy
        }
    }
    for quantity in ("loss", "error"):
        values[f"{quantity}_rise"] = {seed: relative_rise(run, quantity) for seed, run in hard.items()}
    return Measurement(
        values, {"rank_correlation_of_steps_to_target_within_arms": _correlations(observations)}
    )


def _correlations(observations: Observations) -> dict[str, Any]:
    """Spearman's rho over seeds between steps to the target and each shape; None where undefined."""
    shapes: dict[str, Callable[[xr.Dataset], float]] = {
        "loss_rise": lambda run: relative_rise(run, "loss"),
        "error_plateau_end": lambda run: plateau_end(run, "error"),
        "loss_plateau_end": lambda run: plateau_end(run, "loss"),
    }
    found: dict[str, Any] = {}
    for arm in observations.arms():
        runs = observations.arm(arm).values()
        steps = np.array([float(run["steps"]) for run in runs])
        found[arm] = {"n": len(steps)}
        for name, shape in shapes.items():
            numbers = np.array([shape(run) for run in runs])
            finite = np.isfinite(numbers)
            varies = finite.sum() >= 5 and np.ptp(numbers[finite]) > 0 and np.ptp(steps[finite]) > 0
            found[arm][name] = (
                float(stats.spearmanr(steps[finite], numbers[finite]).statistic) if varies else None
            )
    return found


CLAIM = Claim(
    id="C2",
    title="MLI does not measure hardness",
    statement="The MLI property is not necessarily related to the hardness of the optimisation problem.",
    source="A2, A3; T3 for the error on the homogeneous path",
    hypotheses="Random labels make training harder, which the first criterion checks; all else is the "
    "centre's.",
    prediction="Labels drawn at random take several times the steps, and both curves are as monotone as "
    "before.",
    criteria=(
        Criterion(
            key="log2_ratio_of_steps",
            about="steps to the target",
            measures="log2 of the steps to the target loss with random labels over those with true "
            "labels (centre)",
            side="above",
            threshold=1.0,
            effect_size=2.0,
            unit="(log2)",
            reason="twice the steps is more than seeds differ among themselves",
            can_refute=False,
        ),
        *(
            Criterion(
                key=f"{quantity}_rise",
                about=quantity,
                measures=f"the largest rise of the {quantity} on the linear path of the random-labels "
                f"run, over its fall",
                side="below",
                threshold=0.01,
                effect_size=0.005,
                unit="of the fall",
                reason="the same tolerance as C1: what an eye calls monotone",
            )
            for quantity in ("loss", "error")
        ),
    ),
    measure=_measure,
    needs="runs of the centre trained on random labels (arm random-labels)",
)
