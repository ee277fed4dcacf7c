"""Proved bounds of the time at which the power model learns its first class (T9b).

Diagonal start, k equal classes, b(0) = 0, degree r >= 3, gradient flow on the loss averaged over samples.
W = W_11(0) < 1 is the largest weight and T_0 the time at which W_11^r passes 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, factorial, inf, log

import numpy as np
from numpy.typing import ArrayLike

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.short_repr import short_repr

__all__ = ["LearningTimeBounds", "first_learning_time_bounds"]

_STATEMENT = "T9b"


@dataclass(frozen=True)
class LearningTimeBounds:
    """Bounds of T_0, in the flow's time.

    Attributes:
        lower: k^2/(k-1) (Phi(W) - Phi(1)), the time of the schedule counted to W^r = 1.
        upper: `lower` and (k/(k-1)) int_W^1 (e^(w^r) - 1) w^(1-r)/r dw.
        simple_upper: `lower` and (e-1) k (1 - W^2)/(2 r (k-1)), which is above `upper`.
    """

    lower: float
    upper: float
    simple_upper: float

    __repr__ = short_repr


def first_learning_time_bounds(diagonal: ArrayLike, degree: int) -> LearningTimeBounds:
    """Bounds of the time at which the first class is learned, whatever the scale (T9b; proved).

    They differ by less than 0.29 k/(k-1) in the flow's time: the schedule's first time has an absolute error.
    Rounded outwards by a relative 1e-14; inf beyond float64.

    Args:
        diagonal: (k,) initial W_jj >= 0 in any order, k >= 2, the largest in (0, 1); the weights off the
            diagonal are 0. Ties are allowed.
        degree: r >= 3.

    Raises:
        DomainError: naming T9b and the value, for a degree below 3, a negative weight, or a largest weight
            that is 0 or not below 1 (it is learned from the start).

    Source: T9b.

    Example:
        >>> import mli
        >>> found = mli.first_learning_time_bounds([0.1, 0.2, 0.3], degree=3)
        >>> round(found.lower, 3), round(found.upper, 3)
        (3.5, 3.79)
    """
    r = check_degree(degree, least=3, statement=_STATEMENT)
    weights = finite_array("diagonal", diagonal, (None,), statement=_STATEMENT)
    k = len(weights)
    if k < 2:
        raise DomainError(f"{_STATEMENT} needs at least 2 classes, got a diagonal of {k}")
    bad = np.flatnonzero(weights < 0)
    if bad.size:
        raise DomainError(
            f"{_STATEMENT} needs weights >= 0, but diagonal[{bad[0]}] = {weights[bad[0]]}: a class of a "
            "negative weight is not in T10, on which the bounds rest"
        )
    largest = float(weights.max())
    if not 0 < largest < 1:
        raise DomainError(
            f"{_STATEMENT} needs a largest weight between 0 and 1, got {largest}: W^r "
            + ("never passes 1" if largest <= 0 else "is not below 1 at the start")
        )
    size = log(largest)
    exponent = (2 - r) * size
    spent = expm1(exponent) / (r * (r - 2)) if exponent < 709 else inf  # Phi(W) - Phi(1)
    first = k / (k - 1) * k * spent
    longer = k / (k - 1) * _waiting(size, r)
    simple = k / (k - 1) * expm1(1.0) * -expm1(2 * size) / (2 * r)
    return LearningTimeBounds(
        first * (1 - 1e-14), (first + longer) * (1 + 1e-14), (first + simple) * (1 + 1e-14)
    )


def _waiting(size: float, r: int) -> float:
    """The integral from W = e^size to 1 of (e^(w^r) - 1) w^(1-r)/r, term by term of the exponential."""
    powers = (r * m + 2 - r for m in range(1, 25))  # the 25th term is below 1e-25
    return sum(-expm1(power * size) / (power * factorial(m)) for m, power in enumerate(powers, start=1)) / r
