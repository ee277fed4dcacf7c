"""C12: the loss's plateau is depth's, not the bias's (against A4's "both the loss and accuracy").

That a bias does nothing to the loss is an equivalence: two criteria bound the difference from both sides.
"""

from __future__ import annotations

import xarray as xr

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, no_hidden_bias
from validation.claims.line_shape import end_of_plateau, summary
from validation.claims.observations import Observations
from validation.claims.realistic_runs import EQUIVALENCE_SIDES, FCN, SMALL_STARTS, difference, runs_of

__all__ = ["CLAIM"]

_SHALLOW = 4


def _measure(observations: Observations) -> Measurement:
    values: dict[str, dict[int, float]] = {}
    for network in SMALL_STARTS:
        last, none = (runs_of(observations, network, bias) for bias in ("last", "none"))
        moved = difference(last, none, _end)
        values |= {f"{network.key}_{key}": moved for key, _, _ in EQUIVALENCE_SIDES}
    deep, shallow = (runs_of(observations, FCN, "last", depth) for depth in (None, _SHALLOW))
    values["depth_10_minus_4"] = difference(deep, shallow, _end)
    evidence = {
        "loss_plateau_end": {
            f"{network.title}, bias {bias}": summary(
                {seed: _end(run) for seed, run in runs_of(observations, network, bias).items()}
            )
            for network in SMALL_STARTS
            for bias in ("last", "none")
        }
        | {f"depth {_SHALLOW}, bias last": summary({seed: _end(run) for seed, run in shallow.items()})}
    }
    return Measurement(values, evidence)


def _end(run: xr.Dataset) -> float:
    return end_of_plateau(run, "loss")


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = [
        run
        for network in SMALL_STARTS
        for bias in ("last", "none")
        for run in runs_of(observations, network, bias).values()
    ]
    return (no_hidden_bias(runs),)


CLAIM = Claim(
    id="C12",
    title="The loss's plateau is depth's",
    statement="On deep networks with a small start depth makes the plateau of the loss; the last-layer bias "
    "neither lengthens nor shortens it.",
    source="A4, of which it denies one half; T4'",
    hypotheses="T4' bounds the loss from below by log k - alpha^r M for any biases from zero initial "
    "weights: a plateau that needs no bias.",
    prediction="The end of the loss's plateau moves by less than a twentieth of the line with the bias, "
    "and by a tenth or more from depth 4 to depth 10.",
    criteria=(
        *(
            Criterion(
                key=f"{network.key}_{key}",
                about="loss",
                measures=f"the end of the loss plateau of {network.title} with a last-layer bias minus that "
                "without any bias",
                side=side,
                threshold=threshold,
                effect_size=0.0,
                unit="in alpha",
                reason="a twentieth of the line either way, as in C5 and C11: within it no reader of a "
                "figure sees a difference",
            )
            for network in SMALL_STARTS
            for key, side, threshold in EQUIVALENCE_SIDES
        ),
        Criterion(
            key="depth_10_minus_4",
            about="loss",
            measures="the end of the loss plateau of the fully connected network of 10 layers minus that of "
            "the one of 4, both with a last-layer bias",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason="a twentieth of the line, as in C5",
        ),
    ),
    measure=_measure,
    check=_check,
    needs="runs of the experiments mnist_fcn and cifar_vgg16_small_start",
    experiment="mnist_fcn cifar_vgg16_small_start",
    arms=(
        "mnist_fcn/depth-10,bias=last",
        "mnist_fcn/depth-10,bias=none",
        "mnist_fcn/depth-4,bias=last",
        "cifar_vgg16_small_start/bias=last",
        "cifar_vgg16_small_start/bias=none",
    ),
)
