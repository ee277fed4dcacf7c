"""The verdicts as a table on the terminal, legible at 80 columns."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from validation.text.evidence_text import number
from validation.text.judged_where import verdict_there

__all__ = ["verdict_table"]

_STYLES = {"supported": "bold green", "refuted": "bold red"}


def verdict_table(data: Mapping[str, Any], shown: Container[str] | None = None) -> Table:
    """One row a claim: its verdict, and each criterion's mean over seeds beside what is claimed of it.

    With `shown`, only the claims of these ids; their verdicts are the same, since all are judged together.
    """
    title = "The claims, judged by the rules of `mli validate --rules`"
    claims = [claim for claim in data["claims"] if shown is None or claim["id"] in shown]
    if len(claims) < len(data["claims"]):
        title = f"{len(claims)} of {len(data['claims'])} claims; the p-values are corrected for all of them"
    table = Table(box=box.SIMPLE_HEAD, title=title)
    table.add_column("")
    table.add_column("claim", max_width=22)
    table.add_column("verdict", max_width=20)
    table.add_column("mean over seeds (claimed)")
    for claim in claims:
        verdict = Text(verdict_there(claim), style=_STYLES.get(claim["verdict"], "yellow"))
        measured = "\n".join([*map(_criterion, claim["criteria"]), *filter(None, [claim["missing"]])])
        table.add_row(claim["id"], claim["title"], verdict, measured, end_section=True)
    return table


def _criterion(criterion: Mapping[str, Any]) -> str:
    if not criterion["judged"]:
        return f"{criterion['key'].replace('_', ' ')}: not measured"
    sign = ">" if criterion["side"] == "above" else "<"
    key = criterion["key"].replace("_", " ")
    return f"{key}: {number(criterion['mean'])} ({sign} {number(criterion['threshold'])})"
