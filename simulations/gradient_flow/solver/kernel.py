"""One run of the flow as plain loops, compiled by numba (compiled.py calls it).

The method, the error rule, the events and the landing are those of mirror.py, linear.py, rosenbrock.py and
stepper.py; their comments say why. Numba's cache on disk looks at this file alone, so that all compiled code
is here and every constant of the others comes in through `rules`, `shifts` and `memories`.

States are (k^2 + k,), tables (k, k) [class i, sample j]; sign is that of W^r, 0 for a weight held at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, isfinite, log, log1p, nan
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["CARRY", "RULES", "advance", "factorise", "field", "solve", "time_to_hit"]

Array = NDArray[np.float64]
Classes = NDArray[np.int64]  # (k,): for every sample a class
Record = Any  # one element of a structured array: np.void, whose fields numba reads as attributes
Point = tuple[Array, Array, Array, Array]  # dy/dt, and p, D, margins as `Slope` has them
Matrix = tuple[Array, Array, Array, Array]  # conductances, shares, the links of the biases eliminated, pivots
Room = tuple[
    Array, Array, Array, Array
]  # (k, k), (k, k), (k,), (k,): scratch, for nothing is allocated in a step

# What does not change during a run.
RULES = np.dtype(
    [(name, "i8") for name in ("degree", "train_bias", "max_steps", "error_order")]
    + [(name, "f8") for name in ("rtol", "log_final", "gamma", "safety", "shrink", "grow", "trend")]
    + [(name, "f8") for name in ("hit_fraction", "event_tolerance")]
)
# What a run carries from one call of `advance` to the next, as stepper.py's batch does.
CARRY = np.dtype(
    [(name, "f8") for name in ("h", "h_after", "last_h", "last_ratio", "low", "high", "gap_low", "gap_high")]
    + [("loss", "f8")]
    + [(name, "i8") for name in ("landing", "side", "trials", "accepted")]
)


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled with a cache on disk, or without one where no folder for it can be written."""
    try:
        return njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        return njit(error_model="numpy")(function)


@_compile
def field(state: Array, sign: Array, shares: Array, rules: Record, point: Point, room: Room) -> float:
    """Fill the point at a state and return the loss, nan where a weight passed infinity.

    A margin is taken from the largest other logit, so that it neither overflows nor vanishes.
    """
    rate, probability, sensitivity, margin = point
    k, r, own = len(shares), rules.degree, margin
    _, _, top, others = room
    top[:] = -inf
    others[:] = 0.0
    for i in range(k):
        for j in range(k):
            s, u = sign[i, j], state[i * k + j]
            x = 1.0 if r == 2 else s / (-r * (r - 2.0) * u)
            if s == 0:
                v = x = 0.0
            elif r == 2:
                v = exp(4.0 * u)
            elif x < 0:
                v = nan
            elif r == 3:
                v = x * x * x
            elif r == 4:
                v = x * x
            else:
                v = x ** (r / (r - 2.0))
            sensitivity[i, j] = r * r * x * v
            z = s * v + state[k * k + i]
            probability[i, j] = z
            if i == j:
                own[j] = z
            elif z > top[j]:
                top[j] = z
    for i in range(k):
        for j in range(k):
            if i != j:
                probability[i, j] = exp(probability[i, j] - top[j])
                others[j] += probability[i, j]
    loss = 0.0
    for j in range(k):
        margin[j] = m = own[j] - top[j] - log(others[j])
        t = exp(-abs(m))
        wrong = (t if m > 0 else 1.0) / (1.0 + t)
        probability[j, j] = (1.0 if m > 0 else t) / (1.0 + t)
        loss += shares[j] * (log1p(t) + max(-m, 0.0))
        others[j] = wrong / others[j]
        rate[j * (k + 1)] = 0.0
    for i in range(k):
        for j in range(k):
            if i != j:
                probability[i, j] *= others[j]
                pull = shares[j] * probability[i, j]
                rate[i * k + j] = -pull
                rate[j * (k + 1)] += pull
    for i in range(k):
        rate[k * k + i] = 0.0
        if rules.train_bias:
            for j in range(k):
                rate[k * k + i] += rate[i * k + j]
    return loss


