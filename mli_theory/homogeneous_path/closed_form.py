"""The homogeneous path in closed form: end of the plateau, loss and error (theorems T1, T2, T3, T5).

Zero initial weights and biases, a signal homogeneous of degree r in the weights, only last-layer biases:
z(alpha) = alpha^r s + alpha b on the line from initialisation (alpha = 0) to the trained network (alpha = 1).
n samples, k classes; logits and losses in nats, the loss averaged over samples; a tie is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, check_labels, finite_array
from mli_theory.homogeneous_path.intervals import check_logits, correct_interval, open_intervals
from mli_theory.homogeneous_path.path_loss import mean_loss_on_grid
from mli_theory.names_in_words import first_of
from mli_theory.short_repr import short_repr

__all__ = [
    "BiasPath",
    "Plateau",
    "PredictedCurves",
    "correct_interval",
    "majority_exit",
    "plateau",
    "predict_curves",
]

Floats = NDArray[np.float64]

BiasPath = Literal["linear", "homogeneous", "none"]
"""How the last-layer bias moves: alpha b, alpha^r b, or no bias at all."""


@dataclass(frozen=True)
class Plateau:
    """The stretch (0, end) of alpha on which every sample is predicted as one class (T2).

    Attributes:
        end: first alpha at which some sample's prediction ties, rounded up to a float64; inf if the
            prediction is constant on all of (0, 1].
        error: the share of samples that are wrong on (0, end), 1 - n_{i*}/n.
        majority_class: i*, the class of the largest bias.
    """

    end: float
    error: float
    majority_class: int

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class PredictedCurves:
    """Loss and error on the line, as the homogeneous path predicts them.

    Attributes:
        alphas: the grid (m,), as it was given.
        loss: mean cross-entropy in nats (m,); log k at alpha = 0.
        error: the share of samples whose label's logit is not strictly the largest (m,); 1 at alpha = 0.
    """

    alphas: Floats
    loss: Floats
    error: Floats

    __repr__ = short_repr


def majority_exit(signal: ArrayLike, bias: ArrayLike, degree: int) -> NDArray[np.float64]:
    """The first alpha in (0, 1] at which another class's logit reaches that of i* = argmax b, per sample.

    Args:
        signal: trained logits without the last-layer bias (n, k), k >= 2, finite.
        bias: last-layer bias (k,), finite, with a unique largest entry.
        degree: r >= 2.

    Returns:
        (n,) float64: min over s_i > s_{i*} of ((b_{i*} - b_i)/(s_i - s_{i*}))^(1/(r-1)), inf where that is
        above 1 or no class qualifies. Rounded up to the adjacent float64 (see `correct_interval`): for every
        float64 alpha in (0, 1] the prediction is i*, strictly, exactly where alpha < majority_exit.

    Raises:
        DomainError: as `correct_interval`; a tie for the largest bias, naming the classes.

    Source: T2.

    Example:
        >>> import mli
        >>> mli.majority_exit([[3.0, 1.0], [0.5, 2.0]], [0.0, 0.6], degree=3).round(4).tolist()
        [0.5477, inf]
    """
    s, b = check_logits(signal, bias, statement="T2")
    degree = check_degree(degree, statement="T2")
    return open_intervals(s, b, np.full(len(s), _majority_class(b)), degree)[1]


def plateau(signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int) -> Plateau:
    """The end of constant prediction over all samples, and the error before it.

    `end` is the minimum of `majority_exit`. If every sample is correct at alpha = 1, the error itself
    stays constant at least that long, exactly until min of lo over the samples of other classes than i*
    (lo from `correct_interval`), which is later when the first class to overtake i* is a wrong one.
    With gap = largest minus second largest bias and S = max(s_i - s_{i*}) > 0: end >= (gap/S)^(1/(r-1)).

    Args and raises: as `correct_interval`; also DomainError for a tie for the largest bias.

    Source: T2.

    Example:
        >>> import mli
        >>> signal, bias = [[3.0, 1.0], [0.5, 2.0]], [0.0, 0.6]
        >>> found = mli.plateau(signal, bias, labels=[0, 1], degree=3)
        >>> round(found.end, 4), found.error, found.majority_class
        (0.5477, 0.5, 1)
    """
    s, b = check_logits(signal, bias, statement="T2")
    y = check_labels(labels, *s.shape)
    degree = check_degree(degree, statement="T2")
    majority = _majority_class(b)
    exits = open_intervals(s, b, np.full(len(s), majority), degree)[1]
    wrong = int(np.count_nonzero(y != majority))
    return Plateau(end=float(exits.min()), error=wrong / len(s), majority_class=majority)


def predict_curves(
    signal: ArrayLike,
    bias: ArrayLike,
    labels: ArrayLike,
    degree: int,
    alphas: ArrayLike,
    bias_path: BiasPath = "linear",
) -> PredictedCurves:
    """Mean loss and error on the homogeneous path at every alpha of a grid.

    Args:
        signal: trained logits without the last-layer bias (n, k), k >= 2, finite.
        bias: last-layer bias (k,), finite; checked, then unused, for bias_path "none".
        labels: the classes (n,), integers in 0 .. k - 1.
        degree: r >= 2.
        alphas: (m,) in [0, 1], in any order.
        bias_path: "linear", z = alpha^r s + alpha b; "homogeneous", z = alpha^r (s + b), whose error is
            constant on (0, 1] (T5); "none", z = alpha^r s.

    Returns:
        PredictedCurves. At alpha = 0 all logits tie: error 1 and loss log k, by the rule that a tie is an
        error.

    Accuracy: the error is a count of the intervals of `correct_interval`, never of sampled logits, and
    exact at every float64 alpha: an alpha that equals an end of an interval is a tie, hence an error.
    The loss of a sample has relative error about 2^-52 (5 + the size of its logits); losses far below
    1e-16 keep that. A loss above 1.8e308 is inf. Where 4,096 samples or more meet a fine grid, the mean
    loss comes from fewer alphas: the remainder is proved below 2^-53 of it (alpha_nodes.py), and the rounding
    of the values that it comes from, which those samples average, is amplified by at most 12.

    Raises:
        DomainError: as `correct_interval`; an alpha outside [0, 1]; an unknown bias_path.

    Source: T1, T3, T5. Cost: memory for the inputs and a block of 4,096 rows; 60,000 x 10 samples at 501
    alphas take a third of what all their exponentials would (benchmarks/closed_forms.py).

    Example:
        >>> import mli
        >>> signal, bias = [[3.0, 1.0], [0.5, 2.0]], [0.0, 0.6]
        >>> curves = mli.predict_curves(signal, bias, [0, 1], 3, alphas=[0.0, 0.5, 1.0])
        >>> curves.error.tolist(), curves.loss.round(3).tolist()
        ([1.0, 0.5, 0.0], [0.693, 0.599, 0.168])
    """
    s, b = check_logits(signal, bias, statement="T1")
    y = check_labels(labels, *s.shape)
    degree = check_degree(degree, statement="T1")
    grid = finite_array("alphas", alphas, (None,), statement="T1")
    outside = np.flatnonzero((grid < 0) | (grid > 1))
    if outside.size:
        raise DomainError(
            f"alphas must lie in [0, 1], the line of T1, but alphas[{outside[0]}] = {grid[outside[0]]}"
        )
    if bias_path not in get_args(BiasPath):
        raise DomainError(f"bias_path must be one of {', '.join(get_args(BiasPath))}, got {bias_path!r}")

    used = np.zeros_like(b) if bias_path == "none" else b
    lo, hi = open_intervals(s, used, y, degree)
    if bias_path != "linear":  # z is alpha^r z(1): what is right at 1 is right on (0, 1]
        lo, hi = np.where(np.isinf(hi), 0.0, np.nan), np.where(np.isinf(hi), hi, np.nan)
    correct = _count_inside(lo, hi, grid)
    loss = mean_loss_on_grid(s, used, y, grid, degree, 1 if bias_path == "linear" else degree)
    loss[grid == 0] = np.log(s.shape[1])
    return PredictedCurves(alphas=grid.copy(), loss=loss, error=(len(s) - correct) / len(s))


def _count_inside(lo: Floats, hi: Floats, alphas: Floats) -> NDArray[np.int64]:
    """How many open intervals hold each alpha; nan for an empty one."""
    starts, ends = np.sort(lo[~np.isnan(lo)]), np.sort(hi[~np.isnan(hi)])
    entered = np.searchsorted(starts, alphas, side="left")  # lo < alpha
    left = np.searchsorted(ends, alphas, side="right")  # hi <= alpha
    return np.asarray(entered - left, dtype=np.int64)


def _majority_class(b: Floats) -> int:
    tied = np.flatnonzero(b == b.max())
    if tied.size > 1:
        raise DomainError(
            f"T2 needs a unique largest bias, but classes {first_of(tied)} share {b.max()}: "
            "without it no class holds every sample near alpha = 0; use correct_interval or predict_curves"
        )
    return int(tied[0])
