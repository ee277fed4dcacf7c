"""C4: weights and biases act differently along the line (A4)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, check, no_hidden_bias, start_near_zero
from validation.claims.line_shape import area, end_of_plateau, held, summary
from validation.claims.observations import Observations
from validation.claims.predicted import HOMOGENEOUS, gain_degree, weights_or_bias_alone
from validation.claims.zero_start import meets_the_form

__all__ = ["CLAIM"]

# The degree is read off the last tenth of the line: long enough that a step of the grid does not matter,
# near enough to the trained end that one degree describes it.
_FROM = 0.9


def _measure(observations: Observations) -> Measurement:
    def loss_difference(run: xr.Dataset) -> float:
        return (area(run, "loss", "weights") - area(run, "loss", "bias")) / _chance(run)

    def error_difference(run: xr.Dataset) -> float:
        return area(run, "error", "weights") - area(run, "error", "bias")

    centre = observations.arm("centre")
    values = {
        "error_weights_minus_bias": observations.by_seed("centre", error_difference),
        "loss_weights_minus_bias": observations.by_seed("centre", loss_difference),
        "signal_degree_minus_bias_degree": {
            seed: gain_degree(run, _FROM) - 1 for seed, run in centre.items() if "gain" in run
        },
    }
    expected = {seed: _predicted(run) for seed, run in centre.items() if meets_the_form(run)}
    predicted = {
        f"{quantity}_weights_minus_bias": {
            HOMOGENEOUS: {seed: found[quantity] for seed, found in expected.items()}
        }
        for quantity in ("error", "loss")
    }
    predicted["signal_degree_minus_bias_degree"] = {
        HOMOGENEOUS: {
            seed: float(run.attrs["depth"]) - 1 for seed, run in centre.items() if meets_the_form(run)
        },
        "effective degree (T13)": {
            seed: float(run["effective_degree"]) - 1
            for seed, run in centre.items()
            if "effective_degree" in run
        },
    }
    evidence: dict[str, object] = {
        f"{path}_alone": _shapes(observations, path) for path in ("weights", "bias")
    }
    evidence["degree_of_the_signal_at_the_trained_end"] = _degrees(observations)
    return Measurement(values, evidence, predicted)


def _chance(run: xr.Dataset) -> float:
    return math.log(run.sizes["class_index"])


def _predicted(run: xr.Dataset) -> dict[str, float]:
    weights, bias = (weights_or_bias_alone(run, moving) for moving in ("weights", "bias"))
    areas = {
        quantity: float(np.trapezoid(weights[quantity] - bias[quantity], run["alpha"].to_numpy()))
        for quantity in weights
    }
    return areas | {"loss": areas["loss"] / _chance(run)}


def _shapes(observations: Observations, path: str) -> dict[str, object]:
    def held_length(run: xr.Dataset) -> float:
        interval = held(run, path)
        return interval.end - interval.start if interval.class_index >= 0 else 0.0

    shapes: dict[str, Callable[[xr.Dataset], float]] = {
        "mean_error_over_alpha": lambda run: area(run, "error", path),
        "mean_loss_over_alpha": lambda run: area(run, "loss", path),
        "error_plateau_end": lambda run: end_of_plateau(run, "error", path),
        "length_held_by_one_class": held_length,
    }
    return {name: summary(observations.by_seed("centre", shape)) for name, shape in shapes.items()}


def _degrees(observations: Observations) -> dict[str, object]:
    """By arm: the slope of log gain near alpha = 1, T13's effective degree, and the layers there are.

    The bias's own degree on the linear path is 1 by construction (it is alpha b), so it is not measured.
    """
    found: dict[str, object] = {}
    for arm in observations.arms():
        runs = {s: run for s, run in observations.arm(arm).items() if "gain" in run}
        if runs:
            effective = {s: float(r["effective_degree"]) for s, r in runs.items() if "effective_degree" in r}
            found[arm] = {
                "slope_over_the_last_tenth": summary({s: gain_degree(r, _FROM) for s, r in runs.items()}),
                "slope_over_the_last_hundredth": summary({s: gain_degree(r, 0.99) for s, r in runs.items()}),
                "effective_degree": summary(effective),
                # Not the spec's depth: networks known by a name have none.
                "layers": float(max(run.sizes.get("layer", 0) for run in runs.values())),
            }
    return found


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = list(observations.arm("centre").values())
    return (
        start_near_zero(runs),
        no_hidden_bias(runs),
        check(
            "the signal keeps its direction along the line (M1)",
            "the smallest cosine of the signal and its end over the held-out alphas at which the gain is at "
            "least 0.1; met above 0.9",
            runs,
            _worst_cosine,
            lambda value: value > 0.9,
        ),
    )


def _worst_cosine(run: xr.Dataset) -> float:
    if "signal_cosine" not in run or "gain" not in run:
        return float("nan")
    at = run["held_out_alpha"].to_numpy()
    gain = np.interp(at, run["alpha"].to_numpy(), run["gain"].to_numpy())
    seen = run["signal_cosine"].to_numpy()[gain >= 0.1]
    return float(seen.min()) if seen.size else float("nan")


CLAIM = Claim(
    id="C4",
    title="Weights and biases act differently along the line",
    statement="Interpolating the weights and interpolating the biases influence the output very differently.",
    source="A4; T1: signal grows as alpha^r, bias as alpha; T13: with what degree it really grows",
    hypotheses="T1 assumes zero initial weights. Measured on two paths of the same trained network: the "
    "weights move and the biases are the trained ones throughout, or the other way round. T13 assumes "
    "neither.",
    prediction="Moving the weights alone keeps the network at chance for most of the line; moving the "
    "biases alone changes little, since trained weights outvote them early. Near the trained end the signal "
    "grows at least quadratically (T13 gives its degree, below the depth), the last bias linearly.",
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
        Criterion(
            key="signal_degree_minus_bias_degree",
            about="degree of the signal",
            measures="the slope of log gain of the signal against log alpha over alpha from 0.9 to 1, minus "
            "1, the slope of the last-layer bias (centre)",
            side="above",
            threshold=1.0,
            effect_size=2.0,
            unit="(degrees)",
            reason="T1 needs a degree of at least 2: one above the bias's",
            only_with="the gain of the signal, which the store keeps with a run",
        ),
    ),
    measure=_measure,
    check=_check,
)
