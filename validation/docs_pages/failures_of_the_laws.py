"""Where laws for zero initial weights, measured laws and the power model's theorems part from the runs.

Sections of the page of failures, like those of `validation.docs_pages.failures_of_the_account`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.docs_pages.failure_tables import STAR, Evidence, over_seeds, table
from validation.text.evidence_text import number

__all__ = ["SECTIONS_OF_THE_LAWS"]

_ZERO, _ENDS, _PROBE = "zero initial weights (T1 to T5)", "from the end points (M2)", "from probes (M1)"


def _late(evidence: Evidence) -> str:
    arms = evidence["C9"]["linear_path_by_arm"]
    degrees = evidence["C4"].get("degree_of_the_signal_at_the_trained_end", {})
    rows = [
        [
            arm,
            _degree(degrees.get(arm)),
            *(over_seeds(arms[arm][key]) for key in ("worst_loss_error", "worst_error_rate_error")),
            *(
                f"{number(arms[arm][f'{q}_plateau_end_predicted']['mean'])}, "
                f"{number(arms[arm][f'{q}_plateau_end_measured']['mean'])}"
                for q in ("error", "loss")
            ),
        ]
        for arm in STAR
        if arm in arms
    ]
    return (
        "**Expected (T1 to T5).** From zero initial weights the signal grows with the degree of its layers. "
        "**Found.** Real initial weights keep a part of each layer's response, so the signal is there "
        "earlier and the prediction late:\n\n"
        + table(
            [
                *("arm", "degree at the end, of layers", "loss, worst (nats)", "error, worst"),
                *("error plateau's end: predicted, measured", "loss plateau's end: predicted, measured"),
            ],
            rows,
        )
    )


def _degree(found: Mapping[str, Any] | None) -> str:
    return "–" if not found else f"{number(found['effective_degree']['mean'])} of {found['layers']:g}"


def _laws(evidence: Evidence) -> str:
    laws = evidence["C9"]["laws_compared"]
    ends = evidence["C5"]["plateau_end_measured_and_predicted"]
    rows = [
        [arm, *(over_seeds(laws[quantity].get(law, {}).get(arm, {}).get("worst"))
            for quantity in ("loss", "error") for law in (_ENDS, _PROBE))]
        for arm in laws["loss"][_ENDS]
    ]  # fmt: skip
    undefined = [arm for arm in ends if ends[arm][f"error, {_ENDS}"]["n"] < ends[arm]["error, measured"]["n"]]
    at_full_scale = ""
    if "scale-1.0" in ends:
        measured, *said = (
            over_seeds(ends["scale-1.0"][f"loss, {what}"]) for what in ("measured", _ENDS, _PROBE)
        )
        at_full_scale = (
            f"\nAt He's full scale (scale-1.0) the loss plateau ends at {measured}; M2 says {said[0]}, "
            f"M1 {said[1]}.\n"
        )
    return (
        "**Expected (M1, M2, measured laws of ours).** The trained signal times a gain, from both ends "
        "(M2) or from probes (M1), gives the line. **Found.** The largest difference over alpha:\n\n"
        + table(["arm", "loss (nats), M2", "loss, M1", "error, M2", "error, M1"], rows)
        + at_full_scale
        + f"\nM2 has no error plateau for some or all runs of {len(undefined)} of {len(ends)} arms: it "
        f"puts a small "
        "multiple of the trained signal at alpha = 0, which classifies as the trained network does.\n"
    )


def _power_model(evidence: Evidence) -> str:
    found = evidence["C6"]["power_model"]
    ends = found["T11_plateau_end_of_the_power_model"]
    broken = [
        f"- {words}: {holds['hold']} of {holds['runs']} runs"
        for words, holds in found["statements_that_hold"].items()
        if holds["hold"] < holds["runs"]
    ]
    free = ends["measured, where the last class has not escaped"]["n"]
    return (
        f"Starts with off-diagonal weights, outside T10's proof. {free} of {found['runs']} end without an "
        "escape of the last class, which T11's laws assume; the others learn every class by its weight. "
        "T9's times are off by "
        f"{over_seeds(found['T9_relative_error_of_the_times_at_which_classes_are_learned'], 3)} (relative). "
        "Statements that do not hold in all runs:\n\n" + "\n".join(broken or ["- none"]) + "\n"
    )


def _on_the_homogeneous_path(evidence: Evidence) -> str:
    found = evidence["C9"]["homogeneous_path_at_the_centre"]
    return (
        "**Expected (T5).** On the homogeneous path the closed form holds with biases in hidden layers too. "
        f"**Found.** At the centre it is off by {over_seeds(found['worst_loss_error'])} nats and by "
        f"{over_seeds(found['worst_error_rate_error'])} of the error at the worst alpha: the initial weights "
        "are not zero on this path either.\n"
    )


def _bounds(evidence: Evidence) -> str:
    arms = evidence["C8"]["T4_prime_bounds_by_arm"]
    keys = ("farthest_below_the_lower_bound", "farthest_above_the_upper_bound")
    return (
        "**Expected (T4').** From zero initial weights the loss lies between two bounds that the trained "
        "network's signal and biases give. **Found.** How far outside them the measured loss lies, in nats, "
        "at the alpha where it is farthest (0 where it never is):\n\n"
        + table(
            ["arm", "below the lower bound", "above the upper bound"],
            [[arm, *(over_seeds(found[key]) for key in keys)] for arm, found in arms.items()],
        )
    )


SECTIONS_OF_THE_LAWS = {
    "The homogeneous prediction (T1 to T5, C9)": _late,
    "The closed form on the homogeneous path (T5, C9)": _on_the_homogeneous_path,
    "Bounds of the loss (T4', C8)": _bounds,
    "Laws from both ends and from probes (M1, M2)": _laws,
    "The power model in the main job (T9 to T11)": _power_model,
}
