"""C11: the error's plateau is the bias's (A3, A4, cause), where C10 says that there is one.

Two ways to take the bias away: train without any, or let it grow like the signal on the same trained network
(homogeneous interpolation, T5). And the class that holds all predictions must be that of the largest bias.
"""

from __future__ import annotations

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, no_hidden_bias, unequal_biases
from validation.claims.line_shape import effect, end_of_plateau
from validation.claims.observations import Observations
from validation.claims.realistic_runs import SMALL_STARTS, difference, held_by_the_largest_bias, runs_of

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    values: dict[str, dict[int, float]] = {}
    holders: list[dict[int, bool]] = []
    evidence: dict[str, object] = {"loss_linear_minus_homogeneous": {}}
    for network in SMALL_STARTS:
        last, none = (runs_of(observations, network, bias) for bias in ("last", "none"))
        values[f"{network.key}_last_minus_none"] = difference(
            last, none, lambda run: end_of_plateau(run, "error")
        )
        values[f"{network.key}_linear_minus_homogeneous"] = difference(
            last,
            last,
            lambda run: end_of_plateau(run, "error"),
            lambda run: end_of_plateau(run, "error", "homogeneous"),
        )
        holders.append({seed: held_by_the_largest_bias(run) for seed, run in last.items()})
        evidence["loss_linear_minus_homogeneous"] |= {  # type: ignore[operator]
            network.title: effect(
                difference(
                    last,
                    last,
                    lambda run: end_of_plateau(run, "loss"),
                    lambda run: end_of_plateau(run, "loss", "homogeneous"),
                )
            )
        }
    both = set(holders[0]).intersection(*holders[1:])
    values["held_by_the_largest_bias"] = {
        seed: float(all(held[seed] for held in holders)) for seed in sorted(both)
    }
    return Measurement(values, evidence)


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = [run for network in SMALL_STARTS for run in runs_of(observations, network, "last").values()]
    return unequal_biases(runs), no_hidden_bias(runs)


_REASON = "a twentieth of the line, as in C5: the smallest change a reader of a figure would call longer"

CLAIM = Claim(
    id="C11",
    title="The error's plateau is the bias's",
    statement="On deep networks with a small start the last-layer bias makes the plateau of the error: the "
    "class of the largest bias holds the predictions.",
    source="A3, A4; T2, T5",
    hypotheses="T2 and T5 assume zero initial weights; T5 says that without a bias, or with one that grows "
    "like the signal, the error is constant. 'Without a bias' is another training from the same initial "
    "weights; the homogeneous path is another path of the same network.",
    prediction="The error's plateau ends earlier without a bias and on the homogeneous path, by more than a "
    "tenth of the line; one class holds all predictions, that of the largest bias.",
    criteria=(
        *(
            Criterion(
                key=f"{network.key}_{key}",
                about="error",
                measures=f"the end of the error plateau of {network.title} {words}",
                side="above",
                threshold=0.05,
                effect_size=0.1,
                unit="in alpha",
                reason=_REASON,
            )
            for network in SMALL_STARTS
            for key, words in (
                ("last_minus_none", "with a last-layer bias minus that without any bias"),
                ("linear_minus_homogeneous", "on the linear path minus that on the homogeneous path"),
            )
        ),
        Criterion(
            key="held_by_the_largest_bias",
            about="predicted class",
            measures="1 if on both networks one class holds 99 % of the predictions on an interval, and the "
            "class of the longest such interval is that of the largest last-layer bias, else 0",
            side="above",
            threshold=0.5,
            effect_size=0.9,
            unit="of the seeds",
            reason="more often than not, and five times the tenth that chance gives with ten classes",
        ),
    ),
    measure=_measure,
    check=_check,
    needs="runs of the experiments mnist_fcn and cifar_vgg16_small_start",
    experiment="mnist_fcn cifar_vgg16_small_start",
    arms=(
        "mnist_fcn/depth-10,bias=last",
        "mnist_fcn/depth-10,bias=none",
        "cifar_vgg16_small_start/bias=last",
        "cifar_vgg16_small_start/bias=none",
    ),
)
