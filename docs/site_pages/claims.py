"""A page a claim: what is claimed, its rule, its verdicts, and links to theorems, code, tests and figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from site_pages.links import ROOT
from site_pages.theorems import file_links, name_links, statements_of
from validation.claims import CLAIMS, REGIME_CLAIMS, Claim
from validation.claims.claim_figures import CLAIM_FIGURES
from validation.text.judged_where import verdict_there

__all__ = ["ALL_CLAIMS", "claim_files", "claim_page", "claims_index"]

ALL_CLAIMS = (*CLAIMS, *REGIME_CLAIMS)
_TESTS = "tests/validation/claims"
_SIDES = {"above": ">", "below": "<"}


def claim_files(claim: Claim) -> tuple[str, list[str]]:
    """The file that has the claim, and those of the tests that name it."""
    word = re.compile(rf"\b{claim.id}\b", re.IGNORECASE)
    tests = [path for path in sorted((ROOT / _TESTS).glob("test_*.py")) if word.search(path.read_text())]
    named = [str(path.relative_to(ROOT)) for path in tests] or [f"{_TESTS}/test_claims.py"]
    return f"validation/claims/{claim.id.lower()}.py", named


def _recorded(claim: Claim, docs: Path) -> dict[str, dict[str, Any]]:
    """By profile, what its last recorded report says of the claim."""
    found = {}
    for profile in ("quick", "standard", "full", "recorded"):
        report = json.loads((docs / "verdicts" / f"{profile}.json").read_text())
        found.update((profile, one) for one in report["claims"] if one["id"] == claim.id)
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _verdict_rows(recorded: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"| {profile} | **{verdict_there(one)}** | {_number(one['p_holm'])} | {_cell(one['scope'])} |"
        for profile, one in recorded.items()
    ]


def _number_rows(recorded: dict[str, dict[str, Any]]) -> list[str]:
    rows = []
    for profile, found in recorded.items():
        for one in found["criteria"]:
            if one["mean"] is None:
                continue
            low, high = one["interval_95_percent"] or (None, None)
            cells = (
                profile,
                _cell(one["measures"]),
                _number(one["mean"]),
                f"{_number(low)} to {_number(high)}",
                f"{_SIDES[one['side']]} {one['threshold']:g} {one['unit']}",
                str(one["seeds"]),
            )
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads), *rows])


def claim_page(claim: Claim, docs: Path) -> str:
    """The page, as Markdown."""
    code, tests = claim_files(claim)
    rules = [
        f"| {_cell(one.measures)} | {_SIDES[one.side]} {one.threshold:g} {one.unit} | {_cell(one.reason)} |"
        for one in claim.criteria
    ]
    recorded = _recorded(claim, docs)
    numbers = _number_rows(recorded)
    heads = ("profile", "for each seed", "mean", "95 % interval", "claimed", "seeds")
    measured = f"\n## The numbers\n\n{_table(heads, numbers)}\n" if numbers else ""
    return f"""# {claim.id}: {claim.title}

{claim.statement}

- **Source**: {claim.source}
- **What the source assumes**: {claim.hypotheses}
- **Prediction**: {claim.prediction}
- **Theorems**: {name_links(statements_of("claims", claim.id), "theory")}
- **Code**: {file_links([code])}
- **Tests**: {file_links(tests)}
- **Figures**: {name_links(CLAIM_FIGURES[claim.id], "generated/figures")}

## Verdicts

{_table(("profile", "verdict", "p (Holm)", "judged on"), _verdict_rows(recorded))}

What the profiles are, and all claims beside each other: [verdicts](/verdicts.md). Where the prediction fails,
with numbers: [where the account fails](/where_the_account_fails.md).
{measured}
## The rule

It was fixed before the first result. For each seed there is one number; its mean over
{claim.n_seeds} seeds or more must lie on the claimed side of the threshold. How often such rules err:
[false alarms and power](/false_alarms_and_power.md).

{_table(("for each seed", "claimed", "why this threshold"), rules)}
"""


def claims_index() -> str:
    """The page that lists them."""
    rows = [f"| [{one.id}]({one.id}.md) | {one.title} | {_cell(one.source)} |" for one in ALL_CLAIMS]
    pages = "\n".join(one.id for one in ALL_CLAIMS)
    return f"""# Claims

A page a claim: what is claimed, the rule, the verdicts, and links to theorems, code, tests and figures. C1 to
C9 are the paper's account; C10 to C15 say where it holds.

| claim | title | source |
| --- | --- | --- |
{chr(10).join(rows)}

```{{toctree}}
:hidden:

{pages}
```
"""
