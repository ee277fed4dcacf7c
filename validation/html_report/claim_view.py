"""One claim of a report, as the page takes it: words and tables for its template, numbers for its plots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from validation.claims.claim_figures import CLAIM_FIGURES
from validation.html_report.blocks import blocks, legible
from validation.html_report.theorem_rows import theorems_of
from validation.text.mean_intervals import interval_or_range, mean_interval

__all__ = ["plotted_claim", "shown_claim"]

# What the template shows by name; any other key is shown as nested numbers and words.
_CLAIM = frozenset(
    {"id", "title", "statement", "source", "scope", "hypotheses", "prediction", "rule", "needs"}
    | {"n_seeds_needed", "level", "verdict", "missing", "p_support", "p_against", "p_holm"}
    | {"criteria", "left_out_criteria", "checks"}
)
_CRITERION = frozenset(
    {"key", "about", "measures", "side", "threshold", "effect_size", "unit", "reason", "can_refute"}
    | {"by_seed", "undefined_seeds", "mean", "interval_95_percent", "p_support", "p_against"}
    | {"judged", "only_with", "predicted"}
)
_CHECK = ("hypothesis", "state", "met", "of", "mean", "smallest", "largest", "how")
_PLOTTED = (
    *("key", "by_seed", "threshold", "side", "effect_size", "unit", "mean", "interval_95_percent"),
    "predicted",
)
_IS_OURS = re.compile(r"C\d+").fullmatch
# The claims that a figure of `mli validate` shows; for those of `mli figures` the reader's page says it.
_OF_THE_MAIN_JOB = {
    "centre_curve": ("C1", "C3", "C9"),
    "plateau_end": ("C5",),
    "power_model_time": ("C6",),
}


def shown_claim(claim: Mapping[str, Any], figures: Sequence[str]) -> dict[str, Any]:
    """A claim as its template takes it: every known key, the others as nested numbers and words."""
    found = {key: claim.get(key) for key in _CLAIM}
    of_the_claim = CLAIM_FIGURES.get(claim["id"], ())
    found["figures"] = [
        name for name in figures if name in of_the_claim or claim["id"] in _OF_THE_MAIN_JOB.get(name, ())
    ]
    found["theorems"] = theorems_of(claim["id"])
    found["code"] = f"validation/claims/{claim['id'].lower()}.py" if _IS_OURS(claim["id"]) else ""
    found["checks"] = [[legible(check.get(key)) for key in _CHECK] for check in claim.get("checks") or []]
    found["criteria"] = [
        {key: criterion.get(key) for key in _CRITERION}
        | {"interval_95_percent": mean_interval(criterion), "spread": interval_or_range(criterion)}
        | {"theory_says": _theory_says(criterion), "predicted": _predictions(criterion)}
        | {"further": blocks(_rest(criterion, _CRITERION))}
        for criterion in claim["criteria"]
    ]
    found["further"] = blocks(_rest(claim, _CLAIM | {"evidence"}))
    found["evidence"] = blocks(claim.get("evidence", {}))
    return found


def plotted_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a claim that the page plots, for its scripts."""
    return {
        "id": claim["id"],
        "criteria": [
            {key: c.get(key) for key in _PLOTTED} | {"interval_95_percent": mean_interval(c)}
            for c in claim["criteria"]
        ],
    }


def _theory_says(criterion: Mapping[str, Any]) -> str:
    """Each law's mean behind the sign that its plot has for it (SYMBOLS of claim_plots.js)."""
    laws = enumerate((criterion.get("predicted") or {}).items())
    told = [(i, name, law["mean"]) for i, (name, law) in laws if law.get("mean") is not None]
    return "; ".join(f"{'◇□△▽'[i % 4]} {legible(mean)} {name}" for i, name, mean in told)


def _predictions(criterion: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            law,
            legible(found.get("mean")),
            _range(mean_interval(found)),
            legible(found.get("measured_minus_predicted")),
            _range(mean_interval(found, "measured_minus_predicted_interval_95_percent")),
        ]
        for law, found in (criterion.get("predicted") or {}).items()
    ]


def _rest(mapping: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in known}


def _range(ends: Sequence[float | None] | None) -> str:
    return f"{legible(ends[0])} to {legible(ends[1])}" if ends else "–"
