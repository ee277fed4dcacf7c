"""One small run with all weights positive: the steps of stepper.py without the cost of a batch of one.

The method, the error rule, the events and the landing are those of stepper.py, written for one run: plain
floats decide, the right-hand side works in place, and what only describes the trajectory (progress, signal
times) is computed from all accepted steps at once after the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log

import numpy as np
from numpy.typing import NDArray

from simulations.gradient_flow.dense import StageInverse
from simulations.gradient_flow.linear import DenseInverse, Linearised
from simulations.gradient_flow.mirror import DENSE_SIZE, MirrorFlow
from simulations.gradient_flow.rosenbrock import ERROR_ORDER, GAMMA, RATES_A_STEP, rodas5p_step
from simulations.gradient_flow.run import (
    EVENT_TOLERANCE,
    GROW,
    HIT_FRACTION,
    SAFETY,
    SHRINK,
    TREND,
    FlowError,
    Run,
)
from simulations.gradient_flow.trajectory import Trajectory

__all__ = ["integrate_single", "suits_single"]

Array = NDArray[np.float64]

# exp(-margin) must not overflow; the loss never rises, so no margin falls below -loss/share.
_LARGEST_NEGATIVE_MARGIN = 600.0


def suits_single(flow: MirrorFlow, state: Array) -> bool:
    """Whether `integrate_single` takes this run: alone, k <= 10, positive weights, no gap beyond exp."""
    k = flow.n_classes
    if state.shape[1] != 1 or k * k + k > DENSE_SIZE or flow.mixed:
        return False
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        loss = float(flow.losses(flow.slope(state).margin)[0])
    return bool(loss < _LARGEST_NEGATIVE_MARGIN * flow.shares.min())


def integrate_single(
    flow: MirrorFlow, state: Array, final_loss: float, rtol: float, record: int, max_steps: int
) -> Run:
    """The run from `state` (k^2 + k, 1) to final_loss.

    Raises:
        FlowError: it needs more than max_steps steps, or its step size falls to nothing.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        driver = _Driver(flow, np.ascontiguousarray(state[:, 0]), final_loss, rtol, max_steps)
        while log(driver.at.loss) > driver.log_final:
            driver.advance()
        return driver.finished(record)


@dataclass(frozen=True)
class _Point:
    """A state and what its right-hand side yields."""

    state: Array
    rate: Array
    probability: Array
    sensitivity: Array
    margin: Array
    loss: float
    finite: bool


class _Field:
    """The right-hand side of one run, in place; logits of sample j relative to its label's."""

    def __init__(self, flow: MirrorFlow) -> None:
        self.flow, self.degree, self.k = flow, flow.degree, flow.n_classes
        self.kk = self.k * self.k
        self.minus_shares = -flow.shares
        self.inverse = np.ones(self.kk)
        self.flat = np.empty(self.kk)
        self.table = self.flat.reshape(self.k, self.k)
        self.label = self.flat[:: self.k + 1]

    def rate(self, state: Array) -> Array:
        """dU/dt and db/dt (k^2 + k,)."""
        self._signal(state)
        return self._pull(self._masses(state))

    def point(self, state: Array) -> _Point:
        """All of a step's start."""
        self._signal(state)
        sensitivity = self.inverse * self.flat
        sensitivity *= self.degree**2
        others = self._masses(state)
        total = 1.0 + others
        probability = self.table / total
        probability.reshape(-1)[:: self.k + 1] = 1.0 / total
        loss = float(self.flow.shares @ np.log1p(others))
        rate = self._pull(others)
        finite = isfinite(loss) and loss > 0 and isfinite(float(np.add.reduce(rate)))
        return _Point(state, rate, probability, sensitivity, -np.log(others), loss, finite)

    def _signal(self, state: Array) -> None:
        """V in `flat`, X of D = r^2 X V in `inverse`; nan where W would have passed infinity."""
        r, inverse, power = self.degree, self.inverse, self.flat
        if r == 2:
            np.exp(4.0 * state[: self.kk], out=power)
            return
        np.divide(-1.0 / (r * (r - 2.0)), state[: self.kk], out=inverse)
        if r == 3:
            np.sqrt(inverse, out=power)
            power *= inverse
            power *= power
        elif r == 4:
            np.sqrt(inverse, out=power)
            power *= power
            power *= inverse
        else:
            np.power(inverse, r / (r - 2.0), out=power)

    def _masses(self, state: Array) -> Array:
        """exp(z_ij - z_jj) off the diagonal and 0 on it, in `table`; returns the column sums."""
        table = self.table
        table += state[self.kk :, None]
        table -= self.label.copy()
        np.exp(table, out=table)
        self.label[:] = 0.0
        others: Array = np.add.reduce(table, axis=0)
        return others

    def _pull(self, others: Array) -> Array:
        kk, table = self.kk, self.table
        table *= self.minus_shares / (1.0 + others)
        self.label[:] = -np.add.reduce(table, axis=0)
        rate = np.empty(kk + self.k)
        rate[:kk] = self.flat
        if self.flow.train_bias:
            np.add.reduce(table, axis=1, out=rate[kk:])
        else:
            rate[kk:] = 0.0
        return rate


