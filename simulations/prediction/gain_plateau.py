"""Where one class holds every sample of a predicted line z(alpha) = g(alpha) s + b(alpha)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

__all__ = ["PredictedHeldInterval", "held_by_one_class"]

Floats = NDArray[np.float64]

_CELLS = 2000


class PredictedHeldInterval(NamedTuple):
    """From `start` to `end` in alpha every sample is predicted as `class_index`; (nan, nan): nowhere."""

    start: float
    end: float
    class_index: int


def held_by_one_class(
    signal: Floats, bias0: Floats, bias1: Floats, gain: Callable[[Floats], Floats]
) -> PredictedHeldInterval:
    """The longest interval on which the class of the end's largest last-layer bias leads on every sample.

    Args:
        signal: s (n, k), logits at alpha = 1 without the last bias.
        bias0: last-layer bias (k,) at alpha = 0.
        bias1: likewise at alpha = 1; it moves linearly.
        gain: g at each alpha of an array.

    Returns:
        Held, its ends found by Brent's method to 2e-12 (an end of the line itself where the class leads
        there), between 2,001 alphas: a shorter interval than their step may be missed. class_index is -1, and
        nothing is held, where the largest bias is tied.

    Source: T2, with g in place of alpha^r.
    """
    largest = np.flatnonzero(bias1 == bias1.max())
    if len(largest) != 1:
        return PredictedHeldInterval(float("nan"), float("nan"), -1)
    majority = int(largest[0])
    others = np.arange(len(bias1)) != majority
    behind = signal[:, others] - signal[:, [majority]]
    most, least = behind.max(axis=0), behind.min(axis=0)

    def lead(alphas: Floats) -> Floats:
        g = gain(alphas)[:, None]
        bias = (1 - alphas[:, None]) * bias0 + alphas[:, None] * bias1
        # Over samples the worst of g (s_i - s_majority) is at an extreme, which one by the sign of g.
        worst = np.where(g >= 0, g * most, g * least)
        return np.asarray((bias[:, [majority]] - bias[:, others] - worst).min(axis=1))

    def lead_at(alpha: float) -> float:
        return float(lead(np.array([alpha]))[0])

    grid = np.linspace(0.0, 1.0, _CELLS + 1)
    holds = np.concatenate([[False], lead(grid) > 0, [False]])
    starts = np.flatnonzero(holds[1:] & ~holds[:-1])
    ends = np.flatnonzero(~holds[1:] & holds[:-1]) - 1
    if not starts.size:
        return PredictedHeldInterval(float("nan"), float("nan"), majority)
    longest = int(np.argmax(ends - starts))
    first, last = int(starts[longest]), int(ends[longest])
    low = grid[first] if first == 0 else brentq(lead_at, grid[first - 1], grid[first])
    high = grid[last] if last == len(grid) - 1 else brentq(lead_at, grid[last], grid[last + 1])
    return PredictedHeldInterval(float(low), float(high), majority)