@_compile
def factorise(
    point: Point, shares: Array, step: float, train_bias: int, matrix: Matrix, hub: Classes, room: Room
) -> None:
    """Fill the stage's matrix I - step J at a point and the hubs of the samples.

    A hub is the class from which the others of a column are seen: one of large conductance, so that the
    column's mean is not lost in rounding beside it. It is the label unless another class has more than twice
    the label's conductance: classes that are alike are then treated alike.
    """
    _, probability, sensitivity, _ = point
    conductance, share, links, pivots = matrix
    transposed, _, total, most = room
    k = len(shares)
    total[:] = 0.0
    most[:] = 0.0
    for i in range(k):
        for j in range(k):
            a = step * shares[j] * probability[i, j]
            conductance[i, j] = a = a / (1.0 + a * sensitivity[i, j])
            total[j] += a
            if a > most[j]:
                most[j], hub[j] = a, i
    for j in range(k):
        if 2.0 * conductance[j, j] >= most[j]:
            hub[j] = j
    for i in range(k):
        for j in range(k):
            share[i, j] = conductance[i, j] / total[j]
            transposed[j, i] = share[i, j]
    if not train_bias:
        return
    # The links are symmetric: those of i < other are enough, and the other half holds the factors.
    links[:] = 1.0 / k
    for i in range(k):
        for j in range(k):
            for other in range(i + 1, k):
                links[i, other] += conductance[i, j] * transposed[j, other]
    # Elimination without a subtraction: every entry keeps a small relative error at any stiffness.
    for n in range(k - 1):
        pivots[n] = links[n, n + 1 :].sum()
        for i in range(n + 1, k):
            factor = links[i, n] = links[n, i] / pivots[n]
            for j in range(i + 1, k):
                links[i, j] += factor * links[n, j]


@_compile
def _laplacian(matrix: Matrix, hub: Classes, q: Array, out: Array, mean: Array) -> None:
    """Conductance times (q - the mean of q over each column), from q relative to the hub's entry."""
    conductance, share, _, _ = matrix
    k = len(q)
    mean[:] = 0.0
    for i in range(k):
        for j in range(k):
            mean[j] += share[i, j] * (q[i, j] - q[hub[j], j])
    for i in range(k):
        for j in range(k):
            out[i, j] = conductance[i, j] * ((q[i, j] - q[hub[j], j]) - mean[j])


@_compile
def _inflows(hub: Classes, kept: Array, moved: Array, pulled: Array, flows: Array) -> None:
    """Fill flows[i, m], i < m, the net flow of bias from m to i.

    Of a column, which sums to 0, every class's part comes from the column's hub; kept (k,), which sums to
    0 too, comes in equal parts from all classes.
    """
    k = len(kept)
    for i in range(k):
        for m in range(i + 1, k):
            flows[i, m] = (kept[i] - kept[m]) / k
    for i in range(k):
        for j in range(k):
            part = moved[i * k + j] - pulled[i, j]
            if i < hub[j]:
                flows[i, hub[j]] += part
            elif i > hub[j]:
                flows[hub[j], i] -= part


@_compile
def solve(
    sensitivity: Array, train_bias: int, matrix: Matrix, hub: Classes,
    kept: Array, moved: Array, x: Array, room: Room,
) -> None:  # fmt: skip
    """Fill x with (I - step J) x = kept + moved from what `factorise` left.

    moved is a multiple of the rate; its biases are not read, for they are the sums of its rows.
    """
    _, _, links, pivots = matrix
    driven, pulled, mean, _ = room
    k = len(pivots)
    for i in range(k):
        for j in range(k):
            driven[i, j] = sensitivity[i, j] * (kept[i * k + j] + moved[i * k + j])
    y = x[k * k :]
    y[:] = 0.0
    if train_bias:
        flows = x[: k * k].reshape(k, k)  # free until the end
        _laplacian(matrix, hub, driven, pulled, mean)
        _inflows(hub, kept[k * k :], moved, pulled, flows)
        # What flows into an eliminated class is handed on to the others; what a class would get back of its
        # own flow is never formed, so that no sum of large flows has to cancel. The last class stays at 0.
        for n in range(k - 1):
            y[n] = flows[n, n + 1 :].sum() / pivots[n]
            for i in range(n + 1, k):
                factor, back = links[i, n], flows[n, i] / pivots[n]
                for j in range(i + 1, k):
                    flows[i, j] += factor * flows[n, j] - back * links[n, j]
        for n in range(k - 2, -1, -1):
            for j in range(n + 1, k):
                y[n] += links[j, n] * y[j]
        y -= np.sum(y) / k
    for i in range(k):
        for j in range(k):
            driven[i, j] += y[i]
    _laplacian(matrix, hub, driven, pulled, mean)
    for i in range(k):
        for j in range(k):
            x[i * k + j] = kept[i * k + j] + moved[i * k + j] - pulled[i, j]


