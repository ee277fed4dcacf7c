"""What a step did, from the states at its ends: the progress made, and when a class's signal passed 1.

Classes are on the first axis, steps (or runs) on the last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Signals", "crossing_time", "moved", "signal_one"]

Array = NDArray[np.float64]


def signal_one(degree: int) -> float:
    """U where W^r = 1, phi(1)."""
    return 0.0 if degree == 2 else 1.0 / (degree * (2.0 - degree))


def moved(degree: int, old: Array, new: Array, loss_old: Array, loss_new: Array) -> Array:
    """Progress in nats (n,) from states (k^2 + k, n): of log|W_jj| and b (their means) and of log loss."""
    k = int(np.sqrt(len(old)))
    diagonal = slice(0, k * k, k + 1)
    if degree == 2:
        log_weight = 2.0 * np.abs(new[diagonal] - old[diagonal])
    else:
        log_weight = np.abs(np.log(new[diagonal] / old[diagonal])) / (degree - 2.0)
    log_weight = np.where(np.isfinite(log_weight), log_weight, 0.0)  # a frozen zero weight has none
    biases = np.abs(new[k * k :] - old[k * k :])
    nats: Array = log_weight.mean(axis=0) + biases.mean(axis=0) + np.abs(np.log(loss_new / loss_old))
    return nats


def crossing_time(
    degree: int, old: Array, new: Array, rate_old: Array, rate_new: Array, h: Array | float
) -> Array:
    """Time since the start of a step of length h at which U_jj passed phi(1).

    The time as a function of U_jj is the cubic through both ends and both slopes 1/G_jj.
    """
    width = new - old
    x = (signal_one(degree) - old) / width
    start, end = width / rate_old, width / rate_new
    time = x * x * (3.0 - 2.0 * x) * h + x * (1.0 - x) * ((1.0 - x) * start - x * end)
    clipped: Array = np.clip(time, 0.0, h)
    return clipped


class Signals:
    """Which accepted step took W_jj^r past 1, and when: risen (k,), -1 where none, and rise_time (k,)."""

    def __init__(self, degree: int, sign: Array, state: Array, rate: Array) -> None:
        self._degree, self._one, self._time = degree, signal_one(degree), 0.0
        self._positive, self._rate, k = np.diag(sign) > 0, rate, len(sign)
        already = self._positive & (state[: k * k : k + 1] >= self._one)
        self.risen, self.rise_time = np.where(already, 0, -1), np.where(already, 0.0, np.nan)

    def follow(self, path: Array, rates: Array, elapsed: Array, done: int) -> NDArray[np.bool_]:
        """Go along the states after step `done`, path (n + 1, k^2 + k): the steps (n,) with a passage."""
        k = len(self.risen)
        own, rates = path[:, : k * k : k + 1], np.concatenate([self._rate[None], rates])
        found = np.zeros(len(elapsed), dtype=bool)
        above = own[1:] >= self._one
        for j in np.flatnonzero(self._positive & (self.risen < 0) & above.any(axis=0)):
            n = int(above[:, j].argmax())
            within = crossing_time(
                self._degree, own[n, j], own[n + 1, j], rates[n, j], rates[n + 1, j], elapsed[n]
            )
            self.risen[j], self.rise_time[j] = done + 1 + n, self._time + elapsed[:n].sum() + within
            found[n] = True
        self._time += elapsed.sum()
        self._rate = rates[-1]
        return found
