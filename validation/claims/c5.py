"""C5: unequal last-layer biases and depth make a plateau, in loss and in error (A4).

On the star the biases are as trained, and "equal biases" is a network trained without any. The experiment
imposed_bias does what the sentence says: the last bias is fixed at a gap, in favour of one class, and the
rest is trained; gap 0 is its control.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, check, no_hidden_bias, start_near_zero, unequal_biases
from validation.claims.line_shape import effect, end_of_plateau, held, summary
from validation.claims.observations import Observations
from validation.claims.predicted import LAWS, constant_prediction_end, predicted_plateau_end

__all__ = ["CLAIM"]

_REASON = (
    "a twentieth of the line: five steps of the grid of 101 alphas, the smallest change a reader of a "
    "figure would call a longer plateau; loss and error have the same unit here, alpha"
)
_IMPOSED, _CONTROL = "imposed_bias/imposed_bias_gap=2.0", "imposed_bias/imposed_bias_gap=0.0"
_STAR = {"depth_8_minus_2": "depth-2", "last_minus_none": "bias-none"}
_EXPERIMENTS = ("imposed_bias", "depth_and_bias", "initial_scale", "width", "retention")

_End = Callable[[xr.Dataset], float]


def _measure(observations: Observations) -> Measurement:
    values: dict[str, dict[int, float]] = {}
    predicted: dict[str, dict[str, dict[int, float]]] = {}
    evidence: dict[str, Any] = {"held_by_one_class": _held_by_class(observations)}
    for quantity in ("loss", "error"):
        end = _end(quantity)
        for key, other in _STAR.items():
            values[f"{quantity}_{key}"] = observations.paired("centre", other, end)
            predicted[f"{quantity}_{key}"] = {
                law: observations.paired("centre", other, _predicted_end(quantity, law)) for law in LAWS
            }
        evidence[f"{quantity}_plateau_end"] = {
            arm: summary(observations.by_seed(arm, end)) for arm in observations.arms()
        }
        evidence[f"{quantity}_depth_8_minus_4"] = summary(observations.paired("centre", "depth-4", end))
        evidence[f"{quantity}_dose_and_response"] = _dose_and_response(observations, end)
    values["imposed_gap_2_minus_0"] = _lesser(observations, _end)
    predicted["imposed_gap_2_minus_0"] = {
        law: _lesser(observations, lambda quantity, law=law: _predicted_end(quantity, law))  # type: ignore[misc]
        for law in LAWS
    }
    evidence["plateau_end_measured_and_predicted"] = _ends(observations)
    return Measurement(values, evidence, predicted)


def _end(quantity: str) -> _End:
    return lambda run: end_of_plateau(run, quantity)


def _predicted_end(quantity: str, law: str) -> _End:
    return lambda run: predicted_plateau_end(run, quantity, law)


def _lesser(observations: Observations, end: Callable[[str], _End]) -> dict[int, float]:
    """The lesser of the changes of the two curves' ends, so that both must grow (nan if either is)."""
    changes = [observations.paired(_IMPOSED, _CONTROL, end(quantity)) for quantity in ("loss", "error")]
    return {seed: float(np.min([found[seed] for found in changes])) for seed in changes[0]}


def _dose_and_response(observations: Observations, end: _End) -> dict[str, Any]:
    """Each imposed gap against none, and for each seed Spearman's rho between gap and plateau's end."""
    arms = observations.experiment("imposed_bias")
    response: dict[int, list[tuple[float, float]]] = {}
    for arm in arms:
        for seed, run in observations.arm(arm).items():
            if np.isfinite(end(run)):
                response.setdefault(seed, []).append((_gap(arm), end(run)))
    rho = {
        seed: float(stats.spearmanr(*np.array(pairs).T).statistic)
        for seed, pairs in response.items()
        if len(pairs) >= 4 and np.ptp([value for _, value in pairs]) > 0
    }
    found: dict[str, Any] = {
        f"gap_{_gap(arm):g}_minus_0": effect(observations.paired(arm, _CONTROL, end))
        for arm in arms
        if arm != _CONTROL
    }
    return found | ({"rank_correlation_of_gap_and_plateau_end": effect(rho)} if rho else {})


def _gap(arm: str) -> float:
    return float(re.sub(r"^.*imposed_bias_gap=([^,]*).*$", r"\1", arm))


