"""Where the paper's sentences (A1 to A6) do not hold, or not everywhere: sections of the page of failures.

Each takes the evidence that a record keeps, by claim, and raises KeyError where the record lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.docs_pages.failure_tables import STAR, Evidence, over_seeds, table

__all__ = ["SECTIONS_OF_THE_ACCOUNT"]


def _monotone(evidence: Evidence) -> str:
    shapes = {quantity: evidence["C1"][quantity] for quantity in ("error", "loss")}
    arms = [arm for arm in shapes["error"] if arm in STAR or arm.startswith("depth_and_bias/")]
    shown = [arm for arm in arms if arm in STAR or not all(_always(of[arm]) for of in shapes.values())]
    rows = [[arm, *(cell for of in shapes.values() for cell in _rises(of[arm]))] for arm in shown]
    hidden = len(arms) - len(shown)
    end = next(
        (
            c
            for c in evidence["C1"].get("checks", ())
            if c["hypothesis"].startswith("every sample is correct")
        ),
        None,
    )
    return (
        "**Expected (A1, T3).** Loss and error fall monotonically; from zero initial weights, "
        "with biases in the last layer alone, the error rises by no more than the trained network's (T3). "
        "**Found.** Runs whose curve rises by at "
        "most 1 % of its fall, and the arm's largest rise as a share of the run's fall. C1 pools the star's "
        "arms, so its verdict is not one about the deep ones with biases:\n\n"
        + table(["arm", "error: runs", "error: largest rise", "loss: runs", "loss: largest rise"], rows)
        + (
            f"\nIn the other arms of depth_and_bias ({hidden}) every run has both curves monotone.\n"
            if hidden
            else ""
        )
        + (
            f"\nThe error of the star's trained networks is at most {end['largest']:.4f}, so T3's bound on "
            "the rise fails too wherever the error rises by more than that.\n"
            if end and end["largest"] is not None
            else ""
        )
    )


def _always(shape: Mapping[str, Any]) -> bool:
    return bool(shape["rise_within_1_percent"] == shape["runs"])


def _rises(shape: Mapping[str, Any]) -> tuple[str, str]:
    largest = shape["largest_rise_over_fall"]
    return (
        f"{shape['rise_within_1_percent']} of {shape['runs']}",
        "–" if largest is None else f"{100 * largest:z.1f} %",
    )


def _homogeneous_path(evidence: Evidence) -> str:
    kept = evidence["C3"]
    longer = kept["loss_linear_minus_homogeneous_bias_in_all_layers"]
    rows = [
        ["loss, bias in the last layer (centre)", over_seeds(kept["loss_linear_minus_homogeneous"], 3)],
        [
            "error, bias in every layer (bias-all)",
            over_seeds(kept["error_linear_minus_homogeneous_bias_in_all_layers"], 3),
        ],
        ["loss, bias in every layer (bias-all)", over_seeds(longer, 3)],
    ]
    return (
        "**Expected (A3, T5).** Biases interpolated as alpha^l (homogeneous) make the plateau shorter. "
        "**Found.** The plateau's end on the linear path minus that on the homogeneous path of the same "
        "network; negative where the homogeneous plateau is the longer one."
        + (
            f" With a bias in every layer it is, for the loss, in all {longer['n']} seeds."
            if longer["n"] and longer["high"] < 0
            else ""
        )
        + "\n\n"
        + table(["curve and network", "linear minus homogeneous"], rows)
        + "\nC3 judges the error of the centre.\n"
    )


def _held(evidence: Evidence) -> str:
    rows = [
        [arm, *_holders(found), over_seeds(found["length"])]
        for arm, found in evidence["C5"]["held_by_one_class"].items()
        if "bias-none" not in arm and "bias=none" not in arm
    ]
    return (
        "**Expected (T2).** On the plateau one class has every prediction, that of the largest last-layer "
        "bias. **Found.** Runs in which a class has 99 % of the predictions somewhere on the line, by which "
        "class it is, and the length in alpha of the longest such interval (0 where there is none):\n\n"
        + table(["arm", "runs", "class of the largest bias", "another class", "no class", "length"], rows)
    )


def _holders(found: Mapping[str, Any]) -> list[str]:
    runs, held = found["runs"], found["runs_with_such_an_interval"]
    largest = found["runs_in_which_it_is_the_class_of_the_largest_bias"]
    return [str(count) for count in (runs, largest, held - largest, runs - held)]


def _loss_plateau(evidence: Evidence) -> str:
    ends = evidence["C5"]["plateau_end_measured_and_predicted"]
    doses = {quantity: evidence["C5"][f"{quantity}_dose_and_response"] for quantity in ("error", "loss")}
    rows = [
        [
            f"{depth}",
            *(
                over_seeds(ends[f"depth_and_bias/depth={depth},bias={bias}"][f"{quantity}, measured"])
                for quantity in ("error", "loss")
                for bias in ("last", "none")
            ),
        ]
        for depth in (2, 4, 6, 8, 10)
        if f"depth_and_bias/depth={depth},bias=last" in ends
    ]
    gaps = [
        [key.split("_")[1], *(over_seeds(dose[key]) for dose in doses.values())]
        for key in doses["error"]
        if key.startswith("gap_")
    ]
    adam = ends.get("initial_scale/init_scale=0.5")
    return (
        "**Expected (A4).** With unequal last-layer biases on a deep network both plateaus, of the error "
        "and of the loss, are longer. **Found.** The plateau's end by depth, fully connected, digits, "
        "initial scale 0.5, SGD with momentum; runs that missed the target are left out, so the columns of "
        "one depth need not have the same seeds:\n\n"
        + table(["depth", "error, last bias", "error, no bias", "loss, last bias", "loss, no bias"], rows)
        + "\nThe bias imposed, depth 8: how much later a gap (nats) makes the end than none does:\n\n"
        + table(["gap", "error", "loss"], gaps)
        + (
            "\nDepth alone does not decide it: at depth 10 with a last bias, the same scale and Adam in "
            "place of "
            f"SGD the plateaus end at {over_seeds(adam['error, measured'])} (error) and "
            f"{over_seeds(adam['loss, measured'])} (loss).\n"
            if adam
            else ""
        )
    )  # fmt: skip


def _bump(evidence: Evidence) -> str:
    heights, predicted = (
        evidence["C8"][key] for key in ("by_arm", "predicted_height_with_zero_initial_weights")
    )
    rows = [[arm, over_seeds(found, 4)] for arm, found in heights.items() if arm == "centre" or found["mean"]]
    return (
        "**Expected (T4).** On balanced data the loss of a trained network with unequal biases first rises "
        f"above its start; from zero initial weights, by {over_seeds(predicted, 4)} nats on the centre's "
        "runs. **Found.** The height in nats, for the centre and every arm with a run that rises:\n\n"
        + table(["arm", "height"], rows)
        + "\nAll other arms on balanced data: 0 in every run.\n"
    )


def _order(evidence: Evidence) -> str:
    arms = evidence["C6"]["learning_order_and_bias_order_of_networks"]
    rows = [
        [
            arm,
            over_seeds(found["rank_correlation_of_bias_and_epoch"]),
            f"{found['of_them_it_has_the_largest_bias']} of {found['runs_with_one_class_learned_last']}",
        ]
        for arm, found in arms.items()
    ]
    return (
        "**Expected (T10, A5).** In the power model the class that is learned last has the largest bias. "
        "**Found.** In networks on balanced data, rank correlation of bias and learning epoch over the "
        "classes, and runs in which the one class learned last has the largest bias:\n\n"
        + table(["arm", "rank correlation", "largest bias"], rows)
    )


def _practical(evidence: Evidence) -> str:
    error, loss = (evidence["C7"][f"{quantity}_last_minus_none"] for quantity in ("error", "loss"))
    return (
        "**Expected (A6).** A last-layer bias lengthens the plateau by more than 0.05. **Found.** The "
        "plateau's end with it minus that without any bias:\n\n"
        + table(
            ["network", "error", "loss"],
            [[name, over_seeds(error[name]), over_seeds(loss[name])] for name in error],
        )
    )


SECTIONS_OF_THE_ACCOUNT = {
    "Monotone or not (A1, T3, C1)": _monotone,
    "The homogeneous path (A3, T5, C3)": _homogeneous_path,
    "The loss plateau and the bias (A4, C5)": _loss_plateau,
    "Which class holds the predictions (T2, C5)": _held,
    "The loss bump (T4, C8)": _bump,
    "Which class has the largest bias (T10, C6)": _order,
    "Practical networks (A6, C7)": _practical,
}
