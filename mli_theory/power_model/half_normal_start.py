"""How often a random small start of two classes has a plateau of a stated length (T16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import erf, erfc

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.short_repr import short_repr

__all__ = ["HalfNormalPlateau", "half_normal_start_plateau"]


@dataclass(frozen=True)
class HalfNormalPlateau:
    """What holds with at least `probability` at the final loss.

    Attributes:
        probability: a lower bound; 0 where the union bound is empty.
        plateau_end: lower and upper bound of alpha_2 on the homogeneous line, in (0, 1).
        bias_gap: g_min, a lower bound of b_last - b_first, nats.
        kappa: the share of the difference of potentials that is not used up.
    """

    probability: float
    plateau_end: tuple[float, float]
    bias_gap: float
    kappa: float

    __repr__ = short_repr


def half_normal_start_plateau(
    degree: int,
    init_scale: float,
    final_loss: float,
    *,
    separation: float = 0.1,
    smallest: float = 2.0,
    largest: float = 4.0,
) -> HalfNormalPlateau:
    """Bounds of the plateau from W_jj(0) = delta |xi_j|, xi standard normal, and their probability (T16).

    Two equal classes, off-diagonal weights 0, b(0) = 0, gradient flow; the class of smaller |xi| is last. The
    event is: the two |xi| differ by more than the factor 1 + tau, the smaller is at most a, the larger at
    most omega/delta. On it the flow reaches the loss, and alpha_2 is bounded as stated.

    Args:
        degree: r >= 3.
        init_scale: delta > 0.
        final_loss: eps > 0, nats per sample.
        separation: tau > 0; a larger one is less likely and lets the loss be smaller.
        smallest: a > 0, for the smaller of the two |xi|.
        largest: omega/delta > 0, for the larger of the two |xi|.

    Raises:
        DomainError: naming T16 and the value: a degree below 3, an argument that is not positive, a loss so
            small that log(1/eps) reaches 2 D, D = Phi(delta a) (1 - (1 + tau)^(2-r)), or so large that g_min
            is below 1/2.

    Source: T16, with kappa = 1 - log(1/eps)/(2 D), the largest one that the loss allows.

    Example:
        >>> import mli
        >>> found = mli.half_normal_start_plateau(degree=3, init_scale=1e-3, final_loss=1e-4)
        >>> round(found.probability, 3), [round(end, 4) for end in found.plateau_end]
        (0.937, [0.6125, 0.7071])
    """
    r = check_degree(degree, least=3, statement="T16")
    delta, eps, tau, a, width = (
        _positive(name, value)
        for name, value in (
            ("init_scale", init_scale),
            ("final_loss", final_loss),
            ("separation", separation),
            ("smallest", smallest),
            ("largest", largest),
        )
    )
    with np.errstate(over="ignore"):
        spent = float(np.float64(delta * a) ** (2 - r) * -np.expm1((2 - r) * np.log1p(tau)) / (r * (r - 2)))
    kappa = 1 + float(np.log(eps)) / (2 * spent)
    if not 0 < kappa < 1:
        raise DomainError(
            f"T16 needs 0 < log(1/eps) < 2 D = {2 * spent:.6g}, got {-np.log(eps):.6g} at final_loss "
            f"= {eps}: use a larger loss, a smaller init_scale or a larger separation"
        )
    eta = float((r * (r - 2) * kappa * spent) ** (-r / (r - 2)))
    gap = float(-np.log(np.expm1(2 * eps)) - eta)
    if not gap >= 0.5:
        raise DomainError(
            f"T16 needs g_min >= 1/2, but it is {gap:.6g} at final_loss = {eps}: use a smaller loss"
        )
    room = (width * delta) ** r
    signal = _largest_root(r, gap, eta, room)
    chance = (
        1
        - 4 / np.pi * np.arctan(tau / (2 + tau))
        - erfc(a / np.sqrt(2)) ** 2
        - (1 - erf(width / np.sqrt(2)) ** 2)
    )
    ends = (gap / signal) ** (1 / (r - 1)), 0.5 ** (1 / (r - 1))
    return HalfNormalPlateau(max(float(chance), 0.0), ends, gap, kappa)


def _positive(name: str, value: float) -> float:
    number = float(finite_array(name, value, (), statement="T16"))
    if number <= 0:
        raise DomainError(f"T16 needs {name} > 0, got {number}")
    return number


def _largest_root(r: int, gap: float, eta: float, room: float) -> float:
    """V = 2 gap + log(e^eta + (1 + e^eta) r^2 V^m/4) + room: right of V = m the difference rises."""
    m = 2 - 2 / r

    def excess(v: float) -> float:
        slow = np.logaddexp(eta, np.logaddexp(0.0, eta) + np.log(r**2 / 4) + m * np.log(v))
        return float(v - 2 * gap - slow - room)

    high = 2 * (2 * gap + room + eta + 10)
    while excess(high) <= 0:
        high *= 2
    return float(brentq(excess, max(m, 2 * gap + room), high, xtol=1e-13)) * (1 + 1e-12)
