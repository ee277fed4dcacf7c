"""Nested numbers and words as blocks that a page can show, whatever their keys are.

A claim's evidence, its checked hypotheses, a job's settings: this knows none of their names, so what a claim
adds to report.json is shown without a change here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from validation.text.evidence_text import number

__all__ = ["Block", "blocks", "legible"]


@dataclass(frozen=True)
class Block:
    """A label and one of: `text`; a table of `columns` and `rows`, names first; or `inner` blocks."""

    label: str
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    inner: tuple[Block, ...] = field(default=())


def legible(value: Any) -> str:
    """Three significant digits with a real minus and powers of ten; a dash for what is undefined."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return (
            f"{value:,}".replace(",", "\u202f").replace("-", "−") if abs(value) >= 10_000 else _minus(value)
        )
    if value is None or isinstance(value, float):
        mantissa, e, exponent = number(value).partition("e")
        power = str(int(exponent)).translate(_RAISED) if e else ""
        return f"{_minus(mantissa)} × 10{power}" if e else _minus(mantissa)
    return str(value)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def blocks(value: Mapping[str, Any]) -> tuple[Block, ...]:
    """One block an entry, in order; empty mappings and lists are left out."""
    return tuple(_block(words(key), item) for key, item in value.items() if not _is_empty(item))


def words(key: Any) -> str:
    """A key as words: underscores are spaces, except in the label of an arm."""
    text = str(key)
    return text if "=" in text or "/" in text else text.replace("_", " ")


def _block(label: str, value: Any) -> Block:
    if _is_cell(value):
        return Block(label, text=_cell(value))
    rows = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value, 1))
    cells = [(words(name), row) for name, row in rows]
    if all(_is_cell(row) for _, row in cells):
        return Block(label, columns=("", "value"), rows=tuple((name, _cell(row)) for name, row in cells))
    if all(isinstance(row, Mapping) and not _is_cell(row) for _, row in cells):
        columns = list(dict.fromkeys(key for _, row in cells for key in row))
        if all(_is_cell(cell) for _, row in cells for cell in row.values()):
            table = tuple(
                (name, *(_cell(row[key]) if key in row else "" for key in columns)) for name, row in cells
            )
            return Block(label, columns=("", *map(words, columns)), rows=table)
    return Block(label, inner=tuple(_block(name, row) for name, row in cells if not _is_empty(row)))


def _is_empty(value: Any) -> bool:
    return isinstance(value, Mapping | list) and not value


def _is_cell(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "by_seed" in value or not value
    return not isinstance(value, list) or all(not isinstance(item, Mapping | list) for item in value)


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):  # a summary over seeds
        seen = [item for item in value.get("by_seed", {}).values() if item is not None]
        if not seen:
            return "–"
        low, high = legible(min(seen)), legible(max(seen))
        return low if low == high else f"{legible(value.get('mean'))} ({low} to {high})"
    if isinstance(value, list):
        return ", ".join(map(legible, value)) if value else "–"
    return legible(value)


def _minus(text: Any) -> str:
    return re.sub(r"^-", "−", str(text))
