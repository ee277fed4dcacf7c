"""The loss near the start of the homogeneous path: it rises first (T4), inside proved bounds (T4').

On the path z(alpha) = alpha^r s + alpha b: signal s (n, k), bias b (k,), labels y, degree r, losses in nats.
Lam is the loss of the bias alone, V and K the second and third central moments of b over the classes,
M = mean over samples of (s_y - mean_c s_c), C = mean over samples of Cov_c(b_c, s_c).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from mli_theory.domain import DomainError, check_degree, check_labels, finite_array
from mli_theory.homogeneous_path.bias_series import bias_series
from mli_theory.homogeneous_path.intervals import check_logits
from mli_theory.short_repr import short_repr

__all__ = ["Bump", "LossExpansion", "loss_bump", "loss_expansion", "loss_sandwich"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-3  # nats: what `valid_to` promises
_MOST_COEFFICIENTS = 5000
_LARGEST = 1e50  # cubes and products of logits stay inside float64


@dataclass(frozen=True)
class LossExpansion:
    """L = Lam(alpha) - M alpha^r + C alpha^(r+1) + remainder, Lam kept whole.

    Attributes:
        coefficients: (r+2,) Taylor coefficients of the loss in alpha, orders 0 .. r+1: log k first, then
            L'(0) (0 for balanced classes), L''(0)/2, ...; inf with its sign where one is beyond float64.
        valid_to: largest alpha in [0, 1] at which the remainder of `evaluate` is proved below 1e-3 nats.
        degree: r.
        margin: M, nats; the loss falls by M alpha^r in the end.
        covariance: C, nats squared.
        variance: V, nats squared.
        bias: (k,) biases minus their mean.
        class_shares: (k,) shares of the labels.
    """

    coefficients: Array
    valid_to: float
    degree: int
    margin: float
    covariance: float
    variance: float
    bias: Array
    class_shares: Array

    __repr__ = short_repr

    def evaluate(self, alphas: ArrayLike) -> Array:
        """Lam - M alpha^r + C alpha^(r+1), (a,) nats, for alphas (a,) in [0, 1].

        Raises:
            DomainError: an alpha outside [0, 1].
        """
        at = _alphas(alphas, "T4")
        tail = at**self.degree * (self.covariance * at - self.margin)
        return _bias_loss(self.bias, self.class_shares, at) + tail


@dataclass(frozen=True)
class Bump:
    """The maximum of the loss before it falls, as `loss_bump` predicts it.

    Attributes:
        alpha: where the loss is largest.
        height: loss there minus log k, nats.
        small_parameter: alpha max |b - mean b|; the prediction is good where it is small, and a guess from
            1 on, where `loss_bump` warns.
    """

    alpha: float
    height: float
    small_parameter: float

    __repr__ = short_repr


def loss_expansion(signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int) -> LossExpansion:
    """The loss on the homogeneous path to order alpha^(r+1) in the signal, the bias kept whole (T4).

    Remainder, with B and R the ranges over the classes of the bias and of the widest sample's signal (at most
    2 max |b| and 2 max |s|): R^2 alpha^(2r) / 8 (Hoeffding's lemma) + B^2 R alpha^(r+2) / 8 (the third joint
    cumulant of b, b, s, which is at most B^2 R / 4).

    Args:
        signal: (n, k) logits without the last bias, k >= 2.
        bias: (k,).
        labels: (n,) integers; the shares of the classes are theirs.
        degree: r >= 2.

    Raises:
        DomainError: naming the value, for shapes that disagree, arrays that are not finite or above 1e50,
            labels outside the classes, or a degree below T4's range or above 5,000.
    """
    s, b, y, r = _checked(signal, bias, labels, degree, 2, "T4")
    if r > _MOST_COEFFICIENTS:
        raise DomainError(
            f"T4 lists the coefficients to degree {_MOST_COEFFICIENTS:,}, got {r}: use loss_sandwich"
        )
    n_classes = len(b)
    shares = np.bincount(y, minlength=n_classes) / len(y)
    coefficients = bias_series(b, r + 1)
    margin = _margin(s, y)
    b, s = _centred(b), _against_label(s, y)
    covariance = float(s.mean(axis=0) @ b / n_classes)
    coefficients[0] = np.log(n_classes)
    coefficients[1] = -shares @ b
    coefficients[r] -= margin
    coefficients[r + 1] += covariance
    valid_to = _largest_alpha(np.ptp(s, axis=1).max(), np.ptp(b), r)
    return LossExpansion(
        coefficients, valid_to, r, margin, covariance, float(np.mean(b**2)), b, np.asarray(shares)
    )


def loss_sandwich(
    signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int, alphas: ArrayLike
) -> tuple[Array, Array]:
    """Lower and upper bound of the loss, (a,) each, for alphas (a,) in [0, 1]: T4', proved for all inputs.

    With p = softmax(alpha b), M_alpha = mean(s_y - sum_c p_c s_c) and R_j the range of sample j's signal:
    Lam - alpha^r M_alpha <= L <= the same + alpha^(2r) mean(R_j^2) / 8. Equal at alpha = 0 or where every
    sample's signal is constant.

    Raises:
        DomainError: as `loss_expansion`, or an alpha outside [0, 1].

    Example:
        >>> import mli
        >>> low, high = mli.loss_sandwich([[3.0, 1.0], [0.5, 2.0]], [0.0, 0.6], [0, 1], 3, alphas=[0.0, 0.1])
        >>> low.round(4).tolist(), high.round(4).tolist()
        ([0.6931, 0.6927], [0.6931, 0.6927])
    """
    s, b, y, r = _checked(signal, bias, labels, degree, 2, "T4'")
    at = _alphas(alphas, "T4'")
    b, ranges = _centred(b), np.ptp(s, axis=1)
    shares = np.bincount(y, minlength=len(b)) / len(y)
    held = softmax(np.multiply.outer(at, b), axis=1)
    mean_margin = -held @ _against_label(s, y).mean(axis=0)
    lower = _bias_loss(b, shares, at) - at**r * mean_margin
    return lower, lower + at ** (2 * r) * float(np.mean(ranges**2)) / 8


def loss_bump(
    signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int, *, next_order: bool = False
) -> Bump:
    """Where and how far the loss rises above log k, to leading order in alpha max |b - mean b| (T4).

    alpha_b = (V / (r M))^(1/(r-2)), height (r-2)/(2r) V alpha_b^2. With `next_order` alpha_b is multiplied by
    1 + alpha_b [K / (2V) + (r+1) C / (r M)] / (r-2) and the height gains alpha_b^3 [K/6 + C V / (r M)], both
    at the leading alpha_b, to which `small_parameter` belongs either way. Equal biases: no rise,
    Bump(0, 0, 0). A value below the least float is 0.

    Args:
        signal: (n, k) logits without the last bias.
        bias: (k,).
        labels: (n,), as many of each class, so that the loss starts with L'(0) = 0.
        degree: r >= 3.
        next_order: take the next term too.

    Raises:
        DomainError: as `loss_expansion`, at any degree; or naming T4 for classes that are not balanced,
            M <= 0 (the loss never turns at leading order), or V >= r M (it turns beyond alpha = 1); with
            `next_order` for a small parameter of 1 or more, or corrections as large as what they correct.

    Warns:
        UserWarning: to leading order, for a small parameter of 1 or more: terms left out are as large as
            those kept, so place and height are guesses; the maximum of `predict_curves` has no such limit.

    Example:
        >>> import mli
        >>> bump = mli.loss_bump([[3.0, 1.0], [0.5, 2.0]], [0.0, 0.6], labels=[0, 1], degree=3)
        >>> round(bump.alpha, 4)
        0.0343
    """
    s, b, y, r = _checked(signal, bias, labels, degree, 3, "T4 (the bump)")
    counts = np.bincount(y, minlength=len(b))
    if (counts != counts[0]).any():
        raise DomainError(
            f"T4 (the bump) needs balanced classes, got between {counts.min()} and {counts.max()} samples "
            "a class: the loss then starts with a slope; use loss_expansion"
        )
    M, b, s = _margin(s, y), _centred(b), _against_label(s, y)
    size = float(np.abs(b).max())
    if not M > 0:
        raise DomainError(f"T4 (the bump) needs M > 0, the mean of s_y - mean_c s_c, got M = {M:.6g}")
    if size == 0:
        return Bump(0.0, 0.0, 0.0)
    # In units of the largest bias: V and K of tiny biases would be rounded to 0.
    V, K = float(np.mean((b / size) ** 2)), float(np.mean((b / size) ** 3))
    log_ratio = math.log(V) + 2 * math.log(size) - math.log(M) - math.log(r)  # V / (r M)
    if log_ratio >= 0:
        raise DomainError(
            f"T4 (the bump) needs V < r M, got V = {V * size**2:.6g} and r M = {r * M:.6g}: "
            "to leading order the loss rises on all of the line"
        )
    alpha = math.exp(log_ratio / (r - 2))
    leading = (r - 2) / (2 * r) * V * (alpha * size) ** 2
    small = alpha * size
    if not next_order:
        if small >= 1:
            warnings.warn(
                f"T4 (the bump) is good where alpha max |b - mean b| is small, and here it is {small:.3g}: "
                "place and height are guesses; take the largest loss of predict_curves",
                stacklevel=2,
            )
        return Bump(alpha, leading, small)
    pull = float(s.mean(axis=0) @ (b / size) / len(b)) / M  # C / M
    later = small * (K / (2 * V) + (r + 1) / r * pull) / (r - 2)
    higher = small * (K / 6 + V / r * pull) * 2 * r / ((r - 2) * V)
    _refuse_large_correction(alpha, small, later, higher)
    return Bump(alpha * (1 + later), leading * (1 + higher), small)


def _refuse_large_correction(alpha: float, small: float, later: float, higher: float) -> None:
    if small < 1 and abs(later) < 1 and abs(higher) < 1 and alpha * (1 + later) <= 1:
        return
    raise DomainError(
        "T4 (the bump) at next order needs a small parameter alpha max |b - mean b| below 1, corrections "
        f"smaller than what they correct and alpha <= 1, got small parameter {small:.3g}, alpha {alpha:.3g} "
        f"times 1 + {later:.3g}, height times 1 + {higher:.3g}: take the largest loss of predict_curves"
    )


def _checked(
    signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int, least: int, statement: str
) -> tuple[Array, Array, NDArray[np.int64], int]:
    r = check_degree(degree, least=least, statement=statement)
    s, b = check_logits(signal, bias, statement=statement)
    size = max(np.abs(s).max(), np.abs(b).max())
    if size > _LARGEST:
        raise DomainError(f"{statement} works to |signal|, |bias| <= {_LARGEST:g} nats, got {size:g}")
    return s, b, check_labels(labels, *s.shape), r


def _alphas(alphas: ArrayLike, statement: str) -> Array:
    at = finite_array("alphas", alphas, (None,), statement=statement)
    bad = np.flatnonzero((at < 0) | (at > 1))
    if bad.size:
        raise DomainError(f"{statement} holds for alpha in [0, 1], but alphas[{bad[0]}] = {at[bad[0]]}")
    return at


def _centred(b: Array) -> Array:
    """Biases minus their mean. By way of b[0]: else the mean of equal biases may round to another number."""
    b = b - b[0]
    return np.asarray(b - b.mean())


def _margin(s: Array, y: NDArray[np.int64]) -> float:
    """M, from a sum without rounding: its sign is a hypothesis."""
    label = s[np.arange(len(y)), y]
    return math.fsum(chain(np.repeat(label, s.shape[1]), -s.ravel())) / s.size


def _against_label(s: Array, y: NDArray[np.int64]) -> Array:
    """s_c - s_y: what all of a sample's signals share changes no loss, and must not change its rounding."""
    return np.asarray(s - s[np.arange(len(y)), y][:, None])


def _bias_loss(b: Array, shares: Array, at: Array) -> Array:
    """Loss of the bias alone; of two terms >= 0, so that neither takes digits from the other."""
    below = b.max() - b
    others = np.exp(-np.multiply.outer(at, np.delete(below, np.argmin(below)))).sum(axis=1)
    return np.asarray(np.log1p(others) + at * (shares @ below))


def _largest_alpha(signal_range: float, bias_range: float, r: int) -> float:
    """Where the remainder's bound reaches the tolerance, from below; 1 if it does not."""

    def bound(alpha: float) -> float:
        return float(
            signal_range**2 * alpha ** (2 * r) / 8 + bias_range**2 * signal_range * alpha ** (r + 2) / 8
        )

    if bound(1.0) <= _TOLERANCE:
        return 1.0
    low, high = 0.0, 1.0
    while (low + high) / 2 not in (low, high):
        middle = (low + high) / 2
        low, high = (middle, high) if bound(middle) <= _TOLERANCE else (low, middle)
    return low