@_compile
def _error_ratio(
    old: Array, new: Array, sign: Array, rules: Record, d_old: Array, d_new: Array, error: Array
) -> float:
    """The worst component's error over rtol: in W^r and r log W, and in nats of b."""
    k, r, worst = len(sign), rules.degree, 0.0
    for i in range(k):
        for j in range(k):
            if sign[i, j] != 0:
                n = i * k + j
                by_log = 4.0 if r == 2 else (r / (r - 2.0)) / min(abs(old[n]), abs(new[n]))
                worst = max(worst, max(d_old[i, j], d_new[i, j], by_log) * abs(error[n]))
        worst = max(worst, abs(error[k * k + i]))
    return worst / float(rules.rtol)


@_compile
def time_to_hit(state: Array, rate: Array, sign: Array, rules: Record) -> float:
    """Time until the first weight would reach infinity if U went on at its present rate."""
    k, fastest = len(sign), 0.0
    if rules.degree > 2:
        for i in range(k):
            for j in range(k):
                if sign[i, j] != 0:
                    fastest = max(fastest, -rate[i * k + j] / state[i * k + j])
    return 1.0 / fastest


@_compile
def _event_gap(learned: NDArray[np.int64], margin: Array, loss: float, rules: Record) -> float:
    """< 0 before the next event, 0 at it: the largest margin not yet 0, or the excess of log loss."""
    gap = float(rules.log_final - log(loss))
    for j in range(len(learned)):
        if learned[j] < 0:
            gap = max(gap, margin[j])
    return gap


@_compile
def _factor(carry: Record, rules: Record, ratio: float) -> float:
    """By how much to change the step after an accepted one: Gustafsson's predictive rule."""
    order = 1.0 / rules.error_order
    plain = rules.safety * max(ratio, 1e-10) ** -order
    trend = (carry.h / carry.last_h) * (carry.last_ratio / max(ratio, 1e-4)) ** order
    return float(min(max(plain * min(max(trend, 0.3), rules.trend), rules.shrink), rules.grow))


@_compile
def _bracket(carry: Record, gap: float, start_gap: float, after: float) -> None:
    """Narrow the bracket of an event passed (gap > 0) or fallen short of; guess the step to it."""
    if gap > 0 and not carry.landing:
        carry.landing, carry.side, carry.h_after = 1, 0, after
        carry.low, carry.gap_low = 0.0, start_gap
        carry.high, carry.gap_high = carry.h, gap
    elif gap > 0:
        if carry.side > 0:
            carry.gap_low *= _damping(gap / carry.gap_high)
        carry.high, carry.gap_high, carry.side = carry.h, gap, 1
    else:
        if carry.side < 0:
            carry.gap_high *= _damping(gap / carry.gap_low)
        carry.low, carry.gap_low, carry.side = carry.h, gap, -1
    guess = carry.high - (carry.high - carry.low) * carry.gap_high / (carry.gap_high - carry.gap_low)
    carry.h = guess if carry.low < guess < carry.high else 0.5 * (carry.low + carry.high)


@_compile
def _damping(ratio: float) -> float:
    return 1.0 - ratio if ratio < 1.0 else 0.5


