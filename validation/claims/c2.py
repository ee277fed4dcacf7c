"""C2: MLI does not measure hardness (A2, A3).

That two things are *not* related cannot be read off the absence of a correlation over a dozen seeds. The
claim needs a problem made harder on purpose, with all else kept: the same images with labels drawn at
random (experiment hardness, arm random-labels, trained to the same loss). Until such runs exist it is
undecided. Rank correlations between the steps to the target and the line's shape, over seeds within an
arm and over the hardness arms within a seed, are shown beside it and decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from simulations.specs.run_spec import RunSpec
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, check
from validation.claims.line_shape import effect, end_of_plateau, relative_rise, summary
from validation.claims.observations import Observations
from validation.claims.predicted import LAWS, falling_curve
from validation.metrics.curve_shape import max_rise

__all__ = ["CLAIM"]

_EASY, _HARD = "hardness/true-labels", "hardness/random-labels"
_SHAPES: dict[str, Callable[[xr.Dataset], float]] = {
    "loss_rise": lambda run: relative_rise(run, "loss"),
    "error_rise": lambda run: relative_rise(run, "error"),
    "loss_plateau_end": lambda run: end_of_plateau(run, "loss"),
    "error_plateau_end": lambda run: end_of_plateau(run, "error"),
}
# What may differ between the two specifications: the labels, and how many epochs they may take (a stop at too
# many counts nowhere). Who made a run, and when, is no part of them.
_MAY_DIFFER = {"label_noise", "max_epochs"}


def _measure(observations: Observations) -> Measurement:
    hard = observations.arm(_HARD)
    values: dict[str, dict[int, float]] = {"log2_ratio_of_steps": _log2_ratio_of_steps(observations)}
    predicted: dict[str, dict[str, dict[int, float]]] = {}
    for quantity in ("loss", "error"):
        values[f"{quantity}_rise"] = {seed: relative_rise(run, quantity) for seed, run in hard.items()}
        predicted[f"{quantity}_rise"] = {
            law: {seed: _predicted_rise(run, quantity, law) for seed, run in hard.items()} for law in LAWS
        }
    evidence = {
        "hardness_arms": {
            arm: {
                "steps": summary(observations.by_seed(arm, lambda run: float(run["steps"]))),
                **{name: summary(observations.by_seed(arm, shape)) for name, shape in _SHAPES.items()},
            }
            for arm in observations.experiment("hardness")
        },
        "rank_correlation_with_steps_over_the_hardness_arms_of_one_seed": {
            name: effect(_over_arms(observations, shape)) for name, shape in _SHAPES.items()
        },
        "rank_correlation_of_steps_to_target_within_arms": _within_arms(observations),
    }
    return Measurement(values, evidence, predicted)


def _log2_ratio_of_steps(observations: Observations) -> dict[int, float]:
    easy = observations.arm(_EASY)
    return {
        seed: math.log2(float(run["steps"]) / float(easy[seed]["steps"]))
        for seed, run in observations.arm(_HARD).items()
        if seed in easy
    }


def _predicted_rise(run: xr.Dataset, quantity: str, law: str) -> float:
    values = falling_curve(run, quantity, law)
    return float("nan") if values is None else max_rise(values) / float(values[0] - values[-1])


def _over_arms(observations: Observations, shape: Callable[[xr.Dataset], float]) -> dict[int, float]:
    """Spearman's rho between steps and shape over the hardness arms, for each seed with four of them."""
    pairs: dict[int, list[tuple[float, float]]] = {}
    for arm in observations.experiment("hardness"):
        for seed, run in observations.arm(arm).items():
            pairs.setdefault(seed, []).append((float(run["steps"]), shape(run)))
    arrays = {seed: np.array(rows) for seed, rows in pairs.items()}
    found = {seed: _spearman(rows[:, 0], rows[:, 1], least=4) for seed, rows in arrays.items()}
    return {seed: float("nan") if rho is None else rho for seed, rho in found.items()}


def _within_arms(observations: Observations) -> dict[str, Any]:
    """Spearman's rho over seeds between steps to the target and each shape; None where undefined."""
    found: dict[str, Any] = {}
    for arm in observations.arms():
        runs = observations.arm(arm).values()
        steps = np.array([float(run["steps"]) for run in runs])
        found[arm] = {"n": len(steps)} | {
            name: _spearman(steps, np.array([shape(run) for run in runs]), least=5)
            for name, shape in _SHAPES.items()
        }
    return found


def _spearman(steps: np.ndarray, shapes: np.ndarray, least: int) -> float | None:
    finite = np.isfinite(shapes)
    steps, shapes = steps[finite], shapes[finite]
    if len(steps) < least or np.ptp(steps) == 0 or np.ptp(shapes) == 0:
        return None
    return float(stats.spearmanr(steps, shapes).statistic)


def _check(observations: Observations) -> tuple[Check, ...]:
    easy = observations.arm(_EASY)
    hard = [run for seed, run in observations.arm(_HARD).items() if seed in easy]
    ratios = _log2_ratio_of_steps(observations)
    return (
        check(
            "random labels make training harder",
            "log2 of the steps to the target over those with true labels; met above 1",
            hard,
            lambda run: ratios[int(run.attrs["seed"])],
            lambda value: value > 1,
        ),
        check(
            "all else is the same",
            "the fields in which the two arms' specifications differ, but for the labels; met at none",
            hard,
            lambda run: _differing(run.attrs, easy[int(run.attrs["seed"])].attrs),
            lambda value: value == 0,
        ),
    )


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> float:
    keys = set(RunSpec.attribute_names()) - _MAY_DIFFER
    return float(sum(str(one.get(key)) != str(other.get(key)) for key in keys))


CLAIM = Claim(
    id="C2",
    title="MLI does not measure hardness",
    statement="The MLI property is not necessarily related to the hardness of the optimisation problem.",
    source="A2, A3; T3 for the error on the homogeneous path",
    hypotheses="Random labels make training harder, which the first criterion checks; all else is as with "
    "true labels. T3 assumes zero initial weights; it holds whatever the labels.",
    prediction="Labels drawn at random take several times the steps, and both curves are as monotone as "
    "before.",
    criteria=(
        Criterion(
            key="log2_ratio_of_steps",
            about="steps to the target",
            measures="log2 of the steps to the target loss with random labels over those with true labels",
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
    arms=(_HARD, _EASY),
    check=_check,
    needs="runs of the experiment hardness (arms true-labels, random-labels)",
    experiment="hardness",
)
