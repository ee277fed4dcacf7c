"""The driver of one run after another in compiled loops (kernel.py).

The same steps as stepper.py's batch, whose arrays cost numpy some 300 calls a step however small they are:
here a step of a small run takes microseconds. Each is tested on the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.gradient_flow.solver import control
from simulations.gradient_flow.solver.mirror import MirrorFlow
from simulations.gradient_flow.solver.progress import Signals, moved
from simulations.gradient_flow.solver.rosenbrock import ERROR_ORDER, GAMMA, MEMORIES, RATES_A_STEP, SHIFTS
from simulations.gradient_flow.solver.run import FlowError, Run, why_stopped
from simulations.gradient_flow.solver.trajectory import Trajectory

__all__ = ["integrate_compiled"]

Array = NDArray[np.float64]

_CHUNK = 2**20  # numbers: room for the steps that are handed over at a time


def integrate_compiled(
    flow: MirrorFlow, state: Array, final_loss: float, rtol: float, record: int, max_steps: int
) -> list[Run]:
    """Every run from its column of `state` (k^2 + k, m) to final_loss, one after the other.

    Raises:
        FlowError: a run needs more than max_steps steps, or its step size falls to nothing.
    """
    # Not before the first run: numba takes 0.3 s to import.
    from simulations.gradient_flow.solver import kernel

    rules = np.zeros(1, kernel.RULES)[0]
    rules["degree"], rules["train_bias"], rules["max_steps"] = flow.degree, flow.train_bias, max_steps
    rules["error_order"], rules["gamma"] = ERROR_ORDER, GAMMA
    rules["rtol"], rules["log_final"] = rtol, np.log(final_loss)
    rules["safety"], rules["shrink"], rules["grow"] = control.SAFETY, control.SHRINK, control.GROW
    rules["trend"], rules["hit_fraction"] = control.TREND, control.HIT_FRACTION
    rules["event_tolerance"] = control.EVENT_TOLERANCE
    # Of zero weights, whose U means nothing; and time itself where a run waits without end.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return [_one_run(kernel, flow, state, run, rules, record) for run in range(state.shape[1])]


def _one_run(kernel: Any, flow: MirrorFlow, start: Array, run: int, rules: Any, record: int) -> Run:
    k, n = flow.n_classes, len(start)
    state, sign = start[:, run].copy(), flow.sign[..., run].copy()  # state moves on, and is the caller's
    alone = flow.select(np.arange(start.shape[1]) == run)
    slope = alone.slope(state[:, None])
    hit = kernel.time_to_hit(state, slope.rate[:, 0], sign, rules)
    carry = np.zeros(1, kernel.CARRY)[0]
    carry["h"] = carry["h_after"] = carry["last_h"] = min(1e-3, 1e-3 * hit)
    carry["last_ratio"], carry["loss"] = 1.0, alone.losses(slope.margin)[0]
    learned = np.where(slope.margin[:, 0] >= 0, 0, -1)
    signals = Signals(flow.degree, sign, state, slope.rate[: k * k : k + 1, 0])
    trajectory = Trajectory(n, 1, 2 * k + 2, record)
    zero = np.zeros(1)
    trajectory.add_steps(state[None], np.array([carry["loss"]]), zero, zero, np.ones(1, dtype=bool))
    marked = [zero.astype(np.int64)]
    rows = max(8, min(_CHUNK // n, 2048))
    states, rates, losses, elapsed = np.empty((rows, n)), np.empty((rows, k)), np.empty(rows), np.empty(rows)
    while np.log(carry["loss"]) > rules["log_final"]:
        before, loss_before, done = state.copy(), carry["loss"], int(carry["accepted"])
        count = kernel.advance(
            state, sign, flow.shares, rules, SHIFTS, MEMORIES, carry, learned, states, rates, losses, elapsed
        )
        if count:
            path = np.concatenate([before[None], states[:count]])
            path_loss = np.concatenate([[loss_before], losses[:count]])
            step = np.arange(done + 1, done + 1 + count)
            forced = np.isin(step, learned) | signals.follow(path, rates[:count], elapsed[:count], done)
            forced[-1] |= np.log(carry["loss"]) <= rules["log_final"]
            progress = moved(flow.degree, path[:-1].T, path[1:].T, path_loss[:-1], path_loss[1:])
            trajectory.add_steps(states[:count], losses[:count], elapsed[:count], progress, forced)
            marked.append(step[forced])
        elif np.log(carry["loss"]) > rules["log_final"]:
            reached = (carry["loss"], rules["log_final"], carry["trials"], carry["h"])
            raise FlowError(why_stopped(run, *reached))
    records = np.concatenate(marked)
    learned, risen = (np.where(at >= 0, np.searchsorted(records, at), -1) for at in (learned, signals.risen))
    evaluations = 1 + (RATES_A_STEP + 1) * int(carry["trials"])
    return Run.from_trajectory(
        trajectory, 0, learned, risen, signals.rise_time, evaluations, int(carry["trials"])
    )
