"""What both drivers (stepper.py, compiled.py) hand back: a finished run, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.gradient_flow.solver.trajectory import Trajectory

__all__ = ["FlowError", "Run", "why_stopped"]

Array = NDArray[np.float64]


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

    @classmethod
    def from_trajectory(
        cls,
        trajectory: Trajectory,
        run: int,
        learned: NDArray[np.int64],
        risen: NDArray[np.int64],
        rise_time: Array,
        evaluations: int,
        steps: int,
    ) -> Run:
        """The run's records, thinned; learned and risen (k,) count its forced candidates, the start 0."""
        trajectory.finish(run)
        n = int(trajectory.count[run])
        forced = np.flatnonzero(trajectory.forced[run, :n])
        learned, risen = (np.where(seen >= 0, forced[np.maximum(seen, 0)], -1) for seen in (learned, risen))
        states, loss, elapsed = (
            part[run, :n].copy() for part in (trajectory.states, trajectory.loss, trajectory.elapsed)
        )
        return cls(states, loss, elapsed, learned, risen, rise_time, evaluations, steps)


def why_stopped(run: int, loss: float, log_final: float, steps: int, h: float) -> str:
    """The message of a run that ended before its final loss, with `steps` taken and h to take next.

    The loss is within reach: `check_reachable` refuses one that is not, before any step.
    """
    why = f"{steps} steps were not enough" if h > 0 else "the step size fell to 0"
    return f"run {run} stopped at loss {loss:.6e} before final_loss {np.exp(log_final):.6e}: {why}"
