"""The few tests and intervals behind the verdicts: exact where the number of seeds allows it.

The unit is always the seed: runs of one seed in different arms share their initial numbers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = [
    "FEWEST_SEEDS_OF_AN_INTERVAL",
    "Interval",
    "bootstrap_mean_interval",
    "holm",
    "sign_flip_test",
    "sign_flip_tests",
    "wilson_interval",
]

# Two halves of 2^20 sums each: a few seconds and some 100 MB; beyond this nobody needs exactness.
_MOST_DIFFERENCES = 40
_FITS = 2**62  # whole numbers below it, and their sums, are those of an int64


# The bootstrap covers less than it says where seeds are few: of 600 normal samples 85 % with 5
# seeds, 90 % with 9 or 10, 92 % with 12.
FEWEST_SEEDS_OF_AN_INTERVAL = 10


class Interval(NamedTuple):
    """A confidence interval, ends included."""

    low: float
    high: float


def sign_flip_test(differences: ArrayLike) -> float:
    """The exact one-sided p-value of "the differences are positive": all 2^n sign flips, no sampling.

    The null hypothesis is that each difference (n,) is symmetric about 0; p is the share of the 2^n
    equally likely sign patterns whose sum is at least the observed one, the observed pattern included, so
    p >= 2^-n. Ties are exact: floats are summed as the rationals they are. n <= 40.

    Raises:
        ValueError: no differences, more than 40, or one that is not finite.
    """
    return sign_flip_tests(differences)[0]


def sign_flip_tests(differences: ArrayLike) -> tuple[float, float]:
    """Return `sign_flip_test` of the differences (n,) and of their negatives, at the cost of one.

    A pattern that flips the set F has sum S - 2 sum(F), at least S iff sum(F) <= 0: p counts the subsets
    with sum <= 0, by meeting in the middle. Of the negatives it counts those with sum >= 0: all but those
    with sum < 0.

    Raises:
        ValueError: no differences, more than 40, or one that is not finite.
    """
    values = _sample(differences)
    if values.size > _MOST_DIFFERENCES:
        raise ValueError(f"the exact test takes at most {_MOST_DIFFERENCES} differences, got {values.size}")
    ratios = [value.as_integer_ratio() for value in values.tolist()]
    scale = max(denominator for _, denominator in ratios)  # powers of two: the largest is common to all
    whole = [numerator * (scale // denominator) for numerator, denominator in ratios]
    half = len(whole) // 2
    if sum(map(abs, whole)) < _FITS:  # the same counts, faster
        left, right = (_sorted_subset_sums(part) for part in (whole[:half], whole[half:]))
        negative, not_positive = (
            int(np.searchsorted(left, -right, side=side).sum()) for side in ("left", "right")
        )
    else:
        sums = sorted(_subset_sums(whole[:half]))
        others = _subset_sums(whole[half:])
        negative, not_positive = (
            sum(bisect(sums, -total) for total in others) for bisect in (bisect_left, bisect_right)
        )
    patterns = 2 ** len(whole)
    return not_positive / patterns, (patterns - negative) / patterns


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p-values (m,): reject where at most the level, whatever the dependence.

    Raises:
        ValueError: not one-dimensional, or a value outside [0, 1] (a nan among them).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p_values must have one dimension, got shape {p.shape}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie in [0, 1], got {p[~((p >= 0) & (p <= 1))][0]}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's interval for a share, `successes` of `trials`.

    Raises:
        ValueError: no trials, or successes not in 0 .. trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"a share needs 0 <= successes <= trials >= 1, got {successes} of {trials}")
    interval = stats.binomtest(int(successes), int(trials)).proportion_ci(confidence, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def bootstrap_mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval | None:
    """The bootstrap interval (bias-corrected and accelerated) of a mean over seeds; None below 10 seeds.

    Deterministic: the resampling has a fixed seed. Values equal but for rounding (1e-12 of their
    size) have no spread to resample: their smallest and largest are returned.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    sample = _sample(values)
    if sample.size < FEWEST_SEEDS_OF_AN_INTERVAL:
        return None
    if np.ptp(sample) <= 1e-12 * np.abs(sample).max():
        return Interval(float(sample.min()), float(sample.max()))
    found = stats.bootstrap(
        (sample,), np.mean, confidence_level=confidence, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def _sample(values: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(f"a sample must be a non-empty list of finite numbers, got {values!r}")
    return sample


def _subset_sums(numbers: list[int]) -> list[int]:
    sums = [0]
    for number in numbers:
        sums += [total + number for total in sums]
    return sums


def _sorted_subset_sums(numbers: list[int]) -> NDArray[np.int64]:
    sums = np.zeros(2 ** len(numbers), dtype=np.int64)
    for place, number in enumerate(numbers):
        np.add(sums[: 2**place], number, out=sums[2**place : 2 ** (place + 1)])
    sums.sort()
    return sums
