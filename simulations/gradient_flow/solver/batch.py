"""What the runs under way carry from step to step, and how their step sizes follow.

The last axis is the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.gradient_flow.solver.control import GROW, SAFETY, SHRINK, TREND
from simulations.gradient_flow.solver.mirror import Slope
from simulations.gradient_flow.solver.rosenbrock import ERROR_ORDER

__all__ = ["FlowBatch"]

Array = NDArray[np.float64]


@dataclass
class FlowBatch:
    """What is carried from step to step for the runs still under way; the last axis is the run."""

    run: NDArray[np.int64]
    state: Array
    slope: Slope
    loss: Array
    h: Array  # the next trial
    h_after: Array  # the step to go on with after a landing
    low: Array  # bracket of the event, low = 0 when none is being located
    high: Array
    gap_low: Array  # event function at the bracket's ends
    gap_high: Array
    landing: NDArray[np.bool_]
    side: NDArray[np.int64]  # end of the bracket moved last: +1 high, -1 low, 0 none
    last_h: Array  # of the last accepted step, and its error ratio
    last_ratio: Array
    steps: NDArray[np.int64]

    def select(self, keep: NDArray[np.bool_]) -> FlowBatch:
        """Some of the runs."""
        slope = Slope(*(part[..., keep] for part in vars(self.slope).values()))
        rest = {name: part[..., keep] for name, part in vars(self).items() if name != "slope"}
        return FlowBatch(slope=slope, **rest)

    def factor(self, ratio: Array) -> Array:
        """By how much to change the step: Gustafsson's predictive rule, from the trend of the error constant.

        Towards an arrival the right step shrinks, after it it grows, by a like factor each step.
        """
        plain = SAFETY * np.maximum(ratio, 1e-10) ** (-1.0 / ERROR_ORDER)
        trend = (self.h / self.last_h) * (self.last_ratio / np.maximum(ratio, 1e-4)) ** (1.0 / ERROR_ORDER)
        factor: Array = np.clip(plain * np.clip(trend, 0.3, TREND), SHRINK, GROW)
        return np.where(ratio <= 1.0, factor, np.clip(plain, SHRINK, 1.0))

    def bracket(
        self, retry: NDArray[np.bool_], short: NDArray[np.bool_], gap: Array, start_gap: Array, factor: Array
    ) -> None:
        """Narrow the bracket of runs that passed (retry) or fell short of (short) their event.

        gap and start_gap are the event function at both ends of the step. Anderson and Bjorck's rule: an
        end that stays twice has its value scaled down.
        """
        first = retry & ~self.landing
        self.h_after = np.where(first, self.h * factor, self.h_after)
        self.low, self.gap_low = np.where(first, 0.0, self.low), np.where(first, start_gap, self.gap_low)
        self.side = np.where(first, 0, self.side)
        again_high, again_low = retry & (self.side > 0), short & (self.side < 0)
        self.gap_low = np.where(again_high, self.gap_low * _damping(gap / self.gap_high), self.gap_low)
        self.gap_high = np.where(again_low, self.gap_high * _damping(gap / self.gap_low), self.gap_high)
        self.high, self.gap_high = np.where(retry, self.h, self.high), np.where(retry, gap, self.gap_high)
        self.low, self.gap_low = np.where(short, self.h, self.low), np.where(short, gap, self.gap_low)
        self.side = np.where(retry & ~first, 1, np.where(short, -1, self.side))
        self.landing |= retry
        guess = self.high - (self.high - self.low) * self.gap_high / (self.gap_high - self.gap_low)
        inside = (guess > self.low) & (guess < self.high)
        guess = np.where(inside, guess, 0.5 * (self.low + self.high))
        self.h = np.where(retry | short, guess, self.h)


def _damping(ratio: Array) -> Array:
    """Anderson and Bjorck's factor for the end that stayed, from the new over the old value of the other."""
    return np.where(ratio < 1.0, 1.0 - ratio, 0.5)