class _OneColumn:
    """A stage's matrix for states without the batch axis."""

    def __init__(self, linear: Linearised) -> None:
        self._linear = linear

    def solve(self, rhs: Array) -> Array:
        return self._linear.solve(rhs[:, None])[:, 0]


class _Driver:
    """The adaptive driver of stepper.py for one run; its comments hold here."""

    def __init__(
        self, flow: MirrorFlow, state: Array, final_loss: float, rtol: float, max_steps: int
    ) -> None:
        self.flow, self.field, self.rtol, self.max_steps = flow, _Field(flow), rtol, max_steps
        self.log_final = float(np.log(final_loss))
        self.kk, self.k = flow.n_classes**2, flow.n_classes
        self.inverse = StageInverse(self.k, flow.train_bias)
        self.at = self.field.point(state)
        self.h = min(1e-3, 1e-3 * self._time_to_hit())
        self.h_after = self.last_h = self.h
        self.last_ratio = 1.0
        self.landing, self.side = False, 0
        self.low = self.high = self.gap_low = self.gap_high = 0.0
        self.trials, self.evaluations = 0, 1
        self.points, self.taken = [self.at], [0.0]
        self.learned = np.where(self.at.margin >= 0, 0, -1)

    def advance(self) -> None:
        """One trial step."""
        h, at = self.h, self.at
        state, error = rodas5p_step(self.field.rate, self._matrix(), at.state, at.rate, h)
        new = self.field.point(state)
        self.trials += 1
        self.evaluations += RATES_A_STEP + 1
        ratio = self._error_ratio(new, error) if new.finite else inf
        if not ratio <= 1.0:
            self.landing = False
            plain = SAFETY * ratio ** (-1.0 / ERROR_ORDER) if ratio < inf else 0.0
            self.h = min(h * min(max(plain, SHRINK), 1.0), HIT_FRACTION * self._time_to_hit())
            return self._guard()
        gap = self._event_gap(new)
        if gap > EVENT_TOLERANCE:
            narrow = self.landing and self.high - self.low <= 4e-16 * self.high
        else:
            narrow = gap >= 0 or not self.landing
        if not narrow:
            self._bracket(gap, h * self._factor(ratio))
            return self._guard()
        after = self.h_after if self.landing else h * self._factor(ratio)
        if not self.landing:
            self.last_h, self.last_ratio = h, max(ratio, 1e-4)
        self.at, self.landing = new, False
        self.learned[(new.margin >= 0) & (self.learned < 0)] = len(self.points)
        self.points.append(new)
        self.taken.append(h)
        self.h = min(after, HIT_FRACTION * self._time_to_hit())
        return self._guard()

    def _matrix(self) -> DenseInverse | _OneColumn:
        at, k = self.at, self.k
        p, d = at.probability, at.sensitivity.reshape(k, k)
        scaled = GAMMA * self.h * self.flow.shares
        inverse = self.inverse(p, d, scaled)
        if inverse is not None:
            return DenseInverse(inverse)
        linear = Linearised.build(p[..., None], d[..., None], scaled[..., None], self.flow.train_bias)
        return _OneColumn(linear)

    def _factor(self, ratio: float) -> float:
        plain: float = SAFETY * max(ratio, 1e-10) ** (-1.0 / ERROR_ORDER)
        trend: float = (self.h / self.last_h) * (self.last_ratio / max(ratio, 1e-4)) ** (1.0 / ERROR_ORDER)
        return min(max(plain * min(max(trend, 0.3), TREND), SHRINK), GROW)

    def _error_ratio(self, new: _Point, error: Array) -> float:
        kk, r = self.kk, self.flow.degree
        size = np.abs(error)
        nats = np.maximum(self.at.sensitivity, new.sensitivity)
        if r == 2:
            np.maximum(nats, 4.0, out=nats)
        else:
            # All U are negative: the larger is the smaller in size.
            np.maximum(nats, (-r / (r - 2.0)) / np.maximum(self.at.state[:kk], new.state[:kk]), out=nats)
        nats *= size[:kk]
        return max(float(np.maximum.reduce(nats)), float(np.maximum.reduce(size[kk:]))) / self.rtol

    def _event_gap(self, point: _Point) -> float:
        gap = self.log_final - log(point.loss)
        waiting = self.learned < 0
        return max(gap, float(point.margin[waiting].max())) if waiting.any() else gap

    def _bracket(self, gap: float, after: float) -> None:
        """Narrow the bracket of an event passed (gap > 0) or fallen short of, and guess the step to it."""
        retry = gap > 0
        if retry and not self.landing:
            self.landing, self.side, self.h_after = True, 0, after
            self.low, self.gap_low = 0.0, self._event_gap(self.at)
            self.high, self.gap_high = self.h, gap
        elif retry:
            if self.side > 0:
                self.gap_low *= _damping(gap / self.gap_high)
            self.high, self.gap_high, self.side = self.h, gap, 1
        else:
            if self.side < 0:
                self.gap_high *= _damping(gap / self.gap_low)
            self.low, self.gap_low, self.side = self.h, gap, -1
        width = self.high - self.low
        guess = self.high - width * self.gap_high / (self.gap_high - self.gap_low)
        self.h = guess if self.low < guess < self.high else 0.5 * (self.low + self.high)

    def _time_to_hit(self) -> float:
        if self.flow.degree == 2:
            return inf
        # U < 0 throughout: a weight closes in where its rate is positive.
        closing = self.at.rate[: self.kk] / self.at.state[: self.kk]
        fastest = float(np.minimum.reduce(closing))
        return -1.0 / fastest if fastest < 0 else inf

    def _guard(self) -> None:
        if self.trials >= self.max_steps or not self.h > 0:
            why = f"{self.trials} steps were not enough" if self.h > 0 else "the step size fell to 0"
            raise FlowError(
                f"run 0 stopped at loss {self.at.loss:.6e} before "
                f"final_loss {np.exp(self.log_final):.6e}: {why}"
            )

    def finished(self, record: int) -> Run:
        """The records, and what is known of the run from all its steps."""
        kk, k, r = self.kk, self.k, self.flow.degree
        states = np.stack([point.state for point in self.points])
        rates = np.stack([point.rate[: kk : k + 1] for point in self.points])
        loss, taken = np.array([point.loss for point in self.points]), np.array(self.taken)
        own = states[:, : kk : k + 1]
        logs = 2.0 * own if r == 2 else np.log(-own) / (2.0 - r)
        moved = np.abs(np.diff(logs, axis=0)).mean(axis=1)
        moved += np.abs(np.diff(states[:, kk:], axis=0)).mean(axis=1) + np.abs(np.diff(np.log(loss)))
        risen, rise_time = self._rise(own, rates, taken)
        forced = np.zeros(len(loss), dtype=bool)
        forced[[0, -1]] = True
        forced[self.learned[self.learned >= 0]] = True
        forced[risen[risen >= 0]] = True
        whole = Trajectory.of_one_run(states, loss, taken, np.concatenate([[0.0], moved]), forced, record)
        n = len(whole.finish(0))
        marked, kept = np.flatnonzero(forced), np.flatnonzero(whole.forced[0, :n])
        learned, risen = (
            np.where(step >= 0, kept[np.minimum(np.searchsorted(marked, step), len(kept) - 1)], -1)
            for step in (self.learned, risen)
        )
        return Run(
            whole.states[0, :n].copy(), whole.loss[0, :n].copy(), whole.elapsed[0, :n].copy(),
            learned, risen, rise_time, self.evaluations, self.trials,
        )  # fmt: skip

    def _rise(self, own: Array, rates: Array, taken: Array) -> tuple[NDArray[np.int64], Array]:
        """Per class the step in which W_jj^r passed 1, and when by the cubic in U_jj through both ends."""
        r = self.flow.degree
        one = 0.0 if r == 2 else 1.0 / (r * (2.0 - r))
        start = np.cumsum(taken)
        risen, when = np.full(self.k, -1), np.full(self.k, np.nan)
        for j in np.flatnonzero((own >= one).any(axis=0)):
            n = risen[j] = int((own[:, j] >= one).argmax())
            if n == 0:
                when[j] = 0.0
                continue
            width, h = own[n, j] - own[n - 1, j], taken[n]
            x = (one - own[n - 1, j]) / width
            left, right = width / rates[n - 1, j], width / rates[n, j]
            share = x * x * (3.0 - 2.0 * x) * h + x * (1.0 - x) * ((1.0 - x) * left - x * right)
            when[j] = start[n - 1] + min(max(share, 0.0), h)
        return risen, when


def _damping(ratio: float) -> float:
    """Anderson and Bjorck's factor for the end that stayed, from the new over the old value of the other."""
    return 1.0 - ratio if ratio < 1.0 else 0.5
