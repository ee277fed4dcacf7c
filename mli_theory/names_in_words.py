"""Names in messages, of which a reader sees the first few: the one place that says how many."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["LONGEST_NAME", "MOST_NAMES", "first_of"]

MOST_NAMES = 20
"""A message lists no more; a damaged or foreign file can hold a million, a user a thousand classes."""

LONGEST_NAME = 120
"""Characters of one name; the rest is cut."""


def first_of(
    words: Iterable[object],
    most: int = MOST_NAMES,
    *,
    between: str = ", ",
    longest: int | None = LONGEST_NAME,
) -> str:
    """The words in their order, at most so many of them, and how many more there are.

    Args:
        words: names, numbers or short sentences; what is no text is written as `str` writes it.
        most: how many are shown.
        between: what stands between two of them.
        longest: characters of a word, what is more is cut; None for sentences of our own, which end in what
            they have to say.
    """
    known = list(words)
    shown = [str(word) for word in known[:most]]
    if longest is not None:
        shown = [word if len(word) <= longest else f"{word[:longest]}..." for word in shown]
    more = len(known) - len(shown)
    return between.join(shown) + (f" and {more} more" if more else "")
