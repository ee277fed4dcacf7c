"""Names and values in messages, of which a reader sees the first few."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["MOST_NAMES", "first_names", "first_of", "shortened"]

MOST_NAMES = 20
"""A message lists no more; a damaged or foreign file can hold a million."""

_LONGEST = 120  # characters of one name


def first_of(words: Iterable[str], most: int = MOST_NAMES) -> str:
    """The words in their order, at most so many of them, and how many more there are."""
    known = list(words)
    shown = [word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..." for word in known[:most]]
    more = len(known) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


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
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
