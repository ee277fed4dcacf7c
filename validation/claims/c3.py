"""C3: biases decide what one sees (A3); about the error, the loss shown beside it.

In the pilot homogeneous interpolation shortened the *error* plateau at the centre and, with a bias in
every layer, lengthened the *loss* plateau: so the claim is tested where the pilot pointed, on new
seeds, and the loss is reported apart. The store adds what the claim is not judged on: the same trained
network without its last bias (path no_last_bias), weights and biases alone, other depths.
"""

from __future__ import annotations

from typing import Any

import xarray as xr

from simulations.specs.run_fields import RUN_PATHS
from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, no_hidden_bias, start_near_zero, unequal_biases
from validation.claims.line_shape import effect, end_of_plateau, summary
from validation.claims.observations import Observations
from validation.claims.predicted import HOMOGENEOUS, LAWS, predicted_plateau_end

__all__ = ["CLAIM"]

_REASON = (
    "a twentieth of the line: five steps of the grid of 101 alphas, and the smallest change a reader of "
    "a figure would call a different plateau"
)


def _measure(observations: Observations) -> Measurement:
    values = {
        "error_linear_minus_homogeneous": _path_effect(observations, "centre", "error"),
        "error_last_minus_none": _bias_effect(observations, "bias-none", "error"),
    }
    evidence: dict[str, Any] = {
        "loss_linear_minus_homogeneous": summary(_path_effect(observations, "centre", "loss")),
        "loss_last_minus_none": summary(_bias_effect(observations, "bias-none", "loss")),
        "error_linear_minus_homogeneous_bias_in_all_layers": summary(
            _path_effect(observations, "bias-all", "error")
        ),
        "loss_linear_minus_homogeneous_bias_in_all_layers": summary(
            _path_effect(observations, "bias-all", "loss")
        ),
        "error_last_minus_all": summary(_bias_effect(observations, "bias-all", "error")),
        "loss_last_minus_all": summary(_bias_effect(observations, "bias-all", "loss")),
    }
    for quantity in ("loss", "error"):
        evidence[f"{quantity}_plateau_end_by_path"] = _ends_by_path(observations, quantity)
        evidence[f"{quantity}_linear_minus_other_path"] = _path_effects(observations, quantity)
        evidence[f"{quantity}_last_minus_none_in_the_store"] = _bias_effects(observations, quantity)
    return Measurement(values, evidence, _predicted(observations))


def _path_effect(
    observations: Observations, arm: str, quantity: str, other: str = "homogeneous"
) -> dict[int, float]:
    return {
        seed: end_of_plateau(run, quantity) - end_of_plateau(run, quantity, other)
        for seed, run in observations.arm(arm).items()
        if other in run["path"]
    }


def _bias_effect(observations: Observations, other: str, quantity: str) -> dict[int, float]:
    return observations.paired("centre", other, lambda run: end_of_plateau(run, quantity))


def _predicted(observations: Observations) -> dict[str, dict[str, dict[int, float]]]:
    def end(run: xr.Dataset, law: str) -> float:
        return predicted_plateau_end(run, "error", law)

    return {
        # T5: on the homogeneous path the error does not change after alpha = 0, its plateau has length 0.
        "error_linear_minus_homogeneous": {
            HOMOGENEOUS: observations.by_seed("centre", lambda run: end(run, HOMOGENEOUS))
        },
        "error_last_minus_none": {
            law: observations.paired("centre", "bias-none", lambda run, law=law: end(run, law))  # type: ignore[misc]
            for law in LAWS
        },
    }


def _ends_by_path(observations: Observations, quantity: str) -> dict[str, dict[str, Any]]:
    """The same columns for every arm that has more than the linear path: a dash where it was not walked."""
    found = {}
    for arm in observations.arms():
        runs = observations.arm(arm)
        if any(run.sizes["path"] > 1 for run in runs.values()):
            found[arm] = {
                path: summary(
                    {s: end_of_plateau(run, quantity, path) for s, run in runs.items() if path in run["path"]}
                )
                for path in RUN_PATHS
            }
    return found


def _path_effects(observations: Observations, quantity: str) -> dict[str, dict[str, Any]]:
    """By path and arm, paired within a run: how much of the plateau goes when the biases move otherwise."""
    found: dict[str, dict[str, Any]] = {}
    for path in ("homogeneous", "no_last_bias"):
        arms = {arm: _path_effect(observations, arm, quantity, path) for arm in observations.arms()}
        found[path] = {arm: effect(values) for arm, values in arms.items() if values}
    return {path: of_arms for path, of_arms in found.items() if of_arms}


def _bias_effects(observations: Observations, quantity: str) -> dict[str, Any]:
    """Every pair of the store's arms that differ in `bias=last` and `bias=none` alone."""
    arms = [arm for arm in observations.arms() if "bias=last" in arm]
    pairs = {arm: arm.replace("bias=last", "bias=none") for arm in arms}
    return {
        arm: effect(observations.paired(arm, other, lambda run: end_of_plateau(run, quantity)))
        for arm, other in pairs.items()
        if other in observations.arms()
    }


def _check(observations: Observations) -> tuple[Check, ...]:
    runs = list(observations.arm("centre").values())
    return (start_near_zero(runs), no_hidden_bias(runs), unequal_biases(runs))


CLAIM = Claim(
    id="C3",
    title="Biases decide what one sees",
    statement="What interpolation shows of a deep network depends heavily on its biases: on whether "
    "there are any, and on how they are interpolated.",
    source="A3; T5 for the homogeneous path",
    hypotheses="T5 assumes zero initial weights; the networks start at half of He's scale.",
    prediction="The error plateau of the same trained network is shorter when biases are interpolated as "
    "alpha^l, and shorter in a network trained without biases.",
    criteria=(
        Criterion(
            key="error_linear_minus_homogeneous",
            about="error",
            measures="the end of the error plateau on the linear path minus that on the homogeneous path "
            "of the same trained network (centre)",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason=_REASON,
        ),
        Criterion(
            key="error_last_minus_none",
            about="error",
            measures="the end of the error plateau with a last-layer bias (centre) minus that without "
            "any bias",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason=_REASON,
        ),
    ),
    measure=_measure,
    arms=("centre", "bias-none"),
    check=_check,
)
