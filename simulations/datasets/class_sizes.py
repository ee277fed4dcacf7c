"""How many samples of each class to keep: equal numbers, or an imposed imbalance."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_imbalance", "class_sizes"]


def class_sizes(
    counts: NDArray[np.int64], limit: int | None = None, imbalance: float = 1.0
) -> NDArray[np.int64]:
    """Sizes (k,) that fall geometrically from class 0, the largest, to the last, `imbalance` times smaller.

    Class c of k gets n_0 / imbalance^(c/(k-1)) samples, rounded to the nearest integer (halves to even);
    n_0 is the largest for which every class has so many and their sum is at most `limit`. An imbalance of 1
    gives equal classes.

    >>> class_sizes(np.full(4, 1000), imbalance=8.0)
    array([1000,  500,  250,  125])

    Args:
        counts: samples at hand of each class, (k,), k >= 2.
        limit: at most this many in all.
        imbalance: largest over smallest class size, >= 1.

    Raises:
        ValueError: an imbalance < 1 or not finite; a class that would be left without a sample.
    """
    check_imbalance(imbalance)
    counts = np.asarray(counts)
    if counts.min() == 0:
        raise ValueError(f"class {counts.argmin()} has no sample: balanced=True needs one of every class")
    k = len(counts)
    if limit is not None and limit < k:
        raise ValueError(f"limit = {limit} is less than one sample for each of the {k} classes")
    # Python's own power: numpy's differs in the last digit between processors, and halves are rounded below.
    divisors = np.array([float(imbalance) ** (c / (k - 1)) for c in range(k)])

    def sizes(largest: int) -> NDArray[np.int64]:
        return np.rint(largest / divisors).astype(np.int64)

    def too_many(largest: int) -> bool:
        found = sizes(largest)
        return bool((found > counts).any() or (limit is not None and found.sum() > limit))

    # Sizes grow with n_0, so the values that are not too many come first.
    largest = bisect_right(range(1, int(counts[0]) + 1), 0, key=too_many)
    chosen = sizes(largest)
    if chosen.min() < 1:
        within = "" if limit is None else f" within limit = {limit}"
        raise ValueError(
            f"imbalance = {imbalance} leaves class {chosen.argmin()} without a sample{within}: "
            "lower the imbalance or take more samples"
        )
    return chosen


def check_imbalance(imbalance: float) -> None:
    """Refuse a ratio of class sizes that is none.

    Raises:
        ValueError: not a finite number >= 1.
    """
    if not 1 <= imbalance < float("inf"):
        raise ValueError(
            f"imbalance must be a finite number >= 1 (largest over smallest class size), got {imbalance!r}"
        )
