"""C8: the loss rises first (T4); about the loss only, since by T3 the error does not."""

from __future__ import annotations

import numpy as np
import xarray as xr

from mli_theory.homogeneous import predict_curves
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import summary
from validation.observations import Observations, balanced, curve

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    runs = {seed: run for seed, run in observations.arm("centre").items() if balanced(run)}
    return Measurement(
        {"loss_above_start": {seed: _above_start(curve(run, "loss")[1]) for seed, run in runs.items()}},
        {
            "alpha_of_the_highest_loss": summary({seed: _alpha_of_top(run) for seed, run in runs.items()}),
            "predicted_height_with_zero_initial_weights": summary(
                {seed: _predicted(run) for seed, run in runs.items()}
            ),
            "by_arm": {
                arm: summary(observations.by_seed(arm, lambda run: _above_start(curve(run, "loss")[1])))
                for arm in observations.arms()
            },
            "unbalanced_runs_left_out": len(observations.arm("centre")) - len(runs),
        },
    )


def _above_start(loss: np.ndarray) -> float:
    return float(np.max(loss) - loss[0])


def _alpha_of_top(run: xr.Dataset) -> float:
    alphas, loss = curve(run, "loss")
    return float(alphas[np.argmax(loss)])


def _predicted(run: xr.Dataset) -> float:
    prediction = predict_curves(
        run["signal"].to_numpy(),
        run["bias"].to_numpy(),
        run["labels"].to_numpy(),
        int(run.attrs["depth"]),
        run["alpha"].to_numpy(),
    )
    return _above_start(prediction.loss)


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
    needs="runs of the centre on balanced data",
)
