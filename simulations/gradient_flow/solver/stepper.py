"""The adaptive driver in arrays: each run of a batch takes its own steps and lands on its own events.

Events are the learning times (margin of sample j reaches 0) and the final loss. A step that passes
one is taken again, shorter, until it ends there: the landed state is a step of the method, not an
interpolation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.gradient_flow.solver.batch import FlowBatch
from simulations.gradient_flow.solver.control import EVENT_TOLERANCE, HIT_FRACTION
from simulations.gradient_flow.solver.mirror import MirrorFlow, Slope
from simulations.gradient_flow.solver.progress import crossing_time, moved, signal_one
from simulations.gradient_flow.solver.rosenbrock import GAMMA, RATES_A_STEP, rodas5p_step
from simulations.gradient_flow.solver.run import FlowError, Run, why_stopped
from simulations.gradient_flow.solver.trajectory import Trajectory

__all__ = ["integrate_batch"]

Array = NDArray[np.float64]


def integrate_batch(
    flow: MirrorFlow, state: Array, final_loss: float, rtol: float, record: int, max_steps: int
) -> list[Run]:
    """Every run from its column of `state` (k^2 + k, m) to final_loss.

    Raises:
        FlowError: a run needs more than max_steps steps, or its step size falls to nothing.
    """
    driver = _Driver(flow, state, final_loss, rtol, record, max_steps)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        while driver.batch.run.size:
            driver.advance()
    return [driver.finished(run) for run in range(state.shape[1])]


class _Driver:
    def __init__(
        self, flow: MirrorFlow, state: Array, final_loss: float, rtol: float, record: int, max_steps: int
    ) -> None:
        self.flow, self.rtol, self.max_steps = flow, rtol, max_steps
        self.log_final = np.log(final_loss)
        k, m = flow.n_classes, state.shape[1]
        self.trajectory = Trajectory(state.shape[0], m, 2 * k + 2, record)
        self.learned = np.full((m, k), -1, dtype=np.int64)
        self.risen = self.learned.copy()
        self.rise_time = np.full((m, k), np.nan)
        self.time = np.zeros(m)
        self.forced_seen = np.zeros(m, dtype=np.int64)
        self.evaluations = np.ones(m, dtype=np.int64)
        self.steps = np.zeros(m, dtype=np.int64)
        self.weights_moving = flow.sign.reshape(k * k, m) != 0
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            slope = flow.slope(state)
            loss = flow.losses(slope.margin)
        zeros = np.zeros(m)
        h = np.minimum(1e-3, 1e-3 * self._time_to_hit(flow, state, slope))
        self.batch = FlowBatch(
            np.arange(m), state, slope, loss, h, h.copy(), zeros, zeros.copy(), zeros.copy(), zeros.copy(),
            np.zeros(m, dtype=bool), np.zeros(m, dtype=np.int64), h.copy(), np.ones(m),
            np.zeros(m, dtype=np.int64),
        )  # fmt: skip
        runs = np.arange(m)
        self.learned[(slope.margin >= 0).T] = 0
        already = (flow.signal(state)[0].reshape(k * k, m)[:: k + 1] >= 1).T
        self.risen[already], self.rise_time[already] = 0, 0.0
        self.forced_seen[:] = 1
        self.trajectory.add(runs, state, loss, zeros, zeros, np.ones(m, dtype=bool))
        self._drop(np.log(loss) <= self.log_final)

    def advance(self) -> None:
        """One trial step of every run under way."""
        batch, flow = self.batch, self.flow
        matrix = flow.linearise(batch.slope, GAMMA * batch.h)
        new, error = rodas5p_step(flow.rate, matrix, batch.state, batch.slope.rate, batch.h)
        slope = flow.slope(new)
        loss = flow.losses(slope.margin)
        batch.steps += 1
        self.evaluations[batch.run] += RATES_A_STEP + 1
        ratio = self._error_ratio(new, error, slope)
        ratio = np.where(np.isfinite(slope.rate).all(axis=0) & np.isfinite(loss), ratio, np.inf)
        factor = batch.factor(ratio)
        good = ratio <= 1.0
        gap = self._event_gap(batch, slope.margin, loss)
        exact = good & (gap >= 0) & (gap <= EVENT_TOLERANCE)
        crossed = good & (gap > EVENT_TOLERANCE)
        narrow = batch.landing & (batch.high - batch.low <= 4e-16 * batch.high)
        accepted = (good & ~crossed & ~batch.landing) | exact | (crossed & narrow)
        retry = crossed & ~accepted
        short = good & batch.landing & ~crossed & ~accepted
        locating = retry | short
        if locating.any():
            start_gap = self._event_gap(batch, batch.slope.margin, batch.loss)
            batch.bracket(retry, short, gap, start_gap, factor)
        rejected = ~good
        batch.landing &= ~rejected
        old = batch.h.copy()
        suggestion = np.where(batch.landing & accepted, batch.h_after, old * factor)
        self._accept(accepted, new, slope, loss, old)
        free = accepted & ~batch.landing
        batch.last_h = np.where(free, old, batch.last_h)
        batch.last_ratio = np.where(free, np.maximum(ratio, 1e-4), batch.last_ratio)
        hit = self._time_to_hit(flow, batch.state, batch.slope)
        batch.h = np.where(locating, batch.h, np.minimum(suggestion, HIT_FRACTION * hit))
        batch.landing &= ~accepted
        self._guard()
        self._drop(np.log(batch.loss) <= self.log_final)

    def _error_ratio(self, new: Array, error: Array, slope: Slope) -> Array:
        """The worst component's error over rtol: in W^r and r log W, and in nats of b."""
        b, kk, r = self.batch, self.flow.n_classes**2, self.flow.degree
        size = np.abs(error)
        nats = np.maximum(b.slope.sensitivity, slope.sensitivity).reshape(kk, -1)
        if r == 2:
            nats = np.maximum(nats, 4.0)
        else:
            smaller = np.minimum(np.abs(b.state[:kk]), np.abs(new[:kk]))
            nats = np.maximum(nats, (r / (r - 2.0)) / smaller)
        nats *= size[:kk]
        if self.flow.mixed:
            nats = np.where(self.weights_moving, nats, 0.0)
        worst: Array = np.maximum(nats.max(axis=0), size[kk:].max(axis=0)) / self.rtol
        return worst

    def _event_gap(self, batch: FlowBatch, margin: Array, loss: Array) -> Array:
        """< 0 before the next event, 0 at it: the largest margin not yet 0, or the excess of log loss."""
        waiting = (self.learned[batch.run] < 0).T
        margins = np.where(waiting, margin, -np.inf).max(axis=0)
        gap: Array = np.maximum(margins, self.log_final - np.log(loss))
        return gap

    def _accept(
        self, accepted: NDArray[np.bool_], new: Array, slope: Slope, loss: Array, taken: Array
    ) -> None:
        b = self.batch
        runs = b.run[accepted]
        if not runs.size:
            return
        progress = moved(
            self.flow.degree, b.state[:, accepted], new[:, accepted], b.loss[accepted], loss[accepted]
        )
        fresh = (slope.margin[:, accepted].T >= 0) & (self.learned[runs] < 0)
        done = np.log(loss[accepted]) <= self.log_final
        risen = self._rise(accepted, new, slope, taken)
        forced = fresh.any(axis=1) | done | risen.any(axis=1)
        ordinal = self.forced_seen[runs][:, None]
        self.learned[runs] = np.where(fresh, ordinal, self.learned[runs])
        self.risen[runs] = np.where(risen, ordinal, self.risen[runs])
        self.time[runs] += taken[accepted]
        self.forced_seen[runs] += forced
        self.trajectory.add(runs, new[:, accepted], loss[accepted], taken[accepted], progress, forced)
        if accepted.all():
            b.state, b.slope, b.loss = new, slope, loss
        else:
            b.state = np.where(accepted, new, b.state)
            b.loss = np.where(accepted, loss, b.loss)
            b.slope = Slope(
                *(
                    np.where(accepted, after, before)
                    for before, after in zip(vars(b.slope).values(), vars(slope).values(), strict=True)
                )
            )

    def _rise(self, accepted: NDArray[np.bool_], new: Array, slope: Slope, taken: Array) -> NDArray[np.bool_]:
        """Classes (run, k) whose W_jj^r passes 1 in the accepted step; their times are noted."""
        b, k = self.batch, self.flow.n_classes
        runs = b.run[accepted]
        diagonal = slice(0, k * k, k + 1)
        after = new[diagonal, accepted]
        positive = self.flow.sign.reshape(k * k, -1)[diagonal, accepted] > 0
        risen = positive & (after >= signal_one(self.flow.degree)) & (self.risen[runs] < 0).T
        if risen.any():
            within = crossing_time(
                self.flow.degree, b.state[diagonal, accepted], after, b.slope.rate[diagonal, accepted],
                slope.rate[diagonal, accepted], taken[accepted],
            )  # fmt: skip
            when = self.time[runs] + within
            self.rise_time[runs] = np.where(risen.T, when.T, self.rise_time[runs])
        return risen.T

    def _time_to_hit(self, flow: MirrorFlow, state: Array, slope: Slope) -> Array:
        """Time until the first weight would reach infinity if U went on at its present rate."""
        if flow.degree == 2:
            return np.full(state.shape[1], np.inf)
        kk = flow.n_classes**2
        mirrored, rate = state[:kk], slope.rate[:kk]
        closing = self.weights_moving & (mirrored * rate < 0)
        time: Array = np.where(closing, -mirrored / np.where(closing, rate, 1.0), np.inf).min(axis=0)
        return time

    def _guard(self) -> None:
        b = self.batch
        stuck = (b.steps >= self.max_steps) | ~(b.h > 0)
        if stuck.any():
            n = int(np.flatnonzero(stuck)[0])
            reached = (b.loss[n], self.log_final, b.steps[n], b.h[n])
            raise FlowError(why_stopped(b.run[n], *reached))

    def _drop(self, done: NDArray[np.bool_]) -> None:
        if done.any():
            self.steps[self.batch.run] = self.batch.steps
            keep = ~done
            self.batch = self.batch.select(keep)
            self.flow = self.flow.select(keep)
            self.weights_moving = self.weights_moving[:, keep]

    def finished(self, run: int) -> Run:
        """The records of one run."""
        return Run.from_trajectory(
            self.trajectory, run, self.learned[run], self.risen[run], self.rise_time[run],
            int(self.evaluations[run]), int(self.steps[run]),
        )  # fmt: skip
