"""The reader's page "Reproduce the paper": abstract sentence, claim, command, figure, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validation.claims.claim_figures import CLAIM_FIGURES
from validation.claims.rule_text import P_OF_A_CLAIM
from validation.text.evidence_text import number
from validation.text.judged_where import verdict_there
from validation.text.mean_intervals import interval_or_range

__all__ = ["ABSTRACT", "made_from", "reproduce_markdown"]

ABSTRACT = {
    "A1": "Monotonic linear interpolation (MLI) - on the line connecting a random initialization with the "
    "minimizer it converges to, the loss and accuracy are monotonic - is a phenomenon that is commonly "
    "observed in the training of neural networks.",
    "A2": "Such a phenomenon may seem to suggest that optimization of neural networks is easy.",
    "A3": "In this paper, we show that the MLI property is not necessarily related to the hardness of "
    "optimization problems, and empirical observations on MLI for deep neural networks depend heavily on the "
    "biases.",
    "A4": "In particular, we show that interpolating both weights and biases linearly leads to very "
    "different influences on the final output, and when different classes have different last-layer biases "
    "on a deep network, there will be a long plateau in both the loss and accuracy interpolation (which "
    "existing theory of MLI cannot explain).",
    "A5": "We also show how the last-layer biases for different classes can be different even on a perfectly "
    "balanced dataset using a simple model.",
    "A6": "Empirically we demonstrate that similar intuitions hold on practical networks and realistic "
    "datasets.",
}
"""The abstract's sentences, by the names under which the claims cite them."""

_OF_THE_ABSTRACT = {  # the sentence that a claim answers to first
    "A1": ("C1",),
    "A2": ("C2",),
    "A3": ("C2", "C3"),
    "A4": ("C4", "C5"),
    "A5": ("C6",),
    "A6": ("C7",),
}
_BEYOND = ("C8", "C9")

_INTRODUCTION = """\
# Reproduce the paper

Each sentence of the abstract of X. Wang, A. N. Wang, M. Zhou and R. Ge, *Plateau in Monotonic Linear
Interpolation - A "Biased" View of Loss Landscape for Deep Networks* (ICLR 2023), the claim that it became
here, the command that judges it, the figure that shows it, and the verdict. The rules were fixed before the
runs (`mli validate --rules`). A verdict is about our runs (small networks, one machine's hours), not about
the paper's: "refuted" at a depth and scale says that our numbers there contradict the sentence as we read it.

Everything at once, from a fresh clone: `mli validate --profile standard`, then `mli figures`, then
`mli report`. A claim alone is shown by `--claim`; all nine are judged together, since their p-values are
corrected for one another.
"""


_READING = f"""\
Each row says on which networks, data and optimiser its claim is judged; another depth, scale or optimiser may
decide otherwise, and [where_the_account_fails.md](where_the_account_fails.md) says where we saw it do so. The
verdicts of all profiles are in [verdicts.md](verdicts.md).

{P_OF_A_CLAIM}
"""


def reproduce_markdown(record: Mapping[str, Any]) -> str:
    """The page, from `validation.docs_pages.verdict_record.record_of`'s record."""
    claims = {claim["id"]: claim for claim in record["claims"]}
    parts = [_INTRODUCTION, made_from(record), _READING, "## The abstract\n"]
    for sentence, ids in _OF_THE_ABSTRACT.items():
        parts.append(f"**{sentence}.** {ABSTRACT[sentence]}\n")
        parts.append(_table([claims[name] for name in ids], record["profile"]))
    parts.append("## What our theory adds\n")
    parts.append(
        "Theorems for networks that start from zero, beside networks that do not: where the paper's account "
        "is exact, and how far real initial weights are from it.\n"
    )
    parts.append(_table([claims[name] for name in _BEYOND], record["profile"]))
    parts.append("## The numbers\n")
    parts += [_numbers(claim) for claim in claims.values()]
    return "\n".join(parts)


def made_from(record: Mapping[str, Any]) -> str:
    """The line that says which runs a page's numbers and verdicts are from, and what makes them."""
    if "tables" in record or record["profile"] == "recorded":
        tables = "".join(f", {t['runs']} in the table of {t['experiment']}" for t in record.get("tables", ()))
        runs = f"{record['runs']} recorded runs of realistic networks{tables}"
    else:
        runs = f"{record['runs']} runs of networks in its store and {record['power_model_runs']} of "
        runs += "the power model"
    return (
        f"*Verdicts and numbers: profile {record['profile']}, {runs}, torch {record['torch']}. Made by "
        "`mli report --record docs`; do not edit.*\n"
    )


def _table(claims: Sequence[Mapping[str, Any]], profile: str) -> str:
    job = "--smoke" if profile == "smoke" else f"--profile {profile}"
    lines = [
        f"| claim | judged on | command | figure | verdict ({profile}) | p (two-sided, Holm) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for claim in claims:
        figures = ", ".join(f"`mli figures {name}`" for name in CLAIM_FIGURES[claim["id"]]) or "none"
        lines.append(
            f"| {claim['id']} {claim['title']} | {claim['scope']} | "
            f"`mli validate {job} --claim {claim['id']}` | {figures} | **{verdict_there(claim)}** | "
            f"{number(claim['p_holm'])} |"
        )
    return "\n".join(lines) + "\n"


def _numbers(claim: Mapping[str, Any]) -> str:
    lines = [
        f"**{claim['id']}** {claim['statement']} Judged on: {claim['scope']}."
        + (f" Missing: {claim['missing']}." if claim["missing"] else "")
        + "\n",
        "| about | for each seed | claimed | mean | 95 % interval | seeds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {c['about']} | {c['measures']} | {c['side']} {c['threshold']:g} {c['unit']} | "
        f"{number(c['mean'])} | {interval_or_range(c)} | {c['seeds']} |"
        for c in claim["criteria"]
    ]
    return "\n".join(lines) + "\n"
