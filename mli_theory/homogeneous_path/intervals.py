"""The alphas at which each sample is correct on the homogeneous path (theorem T1).

On the path z(alpha) = alpha^r s + alpha b the prediction at alpha in (0, 1] is argmax of beta s + b,
beta = alpha^(r-1): a straight line per class, so a sample is correct on one open interval.
d = s_y - s_i and c = b_i - b_y over the classes i != y; class i ties with the label at beta = c/d.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, check_labels, finite_array
from mli_theory.homogeneous_path.crossings import (
    FAST_DEGREE,
    FAST_RANGE,
    rounded_crossings,
)
from mli_theory.homogeneous_path.float_roots import ceil_root, floor_root

__all__ = ["check_logits", "correct_interval", "open_intervals"]

Floats = NDArray[np.float64]

_ROWS = 8192  # a block of 10 classes is 0.6 MB an array: stays in cache, bounds the memory
_NEAR = 2.0**-49  # quotients of rounded differences are good to 3 * 2^-53: further apart, floats decide


def correct_interval(
    signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The open interval of alpha in (0, 1] on which the label's logit is strictly the largest.

    Args:
        signal: trained logits without the last-layer bias (n, k), k >= 2, finite.
        bias: last-layer bias at the end of training (k,), finite; equal and zero entries are welcome.
        labels: the classes (n,), integers in 0 .. k - 1.
        degree: r >= 2 and below 2^53, the number of weight layers that scale the signal.

    Returns:
        (lo, hi), each (n,) float64 in alpha. The sample is correct at alpha in (0, 1] exactly where
        lo < alpha < hi. lo is in [0, 1); hi is in (0, 1], or inf where the sample is still correct at
        alpha = 1 (a tie there gives hi = 1); (nan, nan) where no alpha in (0, 1] is correct.

    Accuracy: the true ends are roots of rational numbers; lo is rounded down and hi up to the adjacent
    float64, so lo < alpha < hi decides correctly for *every* float64 alpha in [0, 1], ties included, and
    the ends are right to one unit in the last place. Sizes from 5e-324 to 1.7e308 and overflowing
    differences are handled by rational arithmetic (about 0.1 ms a sample and class, at any degree; within
    1e-120 to 1e120 and for degrees up to 1024, 60,000 samples of 10 classes take about 0.1 s).

    Raises:
        DomainError: shapes that disagree, fewer than 2 classes, non-finite values, labels out of range,
            degree < 2 or >= 2^53.

    Source: T1.

    Example:
        >>> import mli
        >>> low, high = mli.correct_interval([[3.0, 1.0], [0.5, 2.0]], [0.0, 0.6], labels=[0, 1], degree=3)
        >>> low.round(4).tolist(), high.tolist()
        ([0.5477, 0.0], [inf, inf])
    """
    s, b = check_logits(signal, bias, statement="T1")
    y = check_labels(labels, *s.shape)
    return open_intervals(s, b, y, check_degree(degree, statement="T1"))


def check_logits(signal: ArrayLike, bias: ArrayLike, *, statement: str) -> tuple[Floats, Floats]:
    """Signal (n, k) and bias (k,) as finite float64 arrays of at least two classes, or DomainError."""
    s = finite_array("signal", signal, (None, None), statement=statement)
    if s.shape[1] < 2:
        raise DomainError(f"signal must have at least 2 classes, got shape {s.shape}")
    return s, finite_array("bias", bias, (s.shape[1],), statement=statement)


def open_intervals(s: Floats, b: Floats, y: NDArray[np.int64], degree: int) -> tuple[Floats, Floats]:
    """`correct_interval` on inputs already checked."""
    lo, hi = np.empty(len(s)), np.empty(len(s))
    bias_is_plain = bool(_plain(b).all()) and degree <= FAST_DEGREE
    for start in range(0, len(s), _ROWS):
        rows = slice(start, start + _ROWS)
        exact = np.full(len(s[rows]), True)
        if bias_is_plain:
            plain = np.asarray(_plain(s[rows]).all(axis=1))
            lo[rows], hi[rows], exact = _float_rows(
                np.where(plain[:, None], s[rows], 0.0), b, y[rows], degree
            )
            exact |= ~plain
        for row in start + np.flatnonzero(exact):
            lo[row], hi[row] = _exact_row(s[row], b, int(y[row]), degree)
    return lo, hi


def _plain(values: Floats) -> NDArray[np.bool_]:
    size = np.abs(values)
    return np.asarray((size == 0) | ((size >= 1 / FAST_RANGE) & (size <= FAST_RANGE)), dtype=np.bool_)


def _float_rows(
    s: Floats, b: Floats, y: NDArray[np.int64], degree: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """(lo, hi, unsettled): T1 in floats, and the rows that floats cannot settle."""
    rows = np.arange(len(s))
    d = s[rows, y][:, None] - s
    c = b - b[y][:, None]
    label = np.zeros(s.shape, dtype=bool)
    label[rows, y] = True
    with np.errstate(divide="ignore", invalid="ignore"):
        tie = c / d
    # The signs of c, d and c/d are exact: a difference of floats is 0 only if they are equal.
    after = np.where(d > 0, tie, -np.inf)
    before = np.where(d < 0, tie, np.inf)
    first, last = np.maximum(after.max(axis=1), 0.0), before.min(axis=1)
    blocked = ((d == 0) & (c >= 0) & ~label).any(axis=1)
    never = blocked | (first >= np.minimum(last, 1.0))
    near_one = (np.abs(first - 1) <= _NEAR) | (np.abs(last - 1) <= _NEAR)
    unsettled = ~blocked & (near_one | ((first > 0) & (np.abs(first - last) <= _NEAR * first)))

    lo, hi = np.zeros(len(s)), np.full(len(s), np.inf)
    settled = ~never & ~unsettled
    # Rounding is monotone: the largest of the rounded ties is the rounded largest tie.
    row, other = np.nonzero((after >= (first * (1 - _NEAR))[:, None]) & (settled & (first > 0))[:, None])
    np.maximum.at(
        lo, row, rounded_crossings(b[other], b[y[row]], s[row, y[row]], s[row, other], degree, up=False)
    )
    row, other = np.nonzero((before <= (last * (1 + _NEAR))[:, None]) & (settled & (last < 1))[:, None])
    np.minimum.at(
        hi, row, rounded_crossings(b[y[row]], b[other], s[row, other], s[row, y[row]], degree, up=True)
    )
    lo[never] = hi[never] = np.nan
    return lo, hi, unsettled


def _exact_row(s: Floats, b: Floats, y: int, degree: int) -> tuple[float, float]:
    """T1 for one sample in rational numbers: any finite floats, any degree."""
    signals, biases = [Fraction(float(v)) for v in s], [Fraction(float(v)) for v in b]
    lo, hi = Fraction(0), None
    for i in range(len(signals)):
        d, c = signals[y] - signals[i], biases[i] - biases[y]
        if d > 0:
            lo = max(lo, c / d)
        elif d < 0:
            hi = c / d if hi is None else min(hi, c / d)
        elif i != y and c >= 0:
            return math.nan, math.nan
    if lo >= 1 or (hi is not None and hi <= lo):
        return math.nan, math.nan
    return (
        floor_root(lo, degree - 1) if lo > 0 else 0.0,
        ceil_root(hi, degree - 1) if hi is not None and hi <= 1 else math.inf,
    )
