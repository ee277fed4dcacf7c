"""Counts among arguments."""

from __future__ import annotations

__all__ = ["MOST_ALPHAS", "check_at_least_one"]

MOST_ALPHAS = 100_001
"""Points of a path: a hundred thousand steps, a thousand times as fine as the default."""


def check_at_least_one(name: str, value: object) -> None:
    """Refuse what is no count.

    Raises:
        ValueError: no integer, or < 1; the message has the argument's name and the value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
