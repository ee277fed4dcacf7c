"""C4: weights and biases act differently along the line (A4)."""

from __future__ import annotations

import math
from collections.abc import Callable

import xarray as xr

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import area, held, plateau_end, summary
from validation.observations import Observations

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    def loss_difference(run: xr.Dataset) -> float:
        chance = math.log(run.sizes["class_index"])
        return (area(run, "loss", "weights") - area(run, "loss", "bias")) / chance

    def error_difference(run: xr.Dataset) -> float:
        return area(run, "error", "weights") - area(run, "error", "bias")

    evidence = {f"{path}_alone": _shapes(observations, path) for path in ("weights", "bias")}
    return Measurement(
        {
            "error_weights_minus_bias": observations.by_seed("centre", error_difference),
            "loss_weights_minus_bias": observations.by_seed("centre", loss_difference),
        },
        evidence,
    )


def _shapes(observations: Observations, path: str) -> dict[str, object]:
    def held_length(run: xr.Dataset) -> float:
        interval = held(run, path)
        return interval.end - interval.start if interval.class_index >= 0 else 0.0

    shapes: dict[str, Callable[[xr.Dataset], float]] = {
        "mean_error_over_alpha": lambda run: area(run, "error", path),
        "mean_loss_over_alpha": lambda run: area(run, "loss", path),
        "error_plateau_end": lambda run: plateau_end(run, "error", path),
        "length_held_by_one_class": held_length,
    }
    return {name: summary(observations.by_seed("centre", shape)) for name, shape in shapes.items()}


CLAIM = Claim(
    id="C4",
    title="Weights and biases act differently along the line",
    statement="Interpolating the weights and interpolating the biases influence the output very differently.",
    source="A4; T1: signal grows as alpha^r, bias as alpha",
    hypotheses="T1 assumes zero initial weights. Measured on two paths of the same trained network: the "
    "weights move and the biases are the trained ones throughout, or the other way round.",
    prediction="Moving the weights alone keeps the network at chance for most of the line; moving the "
    "biases alone changes little, since trained weights outvote them early.",
    criteria=(
        Criterion(
            key="error_weights_minus_bias",
            about="error",
            measures="the mean of the error over alpha when only the weights move minus that when only "
            "the biases move (centre)",
            side="above",
            threshold=0.1,
            effect_size=0.2,
            unit="of all samples",
            reason="'very different': one sample in ten decided differently on the average of the line",
        ),
        Criterion(
            key="loss_weights_minus_bias",
            about="loss",
            measures="the mean of the loss over alpha when only the weights move minus that when only "
            "the biases move, over log k (centre)",
            side="above",
            threshold=0.1,
            effect_size=0.2,
            unit="of the chance level log k",
            reason="the same tenth, of the scale on which the loss falls",
        ),
    ),
    measure=_measure,
)
