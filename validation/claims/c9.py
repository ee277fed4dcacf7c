"""C9: accuracy of the homogeneous prediction (T1 to T3, T5), which knows only a run's end and its depth."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from mli_theory.homogeneous import predict_curves
from validation import metrics
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import plateau_end, summary
from validation.observations import Observations, curve

__all__ = ["CLAIM"]

# Stands for the limit alpha -> 0+: at 0 itself every logit ties and the prediction is wrong by the rule.
_NEAR_ZERO = 1e-6


def _measure(observations: Observations) -> Measurement:
    of_arms: dict[str, dict[str, dict[int, float]]] = {}
    for arm in observations.arms():
        runs = {seed: run for seed, run in observations.arm(arm).items() if _meets_the_form(run)}
        if runs:
            accuracies = {seed: _accuracy(run, "linear") for seed, run in runs.items()}
            of_arms[arm] = {
                key: {seed: found[key] for seed, found in accuracies.items()}
                for key in next(iter(accuracies.values()))
            }
    values = {
        "worst_loss_error": _mean_over_arms(of_arms, "worst_loss_error"),
        "worst_error_rate_error": _mean_over_arms(of_arms, "worst_error_rate_error"),
        "error_plateau_end_error": {
            seed: abs(difference)
            for seed, difference in of_arms.get("centre", {}).get("error_plateau_end_difference", {}).items()
        },
    }
    evidence: dict[str, Any] = {
        "linear_path_by_arm": {
            arm: {key: summary(numbers) for key, numbers in found.items()} for arm, found in of_arms.items()
        },
        "homogeneous_path_at_the_centre": {},
    }
    centre = {s: _accuracy(run, "homogeneous") for s, run in observations.arm("centre").items()}
    for key in ("worst_loss_error", "worst_error_rate_error"):
        evidence["homogeneous_path_at_the_centre"][key] = summary({s: a[key] for s, a in centre.items()})
    return Measurement(values, evidence)


def _meets_the_form(run: xr.Dataset) -> bool:
    """Whether the logits of a zero start would be alpha^r s + alpha b: no bias in a hidden layer."""
    return run.attrs["bias_mode"] in ("last", "none") and int(run.attrs["depth"]) >= 2


def _accuracy(run: xr.Dataset, path: Literal["linear", "homogeneous"]) -> dict[str, float]:
    alphas, loss = curve(run, "loss", path)
    _, error = curve(run, "error", path)
    grid = np.where(alphas == 0, _NEAR_ZERO, alphas)
    prediction = predict_curves(
        run["signal"].to_numpy(),
        run["bias"].to_numpy(),
        run["labels"].to_numpy(),
        int(run.attrs["depth"]),
        grid,
        bias_path=path,
    )
    inside = alphas > 0
    found = {
        "worst_loss_error": float(np.max(np.abs(prediction.loss - loss))),
        "worst_error_rate_error": float(np.max(np.abs(prediction.error - error)[inside])),
    }
    for quantity, predicted in (("loss", prediction.loss), ("error", prediction.error)):
        predicted_end = metrics.plateau_end(alphas, predicted)
        found[f"{quantity}_plateau_end_predicted"] = predicted_end
        measured_end = plateau_end(run, quantity, path)
        found[f"{quantity}_plateau_end_measured"] = measured_end
        found[f"{quantity}_plateau_end_difference"] = predicted_end - measured_end
    return found


def _mean_over_arms(of_arms: dict[str, dict[str, dict[int, float]]], key: str) -> dict[int, float]:
    by_seed: dict[int, list[float]] = {}
    for found in of_arms.values():
        for seed, number in found[key].items():
            by_seed.setdefault(seed, []).append(number)
    return {seed: float(np.mean(numbers)) for seed, numbers in sorted(by_seed.items())}


CLAIM = Claim(
    id="C9",
    title="Accuracy of the homogeneous prediction",
    statement="From the trained network's signal and bias and its depth alone, logits alpha^r s + alpha "
    "b give the measured loss, error and plateau on the linear path.",
    source="T1 to T3; M1 and M2 say where it should fail",
    hypotheses="No bias in hidden layers: arms with one are left out of this claim. Zero initial "
    "weights: not met.",
    prediction="By M1 it is poor: real initial weights make the signal grow far earlier than alpha^r. We "
    "expect this claim to be refuted.",
    criteria=(
        Criterion(
            key="worst_loss_error",
            about="loss",
            measures="the largest difference over alpha of predicted and measured loss, averaged over "
            "the arms without hidden biases",
            side="below",
            threshold=0.05,
            effect_size=0.025,
            unit="nats",
            reason="2 % of log 10, hardly visible on a figure; predictions that know the signal's gain "
            "reach 0.006 to 0.16 nats (M1)",
        ),
        Criterion(
            key="worst_error_rate_error",
            about="error",
            measures="the largest difference over alpha > 0 of predicted and measured error rate, "
            "averaged over the arms without hidden biases",
            side="below",
            threshold=0.05,
            effect_size=0.025,
            unit="of all samples",
            reason="the same twentieth on the error's scale",
        ),
        Criterion(
            key="error_plateau_end_error",
            about="error",
            measures="the distance in alpha of the predicted and the measured end of the error plateau "
            "(centre)",
            side="below",
            threshold=0.05,
            effect_size=0.025,
            unit="in alpha",
            reason="the smallest change in a plateau that C3 and C5 count",
        ),
    ),
    measure=_measure,
)
