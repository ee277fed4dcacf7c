"""The verdicts as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from validation.report_text import number

__all__ = ["verdict_table"]

_STYLES = {"supported": "bold green", "refuted": "bold red"}


def verdict_table(data: Mapping[str, Any]) -> Table:
    """One row a criterion: what was claimed of it and what was measured; the verdict beside the first."""
    table = Table(box=box.SIMPLE_HEAD, title="Claims, judged by the rules of `mli validate --rules`")
    table.add_column("")
    table.add_column("claim", ratio=3)
    table.add_column("about", ratio=2)
    table.add_column("claimed")
    table.add_column("measured")
    table.add_column("verdict", ratio=2)
    for claim in data["claims"]:
        for row, criterion in enumerate(claim["criteria"]):
            sign = ">" if criterion["side"] == "above" else "<"
            verdict = Text(claim["verdict"], style=_STYLES.get(claim["verdict"], "yellow"))
            table.add_row(
                claim["id"] if row == 0 else "",
                claim["title"] if row == 0 else "",
                f"{criterion['about']}: {criterion['key'].replace('_', ' ')}",
                f"{sign} {number(criterion['threshold'])}",
                number(criterion["mean"]),
                verdict if row == 0 else "",
                end_section=row == len(claim["criteria"]) - 1,
            )
    return table
