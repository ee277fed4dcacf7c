"""Words and tables of the page "Where the account fails", from the summaries of a record of verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["STAR", "Evidence", "over_seeds", "table"]

Evidence = Mapping[str, Mapping[str, Any]]
"""What a record keeps of each claim's evidence, by the claim's id."""

STAR = ("centre", "bias-all", "bias-none", "scale-0.7", "scale-1.0", "depth-4", "depth-2")


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, or the words that there is no run for it."""
    if not rows:
        return "No such run.\n"
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def over_seeds(summary: Mapping[str, Any] | None, digits: int = 2) -> str:
    """Mean (smallest to largest seed; number of seeds), no zero with a minus sign."""
    if not summary or summary["mean"] is None:
        return "–"
    mean, low, high = (f"{summary[key]:z.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high}; {summary['n']})"
