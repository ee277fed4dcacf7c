"""Names and values in messages, of which a reader sees the first few."""

from __future__ import annotations

from collections.abc import Iterable

from mli_theory.names_in_words import LONGEST_NAME, MOST_NAMES, first_of

__all__ = ["MOST_NAMES", "first_names", "first_of", "shortened"]


def first_names(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """The names, quoted and sorted, at most so many of them, and how many more there are."""
    known = sorted({str(name) for name in names})
    return first_of((repr(name) for name in known), most)


def shortened(value: object) -> str:
    """The value as Python writes it, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:
        return "an integer of thousands of digits"
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."
