"""report.md, written from the same data as report.json, for a reader who has never seen the subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validation.claims.rule_text import claims_in_words, judgement, p_of_a_claim
from validation.text.evidence_text import MOST_ROWS, evidence_lines, number
from validation.text.judged_where import verdict_there
from validation.text.mean_intervals import interval_or_range, mean_interval

__all__ = ["report_markdown"]

_INTRODUCTION = """\
# The plateau in monotonic linear interpolation

**The line.** Train a neural network. Keep its weights from before training (the *initialisation*) and
from after it, and walk in a straight line from the one to the other: at `alpha = 0` stands the untrained
network, at `alpha = 1` the trained one, and at `alpha = 0.3` every weight is 70 % of its initial plus 30
% of its trained value. No network on the line but the last was ever trained. At each `alpha` measure the
*loss* (nats per sample) and the *error* (the share of samples classified wrongly).

**What one sees.** Usually both fall from left to right without a hill between: *monotonic linear
interpolation*, MLI. Deep networks often show a *plateau* first: for a long part of the line nothing
seems to happen, then everything at once. Its end is here the first `alpha` at which a tenth of the whole
fall is spent. Loss and error have plateaus of different length, so each claim says which of the two it
is about.

**Why.** In a network of depth *r* that starts near zero, the weights' contribution to the output (the
*signal*) grows as `alpha^r`, the last layer's *bias* as `alpha`. So at first the biases alone decide:
every sample is predicted as the class of the largest bias. The deeper the network, the longer this
lasts. That is the *homogeneous prediction*; it knows only the trained network's signal, bias and depth.
"""

_READING = """\
**What was run.** Small fully connected networks on images of handwritten digits, as a *star*: a *centre*
(depth 8, a bias in the last layer only, initial weights at half of He's scale) and *arms* that differ from
it in depth, in bias or in initial scale. Every arm is trained from the same seeds. Other *experiments* have
arms called `experiment/arm`. A trained network's weights and biases are moved in up to five ways: *linear*,
all of them along the straight line; *homogeneous*, the bias of layer l at `alpha^l`; *weights* alone, the
biases as trained throughout; *bias* alone, the weights as trained throughout; *no_last_bias*, linear with
the last layer's bias put to 0. Details are under "The runs".

**Where the claims come from.** A1 to A6 are the sentences of the abstract of Wang, Wang, Zhou and Ge,
"Plateau in Monotonic Linear Interpolation" (ICLR 2023). T1 to T5 are theorems for a network that starts
from zero: T1, when a sample is correct; T2, how long one class holds every prediction; T3, the error
cannot rise if all samples end correct; T4, on balanced data unequal biases raise the loss of a network of
three or more layers at first; T5, the homogeneous path has no error plateau. T8 to T12 are about the
*power model* (one weight for each class and input, raised to the power *r*): what it conserves (T8), when
it learns which class (T9), that from a diagonal start the class of the smallest initial weight takes the
largest bias (T10), how long its plateau is (T11), and what signs do (T12). T13 is exact for any network:
the *effective degree* with which its signal grows at the trained end, which is below the number of layers
by the share of each layer's response that its initial weights supply. M1 and M2 are measured, not proved:
real initial weights make the signal grow earlier than `alpha^r`; its growth can be read off a few hundred
samples (M1) or predicted from the two ends of the line (M2).
"""

_RECORDED_RUNS = """\
**What was run.** Networks and data nearer to practice than the star's, trained once and kept: each run is a
small file that the package carries (`validation/recorded/<experiment>/<run>.nc`: curves, history, last-layer
biases, where they come from), so that the verdicts are the same wherever the package is installed. Their
recipes are `simulations/experiments/<experiment>.toml`; of sweeps of many small runs one table is kept
(`validation/recorded/<experiment>.nc`). Arms are called `experiment/arm`. The paths are those
of the other profiles: *linear*, the straight line; *homogeneous*, the bias of layer l at `alpha^l`; *weights*
alone, the biases as trained; *no_last_bias*, linear with the last layer's bias put to 0. A1 to A6 are the
sentences of the abstract of Wang, Wang, Zhou and Ge, "Plateau in Monotonic Linear Interpolation" (ICLR 2023);
T1 to T14 are theorems and M1, M2 measured laws of docs/theory/theory.md.
"""

_FIGURES = """\
![The centre's loss and error on the line, with the prediction](figures/centre_curve.png)

*The centre and its twin without bias: means over seeds, bands from the smallest to the largest seed. Dotted
the theory for zero initial weights, dashed the product law from both ends (M2).*

![Plateau's end by depth, bias and initial scale](figures/plateau_end.png)

*Where the plateau ends against depth, by bias, and against initial scale. Small dots are seeds, lines their
means; black lines are predictions for a bias in the last layer.*

![The power model's weights and biases over time](figures/power_model_time.png)

*The power model: each class's own weight and its bias over time, T9's learning times dotted. On the right,
where there is one, a start whose last class escapes its bias after all.*
"""


def report_markdown(data: Mapping[str, Any]) -> str:
    """The whole report; `data` is `validation.report.report_data`'s."""
    if "protocol" not in data["job"]:  # the star is not judged
        return "\n".join(
            [
                _INTRODUCTION,
                _RECORDED_RUNS,
                _verdict_table(data),
                _how_it_is_judged(data),
                *map(_claim, _counted_claims(data)),
                "## The runs\n",
                *_table_of_arms(data["runs"]),
                *_tables(data),
                _left_out_and_versions(data),
            ]
        )
    parts = [_INTRODUCTION, _READING]
    if data["job"]["name"] == "smoke":
        parts.append(
            "**This is a smoke run**: few seeds, little data, short training. It shows that everything "
            "runs and decides nothing.\n"
        )
    parts += [_verdict_table(data), _FIGURES, _how_it_is_judged(data)]
    parts += map(_claim, _counted_claims(data))
    parts += [_where_it_fails(data), _runs(data)]
    return "\n".join(parts)


def _tables(data: Mapping[str, Any]) -> list[str]:
    return [
        f"One table (`validation/recorded/{t['experiment']}.nc`): {t['runs']} of {t['planned']} runs of "
        f"{t['experiment']}, seeds {t['seeds'].replace(' ', ', ')}, made {t['made']}.\n"
        for t in data["tables"]
    ]


def _how_it_is_judged(data: Mapping[str, Any]) -> str:
    return "## How a claim is judged\n\n" + judgement(len(data["claims"])) + "\n"


def _counted_claims(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The claims, each told how many are judged together."""
    return [claim | {"judged_together": len(data["claims"])} for claim in data["claims"]]


def _verdict_table(data: Mapping[str, Any]) -> str:
    lines = [
        "## Verdicts\n",
        "| | claim | about | verdict | p (two-sided, Holm) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim in data["claims"]:
        about = ", ".join(dict.fromkeys(c["about"] for c in claim["criteria"]))
        p = number(claim["p_holm"])
        lines.append(f"| {claim['id']} | {claim['title']} | {about} | **{verdict_there(claim)}** | {p} |")
    return "\n".join([*lines, "", p_of_a_claim(len(data["claims"]))]) + "\n"


def _claim(claim: Mapping[str, Any]) -> str:
    lines = [
        f"## {claim['id']} {claim['title']}: {verdict_there(claim)}\n",
        f"{claim['statement']} (Source: {claim['source']}.)\n",
        f"*Judged on.* {claim['scope']}.\n",
        f"*Hypotheses.* {claim['hypotheses']}\n",
        f"*Predicted.* {claim['prediction']}\n",
        "*Measured.*\n",
        "| about | for each seed | claimed | mean | 95 % interval | seeds | p for, one-sided | p against |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_criterion_row(c) for c in claim["criteria"]),
        "\n*Why these thresholds.*\n",
        *dict.fromkeys(f"- {c['threshold']:g} {c['unit']}: {c['reason']}." for c in claim["criteria"]),
        "\n" + _conclusion(claim),
        *_predictions(claim),
        *_checks(claim),
    ]
    evidence = list(evidence_lines(claim["evidence"], most_rows=MOST_ROWS))
    if evidence:
        lines += ["\n*Further numbers*, which decide nothing (mean over seeds, then the range):\n", *evidence]
    return "\n".join(lines) + "\n"


def _predictions(claim: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {c['key'].replace('_', ' ')} | {law} | {number(found['mean'])} | "
        f"{_range(mean_interval(found))} | {number(found['measured_minus_predicted'])} | "
        f"{_range(mean_interval(found, 'measured_minus_predicted_interval_95_percent'))} |"
        for c in claim["criteria"]
        for law, found in c["predicted"].items()
        if found["mean"] is not None
    ]
    if not rows:
        return []
    return [
        "\n*What the theory says of the same numbers*: its mean over seeds and 95 % interval, and the mean "
        "of measured minus predicted, seed by seed.\n",
        "| criterion | law | predicted | 95 % interval | measured minus predicted | 95 % interval |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def _checks(claim: Mapping[str, Any]) -> list[str]:
    return [
        "\n*The hypotheses, looked at on the runs.*\n",
        "| hypothesis | what was looked at | state | runs | mean | range |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {c['hypothesis']} | {c['how']} | **{c['state']}** | {c['met']} of {c['of']} | "
            f"{number(c['mean'])} | {_range((c['smallest'], c['largest']))} |"
            for c in claim["checks"]
        ),
    ]


def _range(ends: Sequence[float | None] | None) -> str:
    low, high = ends or (None, None)
    return "–" if low is None or high is None else f"{number(low)} to {number(high)}"


def _criterion_row(criterion: Mapping[str, Any]) -> str:
    seeds = str(len(criterion["by_seed"]) - len(criterion["undefined_seeds"]))
    if criterion["undefined_seeds"]:
        seeds += f" (undefined: {', '.join(map(str, criterion['undefined_seeds']))})"
    return (
        "| "
        + " | ".join(
            [
                criterion["about"],
                criterion["measures"],
                f"{criterion['side']} {criterion['threshold']:g} {criterion['unit']} "
                f"(effect size {criterion['effect_size']:g})",
                f"**{number(criterion['mean'])}**",
                interval_or_range(criterion),
                seeds,
                number(criterion["p_support"]),
                number(criterion["p_against"]),
            ]
        )
        + " |"
    )


def _conclusion(claim: Mapping[str, Any]) -> str:
    if claim["p_holm"] is None:
        return f"**Undecided**: this needs {claim['needs']}. {claim['missing']}."
    verdict = verdict_there(claim)
    p_for, p_against, p_holm = (number(claim[key]) for key in ("p_support", "p_against", "p_holm"))
    return (
        f"**{verdict[:1].upper()}{verdict[1:]}**: all criteria together give p = {p_for} for the claim and "
        f"{p_against} against it; corrected over the {claims_in_words(claim['judged_together'])} claims and "
        f"both directions, {p_holm}."
        + (_what_failed(claim) if claim["verdict"] == "refuted" else "")
        + _left_out(claim)
    )


def _left_out(claim: Mapping[str, Any]) -> str:
    left_out = claim["left_out_criteria"]
    names = "; ".join(f"{c['key'].replace('_', ' ')} (it needs {c['only_with']})" for c in left_out)
    return f" Judged without {names}." if left_out else ""


def _what_failed(claim: Mapping[str, Any]) -> str:
    """The criteria that refute, by name, and how the others stand."""
    refuters = [c for c in claim["criteria"] if c["can_refute"] and c["judged"]]
    failed = [c for c in refuters if len(refuters) * c["p_against"] <= claim["level"]]
    others = [c for c in claim["criteria"] if c["judged"] and c not in failed]
    held = sum((c["mean"] - c["threshold"] > 0) == (c["side"] == "above") for c in others)
    words = "; ".join(
        f"{c['measures']} (mean {number(c['mean'])}, claimed {c['side']} {c['threshold']:g} {c['unit']})"
        for c in failed
    )
    rest = f" Of the other {len(others)} means {held} lie on the claimed side." if others else ""
    return f" What fails is {words}.{rest}"


def _where_it_fails(data: Mapping[str, Any]) -> str:
    arms = next(c for c in data["claims"] if c["id"] == "C9")["evidence"].get("linear_path_by_arm", {})
    if not arms:
        return "## Where the prediction fails\n\nNo run to compare it with.\n"
    worst = max(arms, key=lambda arm: arms[arm]["worst_loss_error"]["mean"] or 0.0)
    lines = [
        "## Where the prediction fails\n",
        f"The homogeneous prediction is furthest from the measured loss in the arm **{worst}**: by up to "
        f"{number(arms[worst]['worst_loss_error']['mean'])} nats at the worst alpha, on the average of "
        f"its seeds. It assumes that training starts from zero; real initial weights are not zero, so "
        f"the signal is there long before `alpha^r` says so.\n",
        "| arm | loss: worst difference (nats) | error: worst difference | error plateau's end: "
        "predicted | measured | loss plateau's end: predicted | measured |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    shown = {arm: found for arm, found in arms.items() if "/" not in arm} or arms
    for arm, found in shown.items():
        cells = [found["worst_loss_error"]["mean"], found["worst_error_rate_error"]["mean"]]
        for quantity in ("error", "loss"):
            cells += [found[f"{quantity}_plateau_end_{which}"]["mean"] for which in ("predicted", "measured")]
        lines.append(f"| {arm} | " + " | ".join(number(cell) for cell in cells) + " |")
    more = f" {len(arms) - len(shown)} more arms are in evidence.md." if len(shown) < len(arms) else ""
    lines.append(
        f"\nMeans over seeds; a dash is a curve that does not fall, which has no plateau's end.{more}"
    )
    return "\n".join(lines) + "\n"


def _runs(data: Mapping[str, Any]) -> str:
    protocol = data["job"]["protocol"]
    model = data["job"]["power_model"]
    threads = ", ".join(map(str, data["torch_threads_of_a_run"]))
    star_runs = [run for run in data["runs"] if "/" not in run["arm"]]
    samples = " or ".join(map(str, sorted({run["n_samples"] for run in star_runs})))
    lines = [
        "## The runs\n",
        f"{data['centre']} From the centre each arm of the star changes one thing: depth (and with it the "
        f"learning rate), bias or initial scale; the seeds ({', '.join(map(str, data['job']['seeds']))}) "
        f"are the same in every arm.\n",
        f"Fully connected ReLU networks of width {protocol['width']} on {samples} samples of "
        f"`{protocol['data']}`, classes balanced, SGD with momentum {protocol['momentum']:g} in batches of "
        f"{protocol['batch_size']}, to a training loss of {protocol['target_loss']:g} nats within "
        f"{protocol['max_epochs']} epochs; {threads} torch thread(s) in each run (another count gives "
        f"other bits). Loss and error on the line are of these same training samples, at "
        f"{protocol['alphas']} alphas.\n",
        f"The power model: {model['n_classes']} classes, degree {model['degree']}, every weight "
        f"drawn from {model['scale']:g} U(0.5, 1), gradient flow to a loss of "
        f"{model['final_loss']:g} nats, {len(data['power_model_runs'])} starts (seeds "
        f"{', '.join(str(run['seed']) for run in data['power_model_runs'])}).\n",
        "| arm | depth | bias | initial scale | learning rate | runs | at the target | epochs, mean |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    by_arm: dict[str, list[Mapping[str, Any]]] = {}
    for run in data["runs"]:
        by_arm.setdefault(run["arm"], []).append(run)
    star = {arm["name"]: arm for arm in data["job"]["arms"]}
    for arm in [name for name in by_arm if name in star]:
        what = " | ".join(f"{star[arm][key]}" for key in ("depth", "bias", "init_scale", "learning_rate"))
        lines.append(f"| {arm} | {what} | {_counted(by_arm[arm])} |")
    others = [name for name in by_arm if name not in star]
    if others:
        lines += [
            "\nThe other experiments (their files are `simulations/experiments/*.toml`); with five seeds an "
            "arm is described, not tested:\n",
            *_table_of_arms([run for arm in others for run in by_arm[arm]]),
        ]
    return "\n".join([*lines, _left_out_and_versions(data)])


def _table_of_arms(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    by_arm: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        by_arm.setdefault(run["arm"], []).append(run)
    return [
        "| arm | data | network | runs | at the target | epochs, mean |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {arm} | {found[0]['data']} | {found[0].get('network', 'fcn')} | {_counted(found)} |"
            for arm, found in by_arm.items()
        ),
    ]


def _left_out_and_versions(data: Mapping[str, Any]) -> str:
    left_out = [f"{out['arm']} seed {out['seed']} ({out['reason']})" for out in data["left_out"]]
    lines = ["\nLeft out of every claim: " + ("; ".join(left_out) if left_out else "none") + ".\n"]
    lines.append("Versions: " + ", ".join(f"{name} {v}" for name, v in data["versions"].items()) + ".")
    return "\n".join(lines) + "\n"


def _counted(runs: Sequence[Mapping[str, Any]]) -> str:
    reached = [run for run in runs if run["status"] == "reached"]
    epochs = sum(run["epochs"] for run in reached) / len(reached) if reached else None
    return f"{len(runs)} | {len(reached)} | {number(epochs)}"
