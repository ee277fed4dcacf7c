"""What both drivers (stepper.py, single.py) share: the constants of step control and a finished run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EVENT_TOLERANCE",
    "GROW",
    "HIT_FRACTION",
    "SAFETY",
    "SHRINK",
    "TREND",
    "FlowError",
    "Run",
]

Array = NDArray[np.float64]

EVENT_TOLERANCE = 1e-11  # in the margin and in log loss
SAFETY, SHRINK, GROW, TREND = 0.9, 0.2, 8.0, 1.25
# A waiting weight is exactly linear in U: without this limit each step would overshoot phi's range.
HIT_FRACTION = 0.99


class FlowError(RuntimeError):
    """The flow was not solved to the final loss; the message says how far it came and why."""


@dataclass(frozen=True)
class Run:
    """One finished run: states (record, k^2 + k) in mirror coordinates and what goes with them.

    elapsed (record,): time since the record before. learned (k,): the record at which p_jj reached
    1/2, -1 where it had not by the end; risen (k,): the first record with W_jj^r >= 1, -1 where none,
    and rise_time (k,) the time of that, nan where none.
    """

    states: Array
    loss: Array
    elapsed: Array
    learned: NDArray[np.int64]
    risen: NDArray[np.int64]
    rise_time: Array
    evaluations: int
    steps: int
