"""The mean loss on a fine grid from its values at fewer alphas, with a proved remainder.

A sample's loss log(1 + sum of e^(x_i)), x_i = alpha^r S_i + alpha B_i its log odds, is analytic where all
|Im x_i| <= pi/2: there 1 + sum e^(x_i) has a real part >= 1. |Im alpha^r| <= r |alpha|^(r-1) |Im alpha|,
since |sin(r t)| <= r |sin t|. On a Bernstein ellipse of parameter rho about a panel of centre c and half
width h, alpha = c + h (rho + 1/rho)/2 cos(t) + i h (rho - 1/rho)/2 sin(t), |alpha| falls as t goes from 0 to
pi/2, and is no larger beyond (h <= c). So the largest |S| and |B| of the samples give a rho, |loss| <= M =
log k + A^r |S| + A |B| + pi/2 on the ellipse, A = |alpha| at t = 0, and the interpolant at N + 1 Chebyshev
points is within 4 M rho^-N/(rho - 1) of the loss (Trefethen, Approximation Theory and Approximation
Practice, 8.2).

Panels are halved as long as that saves nodes. Where the remainder is not below 2^-53 of the loss, or the loss
varies by more than 4 within a panel (rounding would grow in its smallest part), the grid's own alphas are
taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["OddsSize", "loss_on_grid"]

Floats = NDArray[np.float64]

_FEWEST = 24  # alphas of a panel that is worth nodes of its own
_SAVING = 0.8  # nodes a grid alpha, at most
_VARIATION = 4.0
_EPS = 2.0**-53
_RHO = 1 + np.geomspace(2e-2, 40, 60)
_ANGLES = np.linspace(0, np.pi / 2, 13)


@dataclass(frozen=True)
class OddsSize:
    """The largest |S| and |B| of some samples, in nats, with the degrees of alpha they stand beside.

    Attributes:
        signal: largest |S_i|.
        bias: largest |B_i|.
        degree: r.
        bias_degree: 1, or r where the bias moves as alpha^r.
        n_classes: k.
    """

    signal: float
    bias: float
    degree: int
    bias_degree: int
    n_classes: int

    def _ellipses(self, low: float, high: float) -> tuple[Floats, Floats]:
        """Log rho and log(4 M/(rho - 1)) of the ellipses of a panel on which the loss is analytic."""
        centre, half = (low + high) / 2, (high - low) / 2
        with np.errstate(over="ignore", invalid="ignore"):
            wide, tall = half * (_RHO + 1 / _RHO) / 2, half * (_RHO - 1 / _RHO) / 2
            # Cell by cell of the angle: |alpha| is largest at its first end, |Im alpha| at its last.
            modulus = np.hypot(centre + wide * np.cos(_ANGLES[:-1, None]), tall * np.sin(_ANGLES[:-1, None]))
            turned = self.signal * self.degree * modulus ** (self.degree - 1)
            turned += self.bias * self.bias_degree * modulus ** (self.bias_degree - 1)
            turned *= tall * np.sin(_ANGLES[1:, None])
            fits = turned.max(axis=0) <= np.pi / 2
            reach = centre + wide
            size = np.log(self.n_classes) + np.pi / 2
            size = size + self.signal * reach**self.degree + self.bias * reach**self.bias_degree
        return np.log(_RHO[fits]), np.log(4 * size[fits] / (_RHO[fits] - 1))

    def remainder(self, low: float, high: float, n: int) -> float:
        """Bound of |loss - interpolant at n + 1 Chebyshev points of [low, high]|, nats."""
        rate, size = self._ellipses(low, high)
        return float(np.exp((size - n * rate).min())) if len(rate) else np.inf

    def nodes(self, low: float, high: float, wanted: float) -> float:
        """The least even n whose remainder is at most `wanted`; inf where there is none."""
        rate, size = self._ellipses(low, high)
        least = ((size - np.log(wanted)) / rate).min() if len(rate) and wanted > 0 else np.inf
        return 2 * max(float(np.ceil(least / 2)), 1.0)


def loss_on_grid(direct: Callable[[Floats], Floats], size: OddsSize, alphas: Floats) -> Floats:
    """The mean loss at each alpha, by `direct` at the grid or at fewer alphas (m,).

    Args:
        direct: the mean loss (m,) at any alphas (m,) in [0, 1], by its definition.
        size: of the samples that `direct` averages over.
        alphas: the grid (m,) in [0, 1], in any order.
    """
    grid, place = np.unique(alphas, return_inverse=True)
    if len(grid) < 2 * _FEWEST:
        return direct(alphas)
    # A small loss asks for a small remainder: a rough one is enough to choose how many nodes to try.
    rough = float(direct(np.linspace(grid[0], grid[-1], 5)).min())
    panels = _panels(size, grid, 0, len(grid), rough * _EPS / 4)
    places = [
        grid[first:last] if n is None else _chebyshev(grid[first], grid[last - 1], n)
        for first, last, n in panels
    ]
    values = np.split(direct(np.concatenate(places)), np.cumsum([len(at) for at in places])[:-1])
    found, kept = np.empty(len(grid)), np.ones(len(grid), dtype=bool)
    for (first, last, n), at, known in zip(panels, places, values, strict=True):
        inside = grid[first:last]
        found[first:last] = known if n is None else _interpolated(at, known, inside)
        if n is not None:
            bound, least = size.remainder(inside[0], inside[-1], n), found[first:last]
            kept[first:last] = (bound <= _EPS * (least - bound)) & (known.max() <= _VARIATION * least)
    if not kept.all():
        found[~kept] = direct(grid[~kept])
    return np.asarray(found[place.reshape(alphas.shape)])


def _panels(
    size: OddsSize, grid: Floats, first: int, last: int, wanted: float
) -> list[tuple[int, int, int | None]]:
    """Pieces first:last of the grid, each with its n, or None for the grid's own alphas: cheapest found."""
    count = last - first
    if count < _FEWEST:
        return [(first, last, None)]
    own = size.nodes(grid[first], grid[last - 1], wanted)
    middle = (first + last) // 2
    halves = [
        *_panels(size, grid, first, middle, wanted),
        *_panels(size, grid, middle, last, wanted),
    ]
    cost = sum(end - start if n is None else n + 1 for start, end, n in halves)
    if own + 1 <= min(cost, _SAVING * count):
        return [(first, last, int(own))]
    return halves if cost < count else [(first, last, None)]


def _chebyshev(low: float, high: float, n: int) -> Floats:
    """The n + 1 Chebyshev points of an interval, from its upper end to its lower one."""
    cosine = np.sin(np.pi * (n - 2 * np.arange(n + 1)) / (2 * n))  # exact at both ends and in the middle
    return np.clip((low + high) / 2 + (high - low) / 2 * cosine, low, high)


def _interpolated(nodes: Floats, values: Floats, grid: Floats) -> Floats:
    """The interpolant at the grid, by the barycentric formula of Chebyshev points."""
    weights = np.where(np.arange(len(nodes)) % 2 == 0, 1.0, -1.0)
    weights[[0, -1]] /= 2
    apart = grid[:, None] - nodes[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weights / apart
        found: Floats = (share @ values) / share.sum(axis=1)
    rows, columns = np.nonzero(apart == 0)
    found[rows] = values[columns]
    return found