@_compile
def _weigh(weights: Array, stages: Array, n: int, out: Array) -> None:
    """Add the stages before stage n + 1 to out, each with its weight."""
    for m in range(n + 1):
        for i in range(len(out)):
            out[i] += weights[n, m] * stages[m, i]


@_compile
def _point(k: int) -> Point:
    return np.empty(k * k + k), np.empty((k, k)), np.empty((k, k)), np.empty(k)


@_compile
def advance(
    state: Array, sign: Array, shares: Array, rules: Record, shifts: Array, memories: Array, carry: Record,
    learned: NDArray[np.int64], states: Array, rates: Array, losses: Array, elapsed: Array,
) -> int:  # fmt: skip
    """Step from `state` until final_loss, until the rows of states, losses, ... are full or until it fails.

    shifts, memories (s - 1, s - 1): coefficients of the method. state and carry are updated, and learned
    (k,), the number of the accepted step at which the margin of a sample reached 0. A row is an accepted
    step: the state it led to, dU_jj/dt and the loss there and the time it took. Returns the number of rows.
    """
    k, rows, trained = len(shares), 0, rules.train_bias
    at, then, work = _point(k), _point(k), _point(k)
    matrix = np.empty((k, k)), np.empty((k, k)), np.empty((k, k)), np.empty(k)
    hub = np.zeros(k, dtype=np.int64)
    room = np.empty((k, k)), np.empty((k, k)), np.empty(k), np.empty(k)
    stages = np.empty((len(shifts) + 1, len(state)))
    new, kept, moved = state.copy(), np.empty(len(state)), np.empty(len(state))
    carry.loss = field(state, sign, shares, rules, at, room)
    while log(carry.loss) > rules.log_final and rows < len(losses):
        if carry.trials >= rules.max_steps or not carry.h > 0:
            break
        h = carry.h
        factorise(at, shares, rules.gamma * h, trained, matrix, hub, room)
        kept[:] = 0.0
        moved[:] = rules.gamma * h * at[0]
        solve(at[2], trained, matrix, hub, kept, moved, stages[0], room)
        for n in range(len(shifts)):
            new[:] = state
            kept[:] = 0.0
            _weigh(shifts, stages, n, new)
            _weigh(memories, stages, n, kept)
            field(new, sign, shares, rules, work, room)
            for i in range(len(kept)):
                kept[i] *= rules.gamma
                moved[i] = rules.gamma * h * work[0][i]
            solve(at[2], trained, matrix, hub, kept, moved, stages[n + 1], room)
        new += stages[-1]
        loss = field(new, sign, shares, rules, then, room)
        carry.trials += 1
        ratio = inf
        if isfinite(loss) and loss > 0 and isfinite(then[0].sum()):
            ratio = _error_ratio(state, new, sign, rules, at[2], then[2], stages[-1])
        if not ratio <= 1.0:
            carry.landing = 0
            shrink = max(rules.safety * ratio ** (-1.0 / rules.error_order), rules.shrink)
            limit = rules.hit_fraction * time_to_hit(state, at[0], sign, rules)
            carry.h = min(h * min(shrink, 1.0), limit)
            continue
        gap = _event_gap(learned, then[3], loss, rules)
        if gap > rules.event_tolerance:
            there = carry.landing and carry.high - carry.low <= 4e-16 * carry.high
        else:
            there = gap >= 0 or not carry.landing
        after = h * _factor(carry, rules, ratio)
        if not there:
            _bracket(carry, gap, _event_gap(learned, at[3], carry.loss, rules), after)
            continue
        if carry.landing:
            after = carry.h_after
        else:
            carry.last_h, carry.last_ratio = h, max(ratio, 1e-4)
        carry.landing = 0
        carry.accepted += 1
        for j in range(k):
            if then[3][j] >= 0 and learned[j] < 0:
                learned[j] = carry.accepted
            rates[rows, j] = then[0][j * (k + 1)]
        states[rows], losses[rows], elapsed[rows] = new, loss, h
        rows += 1
        state[:], carry.loss = new, loss
        at, then = then, at
        carry.h = min(after, rules.hit_fraction * time_to_hit(state, at[0], sign, rules))
    return rows
