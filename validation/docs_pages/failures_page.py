"""The page "Where the account fails": expected and found, with numbers, from a record of verdicts.

Every number is the record's. What the other experiments on the power model found beside each statement of the
theory stands in docs/theory/theory.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.docs_pages.failures_of_the_account import SECTIONS_OF_THE_ACCOUNT
from validation.docs_pages.failures_of_the_laws import SECTIONS_OF_THE_LAWS
from validation.docs_pages.reproduce_page import made_from
from validation.text.evidence_text import number
from validation.text.judged_where import verdict_there
from validation.text.mean_intervals import UNDER_TEN, interval_or_range, mean_interval

__all__ = ["where_it_fails_markdown"]

_INTRODUCTION = """\
# Where the account fails

The places that our runs show where the paper's account (A1 to A6, quoted in
[reproduce_the_paper.md](reproduce_the_paper.md)), the theory or a prediction of ours did not hold, or could
not be shown to. Numbers are means over seeds (smallest to largest seed; number of seeds). "Plateau's end" is
the first alpha at which a tenth of the whole fall is spent. "Not recorded" stands where the profile has no
such runs. One more failure is drawn and not tabled here: the order in which classes leave the plateau does
not follow their biases (`mli figures F9`; its caption has the rank correlations).
"""
_BEYOND_THE_RECORD = """\
What simulation of the power model found beside each statement of the theory stands in
[theory/theory.md](theory/theory.md).
"""


def where_it_fails_markdown(record: Mapping[str, Any]) -> str:
    """The page, from `validation.docs_pages.verdict_record.record_of`'s record.

    A section whose evidence the record lacks says "not recorded".
    """
    evidence = {
        claim["id"]: claim["evidence"] | {"checks": claim.get("checks", ())} for claim in record["claims"]
    }
    parts = [_INTRODUCTION, made_from(record), "## Claims without support\n", *_unsupported(record)]
    for title, section in (SECTIONS_OF_THE_ACCOUNT | SECTIONS_OF_THE_LAWS).items():
        try:
            words = section(evidence)
        except KeyError as missing:
            words = f"Not recorded (no {missing.args[0]}).\n"
        parts += [f"## {title}\n", words]
    return "\n".join([*parts, _BEYOND_THE_RECORD])


def _unsupported(record: Mapping[str, Any]) -> list[str]:
    parts = []
    for claim in record["claims"]:
        if claim["verdict"] == "supported":
            continue
        failed = [
            f"- {c['measures']}: {number(c['mean'])} ({interval_or_range(c)}), "
            f"claimed {c['side']} {c['threshold']:g} {c['unit']}, {c['seeds']} seeds"
            for c in claim["criteria"]
            if c["judged"] and not _clearly_held(c)
        ]
        head = f"**{claim['id']} {claim['title']}: {verdict_there(claim)}.** {claim['statement']}"
        missing = f" {claim['missing'][:1].upper()}{claim['missing'][1:]}." if claim["missing"] else ""
        scope = f"Judged on: {claim['scope']}.{missing}"
        shown = [f"What does not hold, or not surely (mean and its 95 % interval; {UNDER_TEN}):", "", *failed]
        parts.append("\n".join([head, "", scope, *(["", *shown] if failed else []), ""]))
    return parts or ["None: all nine are supported.\n"]


def _clearly_held(criterion: Mapping[str, Any]) -> bool:
    """Whether the whole interval lies on the claimed side."""
    interval = mean_interval(criterion)
    if interval is None:
        return False
    low, high = interval
    return bool(
        low > criterion["threshold"] if criterion["side"] == "above" else high < criterion["threshold"]
    )
