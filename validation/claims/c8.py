"""C8: the loss rises first (T4); about the loss only, since by T3 the error does not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from mli_theory import DomainError, loss_bump, loss_sandwich
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import (
    Check,
    balanced_classes,
    check,
    no_hidden_bias,
    start_near_zero,
    unequal_biases,
)
from validation.claims.line_shape import effect, summary
from validation.claims.observations import Observations, balanced, curve
from validation.claims.predicted import HOMOGENEOUS, LAWS, predicted_curve
from validation.claims.zero_start import meets_the_form
from validation.statistics import wilson_interval

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    runs = {seed: run for seed, run in observations.arm("centre").items() if balanced(run)}
    evidence: dict[str, Any] = {
        "alpha_of_the_highest_loss": summary({seed: _alpha_of_top(run) for seed, run in runs.items()}),
        "predicted_height_with_zero_initial_weights": summary(
            {seed: _predicted(run, HOMOGENEOUS) for seed, run in runs.items()}
        ),
        "by_arm": {
            arm: summary(observations.by_seed(arm, lambda run: _above_start(curve(run, "loss")[1])))
            for arm in observations.arms()
        },
        "unbalanced_runs_left_out": len(observations.arm("centre")) - len(runs),
        "imposed_biases": {arm: _bump(observations, arm) for arm in observations.experiment("imposed_bias")},
        "sign_of_the_slope_at_the_start": _signs(observations),
        "T4_prime_bounds_by_arm": _sandwich(observations),
    }
    return Measurement(
        {"loss_above_start": {seed: _above_start(curve(run, "loss")[1]) for seed, run in runs.items()}},
        evidence,
        {"loss_above_start": {law: {s: _predicted(r, law) for s, r in runs.items()} for law in LAWS}},
    )


def _above_start(loss: np.ndarray) -> float:
    return float(np.max(loss) - loss[0])


def _alpha_of_top(run: xr.Dataset) -> float:
    alphas, loss = curve(run, "loss")
    return float(alphas[np.argmax(loss)])


def _predicted(run: xr.Dataset, law: str) -> float:
    loss = predicted_curve(run, "loss", law)
    return float("nan") if loss is None else _above_start(loss)


def _bump(observations: Observations, arm: str) -> dict[str, Any]:
    """Height and place of the bump: measured, by each law, and by T4's leading order."""
    leading = {seed: _leading_order(run) for seed, run in observations.arm(arm).items()}
    row: dict[str, Any] = {
        "height, measured": effect(
            observations.by_seed(arm, lambda run: _above_start(curve(run, "loss")[1]))
        ),
        "alpha of the top, measured": summary(observations.by_seed(arm, _alpha_of_top)),
    }
    for law in LAWS:
        row[f"height, {law}"] = summary(
            observations.by_seed(arm, lambda run, law=law: _predicted(run, law))  # type: ignore[misc]
        )
    for place, name in enumerate(("height", "alpha of the top", "small parameter")):
        row[f"{name}, T4 to leading order"] = summary({seed: found[place] for seed, found in leading.items()})
    return row


def _leading_order(run: xr.Dataset) -> tuple[float, float, float]:
    if not meets_the_form(run):
        return (float("nan"),) * 3
    signal, bias, labels = (run[name].to_numpy() for name in ("signal", "bias", "labels"))
    try:
        with warnings.catch_warnings():
            # The small parameter, of which it warns, is shown beside the prediction.
            warnings.filterwarnings("ignore", message=r"T4 \(the bump\)")
            bump = loss_bump(signal, bias, labels, int(run.attrs["depth"]))
    except DomainError:  # equal biases, unequal classes, degree 2, ...: T4 predicts no bump
        return (float("nan"),) * 3
    return bump.height, bump.alpha, bump.small_parameter


def _signs(observations: Observations) -> dict[str, Any]:
    """T4's L'(0) = -sum_c pi_c (b_c - mean b) against the loss's first step, classes unequal."""
    found: dict[str, Any] = {}
    for arm in observations.experiment("imbalance"):
        runs = [run for run in observations.arm(arm).values() if not balanced(run)]
        agree = sum(np.sign(_slope(run)) == np.sign(np.diff(curve(run, "loss")[1][:2])[0]) for run in runs)
        if runs:
            found[arm] = {
                "runs": len(runs),
                "with_the_sign_of_T4": int(agree),
                "wilson_95_percent": list(wilson_interval(int(agree), len(runs))),
            }
    return found


def _slope(run: xr.Dataset) -> float:
    bias = run["bias"].to_numpy()
    shares = np.bincount(run["labels"].to_numpy(), minlength=len(bias)) / run.sizes["sample"]
    return float(-(shares @ (bias - bias.mean())))


def _sandwich(observations: Observations) -> dict[str, Any]:
    """How far the measured loss leaves the bounds that T4' proves for zero initial weights, in nats."""
    found: dict[str, Any] = {}
    for arm in (*observations.star(), *observations.experiment("imposed_bias")):
        below, above = {}, {}
        for seed, run in observations.arm(arm).items():
            if meets_the_form(run):
                alphas, loss = curve(run, "loss")
                low, high = loss_sandwich(
                    run["signal"].to_numpy(),
                    run["bias"].to_numpy(),
                    run["labels"].to_numpy(),
                    int(run.attrs["depth"]),
                    alphas,
                )
                below[seed], above[seed] = (
                    float(np.max(gap, initial=0.0)) for gap in (low - loss, loss - high)
                )
        if below:
            found[arm] = {"farthest_below_the_lower_bound": summary(below)} | {
                "farthest_above_the_upper_bound": summary(above)
            }
    return found


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = list(observations.arm("centre").values())
    return (
        balanced_classes(runs),
        check(
            "three or more weight layers",
            "the network's weight layers; met from 3",
            runs,
            lambda run: float(run.attrs["depth"]),
            lambda value: value >= 3,
        ),
        unequal_biases(runs),
        no_hidden_bias(runs),
        start_near_zero(runs),
    )


CLAIM = Claim(
    id="C8",
    title="The loss rises first",
    statement="On balanced data the loss of a trained network of three or more layers with unequal "
    "biases rises above its initial value before it falls, as T4 proves it does from zero initial weights.",
    source="T4",
    hypotheses="Balanced classes and depth 8 >= 3: met. Zero initial weights: not met, the networks "
    "start at half of He's scale, so the initial signal may help or hurt by more than the bias does.",
    prediction="The loss somewhere on the linear path lies above its value at alpha = 0.",
    criteria=(
        Criterion(
            key="loss_above_start",
            about="loss",
            measures="the largest loss on the linear path minus the loss at alpha = 0 (centre, balanced "
            "data)",
            side="above",
            threshold=0.001,
            effect_size=0.01,
            unit="nats",
            reason="a hundred times the rounding of a float32 loss, and still only half a per mille of "
            "log 10: T4 claims a sign, so the threshold only keeps rounding out",
        ),
    ),
    measure=_measure,
    check=_check,
    needs="runs of the centre on balanced data",
)
