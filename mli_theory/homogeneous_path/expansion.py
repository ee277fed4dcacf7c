"""The loss near the start of the homogeneous path: it rises first (T4), inside proved bounds (T4').

On the path z(alpha) = alpha^r s + alpha b: signal s (n, k), bias b (k,), labels y, degree r, losses in nats.
Lam is the loss of the bias alone, V and K the second and third central moments of b over the classes,
M = mean over samples of (s_y - mean_c s_c), C = mean over samples of Cov_c(b_c, s_c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax

from mli_theory.domain import DomainError, check_degree, check_labels, finite_array
from mli_theory.homogeneous_path.intervals import check_logits
from mli_theory.short_repr import short_repr

__all__ = ["Bump", "LossExpansion", "loss_bump", "loss_expansion", "loss_sandwich"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-3  # nats: what `valid_to` promises
_LARGEST = 1e50  # cubes and products of logits stay inside float64


@dataclass(frozen=True)
class LossExpansion:
    """L = Lam(alpha) - M alpha^r + C alpha^(r+1) + remainder, Lam kept whole.

    Attributes:
        coefficients: (r+2,) Taylor coefficients of the loss in alpha, orders 0 .. r+1: log k first, then
            L'(0) (0 for balanced classes), L''(0)/2, ...
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
        small_parameter: alpha max |b - mean b|; the prediction is good where it is small.
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
            labels outside the classes, or a degree below T4's range.
    """
    s, b, y, r = _checked(signal, bias, labels, degree, 2, "T4")
    n_classes = len(b)
    shares = np.bincount(y, minlength=n_classes) / len(y)
    b = b - b.mean()
    margin, covariance = _margin(s, y), float(s.mean(axis=0) @ b / n_classes)
    coefficients = _bias_series(b, r + 1)
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
    """
    s, b, y, r = _checked(signal, bias, labels, degree, 2, "T4'")
    at = _alphas(alphas, "T4'")
    b = b - b.mean()
    shares = np.bincount(y, minlength=len(b)) / len(y)
    held = softmax(np.multiply.outer(at, b), axis=1)
    # Centred by each sample's mean: a shift of a sample's signal changes nothing but the rounding.
    centred = s - s.mean(axis=1, keepdims=True)
    mean_margin = centred[np.arange(len(y)), y].mean() - held @ centred.mean(axis=0)
    lower = _bias_loss(b, shares, at) - at**r * mean_margin
    return lower, lower + at ** (2 * r) * float(np.mean(np.ptp(s, axis=1) ** 2)) / 8


def loss_bump(
    signal: ArrayLike, bias: ArrayLike, labels: ArrayLike, degree: int, *, next_order: bool = False
) -> Bump:
    """Where and how far the loss rises above log k, to leading order in alpha max |b - mean b| (T4).

    alpha_b = (V / (r M))^(1/(r-2)), height (r-2)/(2r) V alpha_b^2. With `next_order` alpha_b is multiplied by
    1 + alpha_b [K / (2V) + (r+1) C / (r M)] / (r-2) and the height gains alpha_b^3 [K/6 + C V / (r M)], both
    at the leading alpha_b, to which `small_parameter` belongs either way. Equal biases: no rise,
    Bump(0, 0, 0).

    Args:
        signal: (n, k) logits without the last bias.
        bias: (k,).
        labels: (n,), as many of each class, so that the loss starts with L'(0) = 0.
        degree: r >= 3.
        next_order: take the next term too.

    Raises:
        DomainError: as `loss_expansion`; or naming T4 for classes that are not balanced, M <= 0 (the loss
            never turns at leading order), or V >= r M (it turns beyond alpha = 1).
    """
    s, b, y, r = _checked(signal, bias, labels, degree, 3, "T4 (the bump)")
    counts = np.bincount(y, minlength=len(b))
    if (counts != counts[0]).any():
        raise DomainError(
            f"T4 (the bump) needs balanced classes, got between {counts.min()} and {counts.max()} samples "
            "a class: the loss then starts with a slope; use loss_expansion"
        )
    b = b - b[0]  # else the mean of equal biases may round to another number, and tiny V make a rise
    b = b - b.mean()
    V, K, M = float(np.mean(b**2)), float(np.mean(b**3)), _margin(s, y)
    if not M > 0:
        raise DomainError(f"T4 (the bump) needs M > 0, the mean of s_y - mean_c s_c, got M = {M:.6g}")
    if r * M <= V:
        raise DomainError(
            f"T4 (the bump) needs V < r M, got V = {V:.6g} and r M = {r * M:.6g}: "
            "to leading order the loss rises on all of the line"
        )
    alpha = (V / (r * M)) ** (1 / (r - 2))
    height = (r - 2) / (2 * r) * V * alpha**2
    small = alpha * float(np.abs(b).max())
    if next_order and V > 0:
        C = float(s.mean(axis=0) @ b / len(b))
        height += alpha**3 * (K / 6 + C * V / (r * M))
        alpha *= 1 + alpha * (K / (2 * V) + (r + 1) * C / (r * M)) / (r - 2)
    return Bump(alpha, height, small)


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


def _margin(s: Array, y: NDArray[np.int64]) -> float:
    return float((s[np.arange(len(y)), y] - s.mean(axis=1)).mean())


def _bias_loss(b: Array, shares: Array, at: Array) -> Array:
    return np.asarray(logsumexp(np.multiply.outer(at, b), axis=1) - at * (shares @ b))


def _bias_series(b: Array, order: int) -> Array:
    """Taylor coefficients 0 .. order of log mean_c e^(alpha b_c): cumulant / factorial, from the moments."""
    moments = np.empty(order + 1)  # moment / factorial
    power = np.ones_like(b)
    for m in range(order + 1):
        moments[m] = power.mean()
        power = power * b / (m + 1)
    series = np.zeros(order + 1)
    for m in range(1, order + 1):  # from (log f)' f = f'
        inner = sum(j * series[j] * moments[m - j] for j in range(1, m))
        series[m] = moments[m] - inner / m
    return series


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
