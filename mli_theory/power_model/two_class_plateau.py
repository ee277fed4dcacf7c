"""Proved bounds of the plateau of the power model with two classes, at a given loss (T11b).

Diagonal start W_11(0) > W_22(0) >= 0, equal classes, b(0) = 0, degree r >= 3, gradient flow. At loss eps,
with v = W_11^r, v_2 = W_22^r, g = b_2 - b_1, y = e^(2g - v), c(v) = r^2 v^m, m = 2 - 2/r, v0 = v(0):

    (v)    -log(e^(2 eps) - 1) - v_2 <= g <= -log(e^eps - 1) - v_2
    (iii)  v_2 <= eta = (r (r-2) kappa dPhi)^(-r/(r-2)) while g <= 2 (1 - kappa) dPhi
    (ii)   y <= (4/(c+4)) v/(v - 4m/3) + e^(-(v - 20/3)) for v >= 20/3; y < 1 always
    (iii)  y >= e^(-v0) 4/((1 + e^eta) c + 4 e^eta)
    (iv)   y >= (1 - e^(-(v-w))) 4/((e^(-g_w) + e^eta) c + 4 e^eta), g_w = g at w <= v

The unknown v is looked for cell by cell: on a cell the bounds are put at the end where they are weakest, a
cell that no g of (v) fits is left out, and the rest bound v, g and g/v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.names_in_words import first_of
from mli_theory.short_repr import short_repr

__all__ = ["TwoClassPlateauBounds", "loss_of_two_classes", "two_class_plateau_bounds"]

Array = NDArray[np.float64]

_STATEMENT = "T11b"
_CELLS = 20_000
_ROUNDING = 1e-11  # of sums and logarithms of a few dozen nats; the bounds are widened by it


@dataclass(frozen=True)
class TwoClassPlateauBounds:
    """Lower and upper bounds at the final loss, each a pair.

    Attributes:
        bias_gap: of g = b_2 - b_1, nats.
        signal: of v = W_11^r, nats.
        beta: of g/v; the upper one is at most 1/2.
        plateau_end: of alpha_2 = beta^(1/(r-1)) on the homogeneous line; at most 2^(-1/(r-1)).
        last_signal: eta, an upper bound of W_22^r, nats.
    """

    bias_gap: tuple[float, float]
    signal: tuple[float, float]
    beta: tuple[float, float]
    plateau_end: tuple[float, float]
    last_signal: float

    __repr__ = short_repr


def two_class_plateau_bounds(diagonal: ArrayLike, degree: int, final_loss: float) -> TwoClassPlateauBounds:
    """Bounds of the plateau of two classes at a loss, from the initial weights (T11b; proved).

    Law (a) with explicit errors, from any start at which the last class is still held by its bias. The
    plateau is the one of the homogeneous line, z = alpha^r s + alpha b.

    Args:
        diagonal: (2,) initial W_jj >= 0 in any order, different; the weights off the diagonal are 0.
        degree: r >= 3.
        final_loss: eps > 0, nats per sample, below the loss at the start.

    Raises:
        DomainError: naming T11b and the value: another number of classes, equal or negative weights, a loss
            not below the start's, one so large that the lower bound of the gap is below 1/2, or so small that
            log(1/(e^eps - 1)) reaches 2 (Phi(W_22) - Phi(W_11)): then the last class may have escaped.

    Source: T11b, (i) to (v). The bounds are widened by 1e-11 for rounding.

    Example:
        >>> import mli
        >>> found = mli.two_class_plateau_bounds([0.02, 0.01], degree=3, final_loss=1e-4)
        >>> [round(end, 4) for end in found.plateau_end]
        [0.6225, 0.6279]
    """
    r = check_degree(degree, least=3, statement=_STATEMENT)
    weights = finite_array("diagonal", diagonal, (2,), statement=_STATEMENT)
    last, first = sorted(weights.tolist())
    if last < 0 or first == last:
        raise DomainError(f"{_STATEMENT} needs two different weights >= 0, got [{first_of(weights)}]")
    eps = float(finite_array("final_loss", final_loss, (), statement=_STATEMENT))
    with np.errstate(over="ignore"):
        v0, v2 = np.array([first, last]) ** float(r)
        spent = _difference_of_potentials(first, last, r)
    if not np.isfinite(v0):
        raise DomainError(f"{_STATEMENT}: {first} to the power {r} is beyond float64: use a smaller weight")
    start_loss = loss_of_two_classes(float(v0), float(v2))
    if not 0 < eps < start_loss:
        raise DomainError(
            f"{_STATEMENT} needs 0 < final_loss < {start_loss:.6g}, the loss at the start, got {eps}"
        )
    highest = -np.log(np.expm1(eps)) - v2
    left = 1 - highest / (2 * spent)  # kappa
    if not left > 0:
        raise DomainError(
            f"{_STATEMENT} needs log(1/(e^eps - 1)) - W_22(0)^r = {highest:.6g} at final_loss = {eps} below "
            f"2 (Phi(W_22) - Phi(W_11)) = {2 * spent:.6g}: at smaller losses the last class may escape"
        )
    with np.errstate(over="ignore"):
        eta = float((r * (r - 2) * left * spent) ** (-r / (r - 2)))
    lowest = -np.log(np.expm1(2 * eps)) - eta
    if not lowest >= 0.5:
        raise DomainError(
            f"{_STATEMENT} needs a gap of at least 1/2, but -log(e^(2 eps) - 1) - eta = {lowest:.6g} at "
            f"final_loss = {eps} (eta = {eta:.3g} bounds W_22^r): use a smaller loss or smaller weights"
        )
    return _bounds(r, float(v0), eta, float(lowest), float(highest))


def loss_of_two_classes(v_1: float, v_2: float) -> float:
    """Loss of logits (v_1, 0) and (0, v_2) without bias, in nats per sample."""
    return float((np.logaddexp(0.0, -v_1) + np.logaddexp(0.0, -v_2)) / 2)


def _difference_of_potentials(first: float, last: float, r: int) -> float:
    """Phi(last) - Phi(first) > 0 without cancellation; inf where last is 0 or so small that Phi is."""
    if last == 0:
        return np.inf
    steps = (r - 2) * np.log(first / last)
    return float(np.expm1(steps) * first ** (2.0 - r) / (r * (r - 2)))


def _bounds(r: int, v0: float, eta: float, lowest: float, highest: float) -> TwoClassPlateauBounds:
    m = 2 - 2 / r
    grown = np.exp(eta)

    def never_below(v: Array) -> Array:
        """(iii): log of the lower bound of y."""
        return np.asarray(np.log(4) - v0 - np.log((1 + grown) * r**2 * v**m + 4 * grown))

    def never_above(v: Array) -> Array:
        """(ii): log of the upper bound of y, 0 below 20/3."""
        far = np.maximum(v, 20 / 3)
        bound = 4 / (r**2 * far**m + 4) * far / (far - 4 * m / 3) + np.exp(-(far - 20 / 3))
        return np.where(v < 20 / 3, 0.0, np.minimum(np.log(bound), 0.0))

    # v > 2g, and v <= 2g + ell(v) with ell(v) = -never_below(v), whose slope is at most m/v.
    top = 2 * highest + 1
    for _ in range(200):
        top = 2 * highest + 2 + max(-float(never_below(np.array(top))), 0.0)
    edges = np.geomspace(max(2 * lowest, v0), max(top, v0) * 1.001, _CELLS + 1)
    a, b = edges[:-1], edges[1:]
    below = never_below(b)
    for share in (0.3, 0.5, 0.7, 0.85):  # (iv), restarted at w: any w will do
        w = np.maximum(share * a, v0)
        gap_at_w = np.maximum((w + never_below(w)) / 2, 0.0)
        with np.errstate(divide="ignore"):
            restarted = np.log(-np.expm1(-(a - w)))
        restarted += np.log(4) - np.log((np.exp(-gap_at_w) + grown) * r**2 * b**m + 4 * grown)
        below = np.maximum(below, restarted)
    gap_low = np.maximum((a + below) / 2, lowest)
    gap_high = np.minimum((b + never_above(a)) / 2, highest)
    fits = gap_low <= gap_high + _ROUNDING
    wide = 1 + _ROUNDING
    beta = float((gap_low / b)[fits].min()) / wide, min(float((gap_high / a)[fits].max()) * wide, 0.5)
    return TwoClassPlateauBounds(
        bias_gap=(float(gap_low[fits].min()) / wide, float(gap_high[fits].max()) * wide),
        signal=(float(a[fits].min()) / wide, float(b[fits].max()) * wide),
        beta=beta,
        plateau_end=(beta[0] ** (1 / (r - 1)), beta[1] ** (1 / (r - 1))),
        last_signal=eta * wide,
    )
