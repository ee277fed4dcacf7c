"""How a criterion's or a law's interval is shown: none under ten seeds, where the range stands in its place.

One reading for report.md, report.html, its tables and the pages in docs/, of old and new report.json alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.statistics import FEWEST_SEEDS_OF_AN_INTERVAL
from validation.text.evidence_text import number

__all__ = ["UNDER_TEN", "interval_or_range", "mean_interval", "seed_range"]

UNDER_TEN = f"under {FEWEST_SEEDS_OF_AN_INTERVAL} seeds the range of the seeds"


def mean_interval(found: Mapping[str, Any], key: str = "interval_95_percent") -> tuple[float, float] | None:
    """The 95 % interval of a mean over seeds; None where too few seeds have a number.

    `found` has its numbers `by_seed` (report.json) or says how many they are, `seeds` (a record of verdicts).
    """
    interval = found.get(key)
    if not interval or _seeds(found) < FEWEST_SEEDS_OF_AN_INTERVAL:
        return None
    return interval[0], interval[1]


def interval_or_range(found: Mapping[str, Any]) -> str:
    """The interval in words, or else the smallest to the largest seed, called a range; a dash for neither."""
    interval = mean_interval(found)
    if interval:
        return f"{number(interval[0])} to {number(interval[1])}"
    ends = found.get("range") or seed_range(found)
    return f"range {number(ends[0])} to {number(ends[1])}" if ends else "–"


def seed_range(found: Mapping[str, Any]) -> tuple[float, float] | None:
    """The smallest and the largest seed's number; None without any."""
    numbers = _numbers(found)
    return (min(numbers), max(numbers)) if numbers else None


def _numbers(found: Mapping[str, Any]) -> list[float]:
    return [value for value in found.get("by_seed", {}).values() if value is not None]


def _seeds(found: Mapping[str, Any]) -> int:
    return int(found["seeds"]) if "seeds" in found else len(_numbers(found))