def _ends(observations: Observations) -> dict[str, Any]:
    """By arm: the ends of both plateaus and of constant prediction (T2), measured and by each law."""
    found: dict[str, Any] = {}
    wanted = [*observations.star(), *(a for name in _EXPERIMENTS for a in observations.experiment(name))]
    for arm in wanted:
        row = {}
        for quantity in ("loss", "error"):
            row[f"{quantity}, measured"] = summary(observations.by_seed(arm, _end(quantity)))
            for law in LAWS:
                row[f"{quantity}, {law}"] = summary(observations.by_seed(arm, _predicted_end(quantity, law)))
        row["constant prediction, measured"] = summary(observations.by_seed(arm, _held_end))
        for law in LAWS:
            row[f"constant prediction, {law}"] = summary(
                observations.by_seed(arm, lambda run, law=law: constant_prediction_end(run, law))  # type: ignore[misc]
            )
        found[arm] = row
    return found


def _held_end(run: xr.Dataset) -> float:
    interval = held(run)
    is_majority = interval.class_index == int(np.argmax(run["bias"].to_numpy()))
    return interval.end if is_majority else float("nan")


def _held_by_class(observations: Observations) -> dict[str, Any]:
    """How long one class holds 99 % of the predictions, and in how many runs it is the class of T2."""
    found = {}
    for arm in observations.arms():
        runs = observations.arm(arm)
        intervals = {seed: held(run) for seed, run in runs.items()}
        found[arm] = {
            "length": summary(
                {seed: i.end - i.start if i.class_index >= 0 else 0.0 for seed, i in intervals.items()}
            ),
            "runs": len(runs),
            "runs_with_such_an_interval": sum(i.class_index >= 0 for i in intervals.values()),
            "runs_in_which_it_is_the_class_of_the_largest_bias": sum(
                i.class_index == int(np.argmax(runs[seed]["bias"].to_numpy()))
                and np.ptp(runs[seed]["bias"].to_numpy()) > 0
                for seed, i in intervals.items()
            ),
        }
    return found


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = list(observations.arm("centre").values())
    imposed = [
        run for arm in observations.experiment("imposed_bias") for run in observations.arm(arm).values()
    ]
    return (
        start_near_zero(runs),
        no_hidden_bias(runs),
        unequal_biases(runs),
        check(
            "the imposed gap is the trained network's",
            "the largest last-layer bias minus the second largest, less the arm's gap, in nats; met at 0",
            imposed,
            lambda run: float(np.diff(np.sort(run["bias"].to_numpy())[-2:])[0]) - _gap(run.attrs["arm"]),
            lambda value: abs(value) < 1e-6,
        ),
    )


CLAIM = Claim(
    id="C5",
    title="Unequal last-layer biases and depth make a plateau",
    statement="Where classes have different last-layer biases on a deep network, there is a long plateau "
    "in both the loss and the error.",
    source="A4; T2",
    hypotheses="T2 assumes zero initial weights. On the star the biases are as trained, not imposed; 'equal "
    "biases' is a network trained without any, which differs in more than the bias; depth 2 is trained at a "
    "larger learning rate than depth 8 (0.1, 0.02), so the depths differ in more than depth. In the "
    "experiment imposed_bias a fixed gap is imposed in favour of one class and all else is kept.",
    prediction="Both plateaus end later at depth 8 than at depth 2, later with a last-layer bias than "
    "without, and later with an imposed gap of 2 nats than with none.",
    criteria=(
        *(
            Criterion(
                key=f"{quantity}_{key}",
                about=quantity,
                measures=f"the end of the {quantity} plateau on the linear path {words}",
                side="above",
                threshold=0.05,
                effect_size=0.1,
                unit="in alpha",
                reason=_REASON,
            )
            for quantity in ("loss", "error")
            for key, words in (
                ("depth_8_minus_2", "at depth 8 (centre) minus that at depth 2"),
                ("last_minus_none", "with a last-layer bias (centre) minus that without any bias"),
            )
        ),
        Criterion(
            key="imposed_gap_2_minus_0",
            about="loss and error",
            measures="the end of the plateau on the linear path with an imposed bias gap of 2 nats minus "
            "that with gap 0, of the loss or of the error, whichever change is the lesser",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason=_REASON + "; one number for both, since the sentence claims both and a sixth criterion "
            "would need more seeds",
            only_with="runs of the experiment imposed_bias",
        ),
    ),
    measure=_measure,
    arms=("centre", *_STAR.values(), _IMPOSED, _CONTROL),
    check=_check,
)
