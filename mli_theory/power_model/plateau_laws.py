"""How long the plateau of the power model is, from classes, degree and final loss alone (T11).

The power model from a small positive start, k equal classes, degree r >= 3, followed to the loss eps while
the class learned last is still held by its bias. v is the signal W_jj^r of a learned class, gap its bias
below the largest, beta = gap / v, and the first prediction changes at alpha_2 = beta^(1/(r-1)) (T2).
With q = 2 - 2/r, x = r^2 v^q / m, rho = 1 / (1 + x):

    gap = log(N (1 + rho) / (k eps)),  v = 2 gap + log(1 + x) [- log(1 + q (x / (1 + x))^2 / v), next order]

(a) "small_scale", scale -> 0 before eps -> 0: m = 4, N = 1 (only the last two classes matter);
(b) "small_loss", eps << scale^(2 (r-2)): m = 2k, N = k - 1 (all gaps equal).
How it is solved: the pair gives log eps as an explicit function of v. Where v > q its slope is at most
(q/v - 1)/2 < 0 (first order), so the largest root is the only one there; Newton's method inside a bracket
finds it for whole arrays at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError
from mli_theory.short_repr import short_repr

__all__ = ["PlateauLaw", "largest_admissible_loss", "plateau_law"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PlateauLaw:
    """The power model at the final loss: floats, or arrays of the broadcast shape of the inputs.

    Attributes:
        bias_gap: gap > 0 between the largest bias and that of the class learned before it, nats.
        signal: v = W_jj^r of that class, nats.
        beta: gap / v, in (0, 1/2).
        plateau_end: alpha_2 = beta^(1/(r-1)), where the first prediction changes.
    """

    bias_gap: Array
    signal: Array
    beta: Array
    plateau_end: Array

    __repr__ = short_repr


def plateau_law(
    n_classes: ArrayLike,
    degree: ArrayLike,
    final_loss: ArrayLike,
    regime: str = "small_scale",
    *,
    next_order: bool = False,
) -> PlateauLaw:
    """T11's law (a) "small_scale" or (b) "small_loss"; for two classes they are one law.

    Derived, not proved: leading order in eps, or with the slow drift of r^2 v^q where `next_order`. Simulated
    beta lies between (a) and (b); `crossover_law` follows it from one to the other, given the start. The law
    ends where the last class escapes: compare `bias_gap` with `escape_gap`. Rounding: the equations are
    solved to a few units in the last place of v.

    Args:
        n_classes: integers k >= 2.
        degree: integers r >= 3.
        final_loss: eps in nats per sample, below `largest_admissible_loss`; broadcasts with the other two.
        regime: "small_scale" or "small_loss".
        next_order: subtract log(1 + q (x / (1 + x))^2 / v) from v.

    Raises:
        DomainError: naming T11 and the first bad value; for a final loss that is too large also the largest
            admissible one.

    Example:
        >>> import mli
        >>> law = mli.plateau_law(n_classes=10, degree=4, final_loss=1e-3)
        >>> round(float(law.plateau_end), 4)
        0.6804
    """
    k, r, eps = np.broadcast_arrays(
        _integers("n_classes", n_classes, 2), _integers("degree", degree, 3), _losses(final_loss)
    )
    law = _Law(k, r, regime, next_order)
    lowest = law.lowest_signal()
    largest = law.largest_loss(lowest)
    admissible = eps < largest
    v = law.signal(np.log(eps), lowest)
    gap = law.gap(v, eps)
    # A gap of 1e-15 is a rounding of the loss: whether there is a solution cannot be told.
    over = np.flatnonzero(~(admissible & (gap > 1e-15)).ravel())
    if over.size:
        i = over[0]
        raise DomainError(
            f"T11 has no admissible solution at final_loss = {eps.flat[i]} (n_classes = {k.flat[i]:.0f}, "
            f"degree = {r.flat[i]:.0f}, regime {regime!r}): "
            f"the final loss must be below {largest.flat[i]:.6g}"
        )
    beta = np.asarray(gap / v)
    # [()] makes a float of an array without dimensions and leaves the others as they are.
    return PlateauLaw(gap[()], v[()], beta[()], (beta ** (1 / (r - 1)))[()])


def largest_admissible_loss(
    n_classes: ArrayLike, degree: ArrayLike, regime: str = "small_scale", *, next_order: bool = False
) -> Array:
    """The loss below which `plateau_law` has its solution: min of (k-1)/k and of eps at the lowest v.

    The lowest v is the larger of q = 2 - 2/r and the v at which the bias gap of the first order is 0.

    Raises:
        DomainError: as `plateau_law`.

    Example:
        >>> import mli
        >>> round(float(mli.largest_admissible_loss(n_classes=10, degree=4)), 4)
        0.1043
    """
    k, r = np.broadcast_arrays(_integers("n_classes", n_classes, 2), _integers("degree", degree, 3))
    law = _Law(k, r, regime, next_order)
    return np.asarray(law.largest_loss(law.lowest_signal()))[()]


class _Law:
    """The pair of equations for arrays of k and r."""

    def __init__(self, k: Array, r: Array, regime: str, next_order: bool) -> None:
        if regime == "small_scale":
            m, self.n_active = np.full(k.shape, 4.0), np.ones(k.shape)
        elif regime == "small_loss":
            m, self.n_active = 2 * k, k - 1
        else:
            raise DomainError(
                f"T11 knows the regimes 'small_scale' and 'small_loss', got {regime!r}: "
                "what lies between them depends on the start, see crossover_law"
            )
        self.k = k
        self.q = 2 - 2 / r
        self.factor = r**2 / m
        self.next_order = next_order

    def lowest_signal(self) -> Array:
        """Where the first-order gap (v - log(1 + x)) / 2 is 0, or q if that is larger."""

        def twice_gap(v: Array) -> tuple[Array, Array]:
            x = self.factor * v**self.q
            return v - np.log1p(x), 1 - self.q / v * x / (1 + x)

        # At the upper end 2 log v <= v / 2 and log(1 + x) <= log(1 + factor) + 2 log v.
        high = 2 * np.log1p(self.factor) + 8
        return np.where(twice_gap(self.q)[0] < 0, _rising_root(twice_gap, self.q, high), self.q)

    def largest_loss(self, lowest: Array) -> Array:
        return np.minimum((self.k - 1) / self.k, np.exp(self._log_loss(lowest)[0]))

    def signal(self, log_loss: Array, lowest: Array) -> Array:
        def excess(v: Array) -> tuple[Array, Array]:
            value, slope = self._log_loss(v)
            return log_loss - value, -slope

        # log eps(v) <= reach - v / 2 + log v for v >= 1, reach + log_loss as below.
        reach = np.log(2 * self.n_active / self.k) - log_loss + np.log1p(self.factor) / 2
        return _rising_root(excess, lowest, np.maximum(4 * np.maximum(reach, 0) + 8, lowest))

    def gap(self, v: Array, loss: Array) -> Array:
        """(v - log(1 + x) [+ next order]) / 2; log(N (1 + rho) / (k eps)), its equal, where that cancels."""
        x = self.factor * v**self.q
        by_signal = (v - np.log1p(x) + np.log1p(self._drift(v, x))) / 2
        with np.errstate(over="ignore"):
            by_loss = np.log(self.n_active / (self.k * loss)) + np.log1p(1 / (1 + x))
        return np.asarray(np.where(by_signal < 1e-3 * v, by_loss, by_signal))

    def _drift(self, v: Array, x: Array) -> Array:
        return self.q * (x / (1 + x)) ** 2 / v if self.next_order else np.zeros_like(v)

    def _log_loss(self, v: Array) -> tuple[Array, Array]:
        """Log eps as a function of v, and its slope (< 0 from the lowest signal upwards)."""
        x = self.factor * v**self.q
        u = self._drift(v, x)
        value = np.log(self.n_active / self.k) + np.log(2 + x) - (np.log1p(x) + v + np.log1p(u)) / 2
        slope = self.q / v * x * x / ((1 + x) * (2 + x)) - 1
        slope = slope - u / (v * (1 + u)) * (2 * self.q / (1 + x) - 1)
        return value, slope / 2


def _rising_root(f: Callable[[Array], tuple[Array, Array]], low: Array, high: Array) -> Array:
    """The root of a rising function in [low, high], for arrays: Newton's step, bisection where it leaves."""
    low, high = low.copy(), high.copy()
    v = high.copy()
    for _ in range(200):
        value, slope = f(v)
        low = np.where(value <= 0, v, low)
        high = np.where(value > 0, v, high)
        step = v - value / slope
        step = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        done = np.abs(step - v) <= 4 * np.finfo(float).eps * v
        v = step
        if done.all():
            break
    return np.asarray(v)


def _integers(name: str, values: ArrayLike, least: int) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise DomainError(f"T11 needs integers for {name}, got {values!r}")
    if (array < least).any():
        raise DomainError(f"T11 needs {name} >= {least}, got {array[array < least].flat[0]}")
    return array.astype(np.float64)


def _losses(values: ArrayLike) -> Array:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DomainError(f"T11 needs real numbers for final_loss, got {values!r}") from error
    bad = ~((array > 0) & np.isfinite(array))
    if bad.any():
        raise DomainError(f"T11 needs a final loss > 0 and finite, got {array[bad].flat[0]}")
    return array
