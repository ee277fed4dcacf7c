"""The page "Where the account fails": expected and found, with numbers, from a record of verdicts.

Every number about networks and about the main job's simple model is the record's. What the other experiments
on the simple model found beside theory.md is `validation.theory_errata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.evidence_text import number
from validation.reader_page import made_from
from validation.theory_errata import THEORY_ERRATA

__all__ = ["where_it_fails_markdown"]

_INTRODUCTION = """\
# Where the account fails

Every place where the paper's account (A1 to A6, quoted in [reproduce_the_paper.md](reproduce_the_paper.md)),
the theory or a prediction of ours did not hold on our runs, or could not be shown to. Numbers are means over
seeds (smallest to largest seed; number of seeds). "Plateau's end" is the first alpha at which a tenth of the
whole fall is spent.
"""
_STAR = ("centre", "bias-none", "scale-0.7", "scale-1.0", "depth-4", "depth-2")
_ZERO, _ENDS, _PROBE = "zero initial weights (T1 to T5)", "from the end points (M2)", "from probes (M1)"


def where_it_fails_markdown(record: Mapping[str, Any]) -> str:
    """The page, from `validation.verdict_record.record_of`'s record.

    What the record has no runs for is said to be missing.
    """
    evidence = {claim["id"]: claim["evidence"] for claim in record["claims"]}
    parts = [_INTRODUCTION, made_from(record), "## Claims without support\n", *_unsupported(record)]
    for title, section in _SECTIONS.items():
        try:
            words = section(evidence)
        except KeyError as missing:
            words = f"Not in these runs (no {missing.args[0]}).\n"
        parts += [f"## {title}\n", words]
    return "\n".join([*parts, THEORY_ERRATA])


def _unsupported(record: Mapping[str, Any]) -> list[str]:
    parts = []
    for claim in record["claims"]:
        if claim["verdict"] == "supported":
            continue
        failed = [
            f"- {c['measures']}: {number(c['mean'])} "
            f"({'–' if c['interval_95_percent'] is None else _to(*c['interval_95_percent'])}), "
            f"claimed {c['side']} {c['threshold']:g} {c['unit']}, {c['seeds']} seeds"
            for c in claim["criteria"]
            if c["judged"] and not _clearly_held(c)
        ]
        head = f"**{claim['id']} {claim['title']}: {claim['verdict']}.** {claim['statement']}"
        missing = f" {claim['missing'][:1].upper()}{claim['missing'][1:]}." if claim["missing"] else ""
        scope = f"Judged on: {claim['scope']}.{missing}"
        shown = ["What does not hold, or not surely (mean and its 95 % interval):", "", *failed]
        parts.append("\n".join([head, "", scope, *(["", *shown] if failed else []), ""]))
    return parts or ["None: all nine are supported.\n"]


def _clearly_held(criterion: Mapping[str, Any]) -> bool:
    """Whether the whole interval lies on the claimed side."""
    if criterion["interval_95_percent"] is None:
        return False
    low, high = criterion["interval_95_percent"]
    return bool(
        low > criterion["threshold"] if criterion["side"] == "above" else high < criterion["threshold"]
    )


def _loss_plateau(evidence: Mapping[str, Any]) -> str:
    ends = evidence["C5"]["plateau_end_measured_and_predicted"]
    doses = {quantity: evidence["C5"][f"{quantity}_dose_and_response"] for quantity in ("error", "loss")}
    rows = [
        [
            f"{depth}",
            *(
                _seeds(ends[f"depth_and_bias/depth={depth},bias={bias}"][f"{quantity}, measured"])
                for quantity in ("error", "loss")
                for bias in ("last", "none")
            ),
        ]
        for depth in (2, 4, 6, 8, 10)
        if f"depth_and_bias/depth={depth},bias=last" in ends
    ]
    gaps = [
        [key.split("_")[1], *(_seeds(dose[key]) for dose in doses.values())]
        for key in doses["error"]
        if key.startswith("gap_")
    ]
    adam = ends.get("initial_scale/init_scale=0.5")
    return (
        "**Expected (A4).** With unequal last-layer biases on a deep network both plateaus, of the error "
        "and of "
        "the loss, are longer. **Found.** The plateau's end by depth, fully connected, digits, initial "
        "scale 0.5, "
        "SGD with momentum; runs that missed the target are left out, so the columns of one depth need not "
        "have "
        "the same seeds:\n\n"
        + _table(["depth", "error, last bias", "error, no bias", "loss, last bias", "loss, no bias"], rows)
        + "\nThe bias imposed, depth 8: how much later a gap (nats) makes the end than none does:\n\n"
        + _table(["gap", "error", "loss"], gaps)
        + (
            "\nDepth alone does not decide it: at depth 10 with a last bias, the same scale and Adam in "
            "place of "
            f"SGD the plateaus end at {_seeds(adam['error, measured'])} (error) and "
            f"{_seeds(adam['loss, measured'])} (loss).\n"
            if adam
            else ""
        )
    )  # fmt: skip


def _bump(evidence: Mapping[str, Any]) -> str:
    heights, predicted = (
        evidence["C8"][key] for key in ("by_arm", "predicted_height_with_zero_initial_weights")
    )
    rows = [[arm, _seeds(found, 4)] for arm, found in heights.items() if arm == "centre" or found["mean"]]
    return (
        "**Expected (T4).** On balanced data the loss of a trained network with unequal biases first rises "
        "above "
        f"its start; from zero initial weights, by {_seeds(predicted, 4)} nats on the centre's runs. "
        f"**Found.** "
        "The height in nats, for the centre and every arm with a run that rises:\n\n"
        + _table(["arm", "height"], rows)
        + "\nAll other arms on balanced data: 0 in every run.\n"
    )


def _late(evidence: Mapping[str, Any]) -> str:
    arms = evidence["C9"]["linear_path_by_arm"]
    degrees = evidence["C4"].get("degree_of_the_signal_at_the_trained_end", {})
    rows = [
        [
            arm,
            _degree(degrees.get(arm)),
            *(_seeds(arms[arm][key]) for key in ("worst_loss_error", "worst_error_rate_error")),
            *(
                f"{number(arms[arm][f'{q}_plateau_end_predicted']['mean'])}, "
                f"{number(arms[arm][f'{q}_plateau_end_measured']['mean'])}"
                for q in ("error", "loss")
            ),
        ]
        for arm in _STAR
        if arm in arms
    ]
    return (
        "**Expected (T1 to T5).** From zero initial weights the signal grows with the degree of its layers. "
        "**Found.** Real initial weights keep a part of each layer's response, so the signal is there "
        "earlier and the prediction late:\n\n"
        + _table(
            [
                *("arm", "degree at the end, of layers", "loss, worst (nats)", "error, worst"),
                *("error plateau's end: predicted, measured", "loss plateau's end: predicted, measured"),
            ],
            rows,
        )
    )


def _degree(found: Mapping[str, Any] | None) -> str:
    return "–" if not found else f"{number(found['effective_degree']['mean'])} of {found['layers']:g}"


def _laws(evidence: Mapping[str, Any]) -> str:
    laws = evidence["C9"]["laws_compared"]
    ends = evidence["C5"]["plateau_end_measured_and_predicted"]
    rows = [
        [arm, *(_seeds(laws[quantity].get(law, {}).get(arm, {}).get("worst"))
            for quantity in ("loss", "error") for law in (_ENDS, _PROBE))]
        for arm in laws["loss"][_ENDS]
    ]  # fmt: skip
    undefined = [arm for arm in ends if ends[arm][f"error, {_ENDS}"]["n"] < ends[arm]["error, measured"]["n"]]
    at_full_scale = ""
    if "scale-1.0" in ends:
        measured, *said = (_seeds(ends["scale-1.0"][f"loss, {what}"]) for what in ("measured", _ENDS, _PROBE))
        at_full_scale = (
            f"\nAt He's full scale (scale-1.0) the loss plateau ends at {measured}; M2 says {said[0]}, "
            f"M1 {said[1]}.\n"
        )
    return (
        "**Expected (M1, M2, measured laws of ours).** The trained signal times a gain, from both ends "
        "(M2) or from "
        "probes (M1), gives the line. **Found.** The largest difference over alpha:\n\n"
        + _table(["arm", "loss (nats), M2", "loss, M1", "error, M2", "error, M1"], rows)
        + at_full_scale
        + f"\nM2 has no error plateau for some or all runs of {len(undefined)} of {len(ends)} arms: it "
        f"puts a small "
        "multiple of the trained signal at alpha = 0, which classifies as the trained network does.\n"
    )


def _order(evidence: Mapping[str, Any]) -> str:
    arms = evidence["C6"]["learning_order_and_bias_order_of_networks"]
    rows = [
        [
            arm,
            _seeds(found["rank_correlation_of_bias_and_epoch"]),
            f"{found['of_them_it_has_the_largest_bias']} of {found['runs_with_one_class_learned_last']}",
        ]
        for arm, found in arms.items()
    ]
    return (
        "**Expected (T10, A5).** In the simple model the class that is learned last has the largest bias. "
        "**Found.** In networks on balanced data, rank correlation of bias and learning epoch over the "
        "classes, "
        "and runs in which the one class learned last has the largest bias:\n\n"
        + _table(["arm", "rank correlation", "largest bias"], rows)
    )


def _practical(evidence: Mapping[str, Any]) -> str:
    error, loss = (evidence["C7"][f"{quantity}_last_minus_none"] for quantity in ("error", "loss"))
    return (
        "**Expected (A6).** A last-layer bias lengthens the plateau by more than 0.05. **Found.** The "
        "plateau's end "
        "with it minus that without any bias:\n\n"
        + _table(
            ["network", "error", "loss"], [[name, _seeds(error[name]), _seeds(loss[name])] for name in error]
        )
    )


def _simple_model(evidence: Mapping[str, Any]) -> str:
    found = evidence["C6"]["simple_model"]
    ends = found["T11_plateau_end_of_the_simple_model"]
    broken = [
        f"- {words}: {holds['hold']} of {holds['runs']} runs"
        for words, holds in found["statements_that_hold"].items()
        if holds["hold"] < holds["runs"]
    ]
    free = ends["measured, where the last class has not escaped"]["n"]
    return (
        f"Starts with off-diagonal weights, outside T10's proof. {free} of {found['runs']} end without an "
        f"escape of "
        "the last class, which T11's laws assume; the others learn every class by its weight. T9's times "
        "are off by "
        f"{_seeds(found['T9_relative_error_of_the_times_at_which_classes_are_learned'], 3)} (relative). "
        f"Statements "
        "that do not hold in all runs:\n\n" + "\n".join(broken or ["- none"]) + "\n"
    )


_SECTIONS = {
    "The loss plateau and the bias (A4, C5)": _loss_plateau,
    "The loss bump (T4, C8)": _bump,
    "The homogeneous prediction (T1 to T5, C9)": _late,
    "Laws from both ends and from probes (M1, M2)": _laws,
    "Which class has the largest bias (T10, C6)": _order,
    "Practical networks (A6, C7)": _practical,
    "The simple model in the main job (T9 to T11)": _simple_model,
}


def _table(columns: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "No such run.\n"
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _seeds(summary: Mapping[str, Any] | None, digits: int = 2) -> str:
    if not summary or summary["mean"] is None:
        return "–"
    mean, low, high = (f"{summary[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high}; {summary['n']})"


def _to(low: float, high: float) -> str:
    return f"{number(low)} to {number(high)}"
