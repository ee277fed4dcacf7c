"""The evidence of a claim, nested dicts of numbers, as Markdown lists and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["evidence_lines", "number"]


def number(value: float | None) -> str:
    """Three significant digits, a dash for what is undefined."""
    return "–" if value is None else f"{value:.3g}"


def evidence_lines(evidence: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Markdown lines: a mapping whose entries share their keys becomes a table, any other a nested list."""
    for key, value in evidence.items():
        words = "  " * depth + f"- {_words(key)}"
        if not isinstance(value, Mapping) or "by_seed" in value:
            yield f"{words}: {_cell(value)}"
        elif _is_table(value):
            yield f"{words}:\n"
            yield from _table(value)
            yield ""
        elif value:
            yield words
            yield from evidence_lines(value, depth + 1)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):  # a summary over seeds
        seen = [item for item in value["by_seed"].values() if item is not None]
        if not seen:
            return "–"
        low, high = number(min(seen)), number(max(seen))
        return low if low == high else f"{number(value['mean'])} ({low} to {high})"
    if isinstance(value, list):
        return " to ".join(number(item) for item in value)
    return value if isinstance(value, str) else number(value)


def _is_cell(value: Any) -> bool:
    return not isinstance(value, Mapping) or "by_seed" in value


def _is_table(value: Mapping[str, Any]) -> bool:
    """Rows with the same columns of cells, or rows that are one cell each; at least two rows."""
    rows = list(value.values())
    if len(rows) < 2:
        return False
    if all(isinstance(row, Mapping) and "by_seed" in row for row in rows):
        return True
    return all(
        isinstance(row, Mapping)
        and "by_seed" not in row
        and list(row) == list(rows[0])
        and all(_is_cell(cell) for cell in row.values())
        for row in rows
    )


def _table(value: Mapping[str, Any]) -> Iterator[str]:
    rows = list(value.items())
    columns = [] if "by_seed" in rows[0][1] else list(rows[0][1])
    yield "| | " + (" | ".join(map(_words, columns)) or "over seeds") + " |"
    yield "| --- |" + " --- |" * max(1, len(columns))
    for name, row in rows:
        cells = [_cell(row[column]) for column in columns] or [_cell(row)]
        yield f"| {_words(name)} | " + " | ".join(cells) + " |"
