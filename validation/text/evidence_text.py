"""The evidence of a claim, nested dicts of numbers, as Markdown lists and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["MOST_ROWS", "evidence_lines", "evidence_markdown", "number"]

MOST_ROWS = 12  # of a table in the report itself: the star's seven arms and a few more


def number(value: float | None) -> str:
    """Three significant digits, no zero with a minus sign, a dash for what is undefined."""
    return "–" if value is None else f"{value:z.3g}"


def evidence_markdown(claims: Sequence[Mapping[str, Any]]) -> str:
    """evidence.md: all further numbers of every claim, tables of any length."""
    parts = [
        "# Further numbers\n\nBeside the claims of report.md; they decide nothing. Means over seeds, then "
        "the range. Every seed's number is in report.json."
    ]
    for claim in claims:
        lines = list(evidence_lines(claim["evidence"]))
        parts.append(f"## {claim['id']} {claim['title']}\n\n" + ("\n".join(lines) if lines else "None."))
    return "\n\n".join(parts) + "\n"


def evidence_lines(
    evidence: Mapping[str, Any], depth: int = 0, most_rows: int | None = None
) -> Iterator[str]:
    """Markdown lines: a mapping whose entries share their keys becomes a table, any other a nested list.

    What holds no number and no word, an arm without runs for instance, is left out. Of a table of more than
    `most_rows` rows those of the star's arms are kept, and it is said where the others are.
    """
    for key, item in evidence.items():
        value = _filled(item)
        words = "  " * depth + f"- {_words(key)}"
        if _is_cell(value):
            yield f"{words}: {_cell(value)}"
        elif _is_table(value):
            kept = _kept_rows(value, most_rows)
            yield f"{words}:\n"
            yield from _table(kept)
            if len(kept) < len(value):
                yield f"\n{len(value) - len(kept)} more rows are in evidence.md."
            yield ""
        elif value:
            yield words
            yield from evidence_lines(value, depth + 1, most_rows)


def _kept_rows(value: Mapping[str, Any], most_rows: int | None) -> Mapping[str, Any]:
    if most_rows is None or len(value) <= most_rows:
        return value
    of_the_star = {name: row for name, row in value.items() if "/" not in name}
    return dict(list((of_the_star or value).items())[:most_rows])


def _filled(value: Any) -> Any:
    """Without entries that are empty mappings or lists, or hold only such; a list of mappings is numbered."""
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        value = {str(number): item for number, item in enumerate(value, 1)}
    if not isinstance(value, Mapping) or "by_seed" in value:
        return value
    items = {key: _filled(item) for key, item in value.items()}
    return {key: item for key, item in items.items() if not isinstance(item, Mapping | list) or item}


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):  # a summary over seeds
        seen = [item for item in value["by_seed"].values() if item is not None]
        if not seen:
            return "–"
        low, high = number(min(seen)), number(max(seen))
        return low if low == high else f"{number(value.get('mean'))} ({low} to {high})"
    if isinstance(value, list):
        return (" to " if len(value) == 2 else ", ").join(map(_cell, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
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
