"""C7: the same holds of practical networks (A6); no run of the star is one.

Judged on each network in the form its authors published: VGG-16 without, ResNet-18 with batch norm. The
other two combinations are shown beside them.
"""

from __future__ import annotations

from typing import Any

import xarray as xr

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, all_correct_at_the_end, check, unequal_biases
from validation.claims.line_shape import effect, end_of_plateau, held, relative_rise, summary
from validation.claims.observations import Observations

__all__ = ["CLAIM"]

_EXPERIMENT = "practical_networks"
_NETWORKS = {"vgg16": ("VGG-16", False), "resnet18": ("ResNet-18", True)}


def _measure(observations: Observations) -> Measurement:
    evidence: dict[str, Any] = {}
    for quantity in ("error", "loss"):
        evidence[f"{quantity}_last_minus_none"] = {
            f"{title}, batch norm {'on' if batch_norm else 'off'}": effect(
                _last_minus_none(observations, network, batch_norm, quantity)
            )
            for network, (title, _) in _NETWORKS.items()
            for batch_norm in (False, True)
        }
        evidence[f"{quantity}_by_arm"] = {
            arm: _shape(observations, arm, quantity) for arm in observations.experiment(_EXPERIMENT)
        }
    return Measurement(
        {
            f"error_{network}": _last_minus_none(observations, network, published, "error")
            for network, (_, published) in _NETWORKS.items()
        },
        evidence,
    )


def _last_minus_none(
    observations: Observations, network: str, batch_norm: bool, quantity: str
) -> dict[int, float]:
    """The plateau's end with a last-layer bias minus that without any, seed by seed.

    Arms are found by what their runs are, not by their label: whatever else the sweep varies, it must not
    vary between the two.
    """
    arms = {
        mode: {
            int(run.attrs["seed"]): run
            for run in _runs(observations)
            if run.attrs["network"] == network
            and bool(run.attrs["batch_norm"]) == batch_norm
            and run.attrs["bias_mode"] == mode
        }
        for mode in ("last", "none")
    }
    return {
        seed: end_of_plateau(run, quantity) - end_of_plateau(arms["none"][seed], quantity)
        for seed, run in arms["last"].items()
        if seed in arms["none"]
    }


def _runs(observations: Observations) -> list[xr.Dataset]:
    return [run for arm in observations.experiment(_EXPERIMENT) for run in observations.arm(arm).values()]


def _shape(observations: Observations, arm: str, quantity: str) -> dict[str, Any]:
    def held_length(run: xr.Dataset) -> float:
        interval = held(run)
        return interval.end - interval.start if interval.class_index >= 0 else 0.0

    return {
        "plateau_end": summary(observations.by_seed(arm, lambda run: end_of_plateau(run, quantity))),
        "largest_rise_over_fall": summary(
            observations.by_seed(arm, lambda run: relative_rise(run, quantity))
        ),
        "length_held_by_one_class": summary(observations.by_seed(arm, held_length)),
        "runs": len(observations.arm(arm)),
    }


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = _runs(observations)
    with_bias = [run for run in runs if run.attrs["bias_mode"] == "last"]
    return (
        check(
            "no normalisation (T1 to T5)",
            "whether the network has batch norm; met where not",
            runs,
            lambda run: float(bool(run.attrs["batch_norm"])),
            lambda value: value == 0,
        ),
        unequal_biases(with_bias),
        all_correct_at_the_end(runs),
    )


CLAIM = Claim(
    id="C7",
    title="Practical networks",
    statement="Similar intuitions hold on practical networks and realistic data sets.",
    source="A6",
    hypotheses="Convolutions, skip connections and normalisation are outside T1 to T5.",
    prediction="The error plateau is longer with a last-layer bias than without. No law gives a number.",
    criteria=tuple(
        Criterion(
            key=f"error_{network}",
            about="error",
            measures=f"the end of the error plateau of a {title} {'with' if batch_norm else 'without'} batch "
            f"norm, as it was published, with a last-layer bias minus that without any bias",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason="a twentieth of the line, as in C3",
        )
        for network, (title, batch_norm) in _NETWORKS.items()
    ),
    measure=_measure,
    arms=tuple(
        f"{_EXPERIMENT}/network={network},batch_norm={str(batch_norm).lower()},bias={bias}"
        for network, (_, batch_norm) in _NETWORKS.items()
        for bias in ("last", "none")
    ),
    check=_check,
    needs="runs of VGG-16 and ResNet-18 with and without a last-layer bias (experiment practical_networks)",
    experiment=_EXPERIMENT,
)
