"""C10: deep networks with a small start have a long plateau in loss and error (A4, existence alone).

C5 asked at once whether both plateaus are there and what makes each. Here only the first is asked, on the
networks on which pilots outside the project had shown them; C11 and C12 ask for the causes.
"""

from __future__ import annotations

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, start_near_zero, unequal_biases
from validation.claims.line_shape import end_of_plateau, summary
from validation.claims.observations import Observations
from validation.claims.realistic_runs import SMALL_STARTS, held_by_the_largest_bias, runs_of

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    values = {
        f"{quantity}_{network.key}": {
            seed: end_of_plateau(run, quantity)
            for seed, run in runs_of(observations, network, "last").items()
        }
        for network in SMALL_STARTS
        for quantity in ("loss", "error")
    }
    evidence = {
        "plateau_end_on_the_test_split": {
            f"{quantity}, {network.title}": summary(
                {
                    seed: end_of_plateau(run, f"test_{quantity}")
                    for seed, run in runs_of(observations, network, "last").items()
                    if f"test_{quantity}" in run
                }
            )
            for network in SMALL_STARTS
            for quantity in ("loss", "error")
        },
        "share_held_by_the_class_of_the_largest_bias": {
            network.title: summary(
                {
                    seed: float(held_by_the_largest_bias(run))
                    for seed, run in runs_of(observations, network, "last").items()
                }
            )
            for network in SMALL_STARTS
        },
    }
    return Measurement(values, evidence)


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = [run for network in SMALL_STARTS for run in runs_of(observations, network, "last").values()]
    return unequal_biases(runs), start_near_zero(runs)


CLAIM = Claim(
    id="C10",
    title="Both plateaus are there",
    statement="On deep networks with a small start and unequal last-layer biases both the loss and the error "
    "have a long plateau.",
    source="A4, existence alone",
    hypotheses="Unequal last-layer biases, which is checked. 'Deep' and 'a small start' are 10 layers at "
    "half of He's scale, and VGG-16 at a scale at which the pilots of its experiment saw a plateau.",
    prediction="Both plateaus of both networks end beyond a fifth of the line.",
    criteria=tuple(
        Criterion(
            key=f"{quantity}_{network.key}",
            about=quantity,
            measures=f"the end of the {quantity} plateau of {network.title} on the linear path of the "
            "training samples",
            side="above",
            threshold=0.2,
            effect_size=0.25,
            unit="in alpha",
            reason="a fifth of the line: a curve without a plateau, a straight line, has spent a tenth of "
            "its fall at 0.1",
        )
        for network in SMALL_STARTS
        for quantity in ("loss", "error")
    ),
    measure=_measure,
    check=_check,
    needs="runs of the experiments mnist_fcn and cifar_vgg16_small_start",
    experiment="mnist_fcn cifar_vgg16_small_start",
    arms=("mnist_fcn/depth-10,bias=last", "cifar_vgg16_small_start/bias=last"),
)
