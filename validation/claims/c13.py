"""C13: at He's full scale a last-layer bias makes no plateau of the error (the border of A6)."""

from __future__ import annotations

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, unequal_biases
from validation.claims.line_shape import effect, end_of_plateau, summary
from validation.claims.observations import Observations
from validation.claims.realistic_runs import EQUIVALENCE_SIDES, RESNET18, VGG16, difference, runs_of

__all__ = ["CLAIM"]

_NETWORKS = (VGG16, RESNET18)


def _measure(observations: Observations) -> Measurement:
    values: dict[str, dict[int, float]] = {}
    evidence: dict[str, dict[str, object]] = {"error_plateau_end": {}, "loss_last_minus_none": {}}
    for network in _NETWORKS:
        last, none = (runs_of(observations, network, bias) for bias in ("last", "none"))
        moved = difference(last, none, lambda run: end_of_plateau(run, "error"))
        values |= {f"{network.key}_{key}": moved for key, _, _ in EQUIVALENCE_SIDES}
        evidence["loss_last_minus_none"][network.title] = effect(
            difference(last, none, lambda run: end_of_plateau(run, "loss"))
        )
        for bias, runs in (("last", last), ("none", none)):
            evidence["error_plateau_end"][f"{network.title}, bias {bias}"] = summary(
                {seed: end_of_plateau(run, "error") for seed, run in runs.items()}
            )
    return Measurement(values, evidence)


def _check(observations: Observations) -> tuple[Check, ...]:
    return (
        unequal_biases(
            [run for network in _NETWORKS for run in runs_of(observations, network, "last").values()]
        ),
    )


CLAIM = Claim(
    id="C13",
    title="No plateau of the bias at He's scale",
    statement="At He's full initial scale the last-layer bias of VGG-16 and ResNet-18 neither lengthens nor "
    "shortens the plateau of the error.",
    source="A6, of which it is the border; T14",
    hypotheses="T14: the bias leads only once it has passed the initial signal, which is not small at this "
    "scale. T14 is about networks without normalisation.",
    prediction="With and without a bias the plateaus of the error end within a twentieth of the line of each "
    "other.",
    criteria=tuple(
        Criterion(
            key=f"{network.key}_{key}",
            about="error",
            measures=f"the end of the error plateau of {network.title} with a last-layer bias minus that "
            "without any bias",
            side=side,
            threshold=threshold,
            effect_size=0.0,
            unit="in alpha",
            reason="a twentieth of the line either way, as in C11: what counts there as longer",
        )
        for network in _NETWORKS
        for key, side, threshold in EQUIVALENCE_SIDES
    ),
    measure=_measure,
    check=_check,
    needs="runs of the experiments cifar_vgg16 and cifar_resnet18",
    experiment="cifar_vgg16 cifar_resnet18",
    arms=(
        "cifar_vgg16/bias=last",
        "cifar_vgg16/bias=none",
        "cifar_resnet18/bias=last",
        "cifar_resnet18/bias=none",
    ),
)
