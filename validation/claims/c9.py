"""C9: accuracy of the homogeneous prediction (T1 to T3, T5), which knows only a run's end and its depth.

Beside it, and not judged: the predictions from both ends (M2) and from probes along the line (M1).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from validation import metrics
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, no_hidden_bias, start_near_zero
from validation.claims.line_shape import end_of_plateau, summary
from validation.claims.observations import Observations, curve
from validation.claims.predicted import LAWS, predicted_curve
from validation.claims.zero_start import meets_the_form, zero_start_curves

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    of_arms: dict[str, dict[str, dict[int, float]]] = {}
    for arm in observations.arms():
        runs = {seed: run for seed, run in observations.arm(arm).items() if meets_the_form(run)}
        if runs:
            accuracies = {seed: _accuracy(run, "linear") for seed, run in runs.items()}
            of_arms[arm] = {
                key: {seed: found[key] for seed, found in accuracies.items()}
                for key in next(iter(accuracies.values()))
            }
    star = {arm: found for arm, found in of_arms.items() if arm in observations.star()}
    values = {
        "worst_loss_error": _mean_over_arms(star, "worst_loss_error"),
        "worst_error_rate_error": _mean_over_arms(star, "worst_error_rate_error"),
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
        "laws_compared": {quantity: _laws(observations, quantity) for quantity in ("loss", "error")},
        "errors_the_laws_state_of_themselves": _stated(observations),
    }
    centre = {
        s: _accuracy(run, "homogeneous")
        for s, run in observations.arm("centre").items()
        if "homogeneous" in run["path"]
    }
    for key in ("worst_loss_error", "worst_error_rate_error"):
        evidence["homogeneous_path_at_the_centre"][key] = summary({s: a[key] for s, a in centre.items()})
    return Measurement(values, evidence)


def _accuracy(run: xr.Dataset, path: Literal["linear", "homogeneous"]) -> dict[str, float]:
    found = {}
    for quantity, name in (("loss", "worst_loss_error"), ("error", "worst_error_rate_error")):
        alphas, measured = curve(run, quantity, path)
        if path == "linear":
            predicted = run[f"zero_start_{quantity}"].to_numpy()
        else:
            predicted = getattr(zero_start_curves(run, path), quantity)
        # At alpha = 0 the predicted error is a limit, the measured one a tie-break of rounding.
        counted = alphas > 0 if quantity == "error" else alphas >= 0
        found[name] = float(np.max(np.abs(predicted - measured)[counted]))
        predicted_end = metrics.plateau_end(alphas, predicted)
        found[f"{quantity}_plateau_end_predicted"] = predicted_end
        measured_end = end_of_plateau(run, quantity, path)
        found[f"{quantity}_plateau_end_measured"] = measured_end
        found[f"{quantity}_plateau_end_difference"] = predicted_end - measured_end
    return found


def _laws(observations: Observations, quantity: str) -> dict[str, Any]:
    """By law and arm: the worst error over alpha, the mean, and where the worst is (means over seeds)."""
    found: dict[str, dict[str, Any]] = {law: {} for law in LAWS}
    for arm in observations.arms():
        for law in LAWS:
            errors = {}
            for seed, run in observations.arm(arm).items():
                predicted = predicted_curve(run, quantity, law)
                if predicted is not None:
                    alphas, measured = curve(run, quantity)
                    errors[seed] = (alphas[1:], np.abs(predicted - measured)[1:])
            if errors:
                found[law][arm] = {
                    "worst": summary({s: float(e.max()) for s, (_, e) in errors.items()}),
                    "mean": summary({s: float(e.mean()) for s, (_, e) in errors.items()}),
                    "alpha_of_the_worst": summary({s: float(a[e.argmax()]) for s, (a, e) in errors.items()}),
                }
    return {law: of_arms for law, of_arms in found.items() if of_arms}


def _stated(observations: Observations) -> dict[str, Any]:
    """The loss error each law found on held-out samples, to be set beside its worst error above."""
    found: dict[str, Any] = {}
    for arm in observations.arms():
        row = {}
        for law in ("endpoint", "probe"):
            name = f"{law}_held_out_loss_error"
            values = {s: float(run[name]) for s, run in observations.arm(arm).items() if name in run}
            if values:
                row[law] = summary(values)
        if row:
            found[arm] = row
    return found


def _mean_over_arms(of_arms: dict[str, dict[str, dict[int, float]]], key: str) -> dict[int, float]:
    by_seed: dict[int, list[float]] = {}
    for found in of_arms.values():
        for seed, number in found[key].items():
            by_seed.setdefault(seed, []).append(number)
    return {seed: float(np.mean(numbers)) for seed, numbers in sorted(by_seed.items())}


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = [run for arm in observations.star() for run in observations.arm(arm).values()]
    return (no_hidden_bias(runs), start_near_zero([run for run in runs if meets_the_form(run)]))


CLAIM = Claim(
    id="C9",
    title="Accuracy of the homogeneous prediction",
    statement="From the trained network's signal and bias and its depth alone, logits alpha^r s + alpha "
    "b give the measured loss, error and plateau on the linear path.",
    source="T1 to T3; M1 and M2 say where it should fail",
    hypotheses="No bias in hidden layers: arms with one are left out of this claim. Zero initial "
    "weights: not met. The predictions of M1 and M2 are shown beside it and not judged.",
    prediction="By M1 it is poor: real initial weights make the signal grow far earlier than alpha^r. We "
    "expect this claim to be refuted.",
    criteria=(
        Criterion(
            key="worst_loss_error",
            about="loss",
            measures="the largest difference over alpha of predicted and measured loss, averaged over "
            "the star's arms without hidden biases",
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
            "averaged over the star's arms without hidden biases",
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
    arms=("centre", "bias-none", "scale-0.7", "scale-1.0", "depth-4", "depth-2"),
    check=_check,
)
