"""Names in messages, of which a reader sees the first few: the one place that says how many."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["LONGEST_NAME", "MOST_NAMES", "first_of"]

MOST_NAMES = 20
"""A message lists no more; a damaged or foreign file can hold a million, a user a thousand classes."""

LONGEST_NAME = 120
"""Characters of one name; the rest is cut."""


def first_of(words: Iterable[object], most: int = MOST_NAMES, *, between: str = ", ") -> str:
    """The words in their order, at most so many of them, and how many more there are.

    Args:
        words: names, numbers or short sentences; what is no text is written as `str` writes it.
        most: how many are shown.
        between: what stands between two of them.
    """
    known = list(words)
    written = [str(word) for word in known[:most]]
    shown = [word if len(word) <= LONGEST_NAME else f"{word[:LONGEST_NAME]}..." for word in written]
    more = len(known) - len(shown)
    return between.join(shown) + (f" and {more} more" if more else "")
