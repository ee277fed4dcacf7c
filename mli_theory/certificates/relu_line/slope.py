"""The slope of the mean cross-entropy in alpha, on cells: bounds that prove that the loss falls, or rises.

Beside each unit h the network carries its derivative h'. A layer makes z' = D h + W(alpha) h' + b1 - b0 of
them, and h' = sigma z' with sigma = 1 where z >= 0 on the whole cell, the unit's slope s where z <= 0, and
some sigma in [s, 1] where the sign may change. Units and derivatives side by side are affine steps again, of
W(alpha) on the diagonal and D below it, so that `Enclosure` bounds both; `chain_pass` applies sigma. Then
dL/dalpha = mean of sum_j p_j (z_j - z_y)', y the label.

L is continuous, and a smooth function of polynomials between finitely many kinks. So a bound of the slope at
all other alpha bounds the slope of every chord: a slope <= 0 proves that L does not rise on the cell. A unit
that is 0 on an interval has z' = 0 there, and any sigma is right.

Rounding. D and b1 - b0 are rounded once: off by u |D|. `product_rounding` takes 2 (m + 8) u |D| S of the
units' models S where (m + 8) u is needed, and the rest is above u |D| S; the units' radii e come with the
factor (1 - a) + b of |D|, 1 + (b - a), of which b - a >= 2^-40 is above u. `BIAS` takes 8u of sizes of
which 6u are needed, and 2u (|b0| + |b1|), here 4u |b1 - b0|, is left. The rest stands at its line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.enclosure import After, Enclosure
from mli_theory.certificates.relu_line.loss import difference_bounds
from mli_theory.certificates.relu_line.network import ReluLine, inputs_of
from mli_theory.certificates.relu_line.rounding import RELU, SURPLUS, TINY, U
from mli_theory.certificates.relu_line.sure_exponential import EXP, exponential
from mli_theory.domain import DomainError
from mli_theory.short_repr import short_repr

__all__ = ["LossSlopes", "loss_slopes"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Signs = NDArray[np.int8]

_FINEST = 40


@dataclass(frozen=True, eq=False)
class LossSlopes:
    """Bounds of the mean loss's slope on cells that tile [0, 1].

    Attributes:
        start: (cells,), ascending.
        end: (cells,).
        lower: (cells,), nats per unit of alpha; -inf where nothing is known.
        upper: (cells,), likewise; inf where nothing is known.
        rows: samples on cells that were evaluated.
    """

    start: Array
    end: Array
    lower: Array
    upper: Array
    rows: int

    __repr__ = short_repr

    @property
    def falls(self) -> NDArray[np.bool_]:
        """Cells on which the loss is proved not to rise."""
        return self.upper <= 0.0

    @property
    def rises(self) -> NDArray[np.bool_]:
        """Cells on which the loss is proved not to fall."""
        return self.lower >= 0.0

    @property
    def decided_share(self) -> float:
        """Share of [0, 1] on which the sign is proved."""
        return float((self.end - self.start)[self.falls | self.rises].sum())


def loss_slopes(
    line: ReluLine, inputs: ArrayLike, labels: ArrayLike, *, coarsest: int = 5, finest: int = 10
) -> LossSlopes:
    """Bound the slope of the mean loss in alpha, on cells halved until its sign is proved.

    Args:
        line: the network, of at least one class.
        inputs: (n, fan-in), n >= 1.
        labels: (n,) classes.
        coarsest: the first cells are 2^-coarsest wide.
        finest: no cell is narrower than 2^-finest.

    Raises:
        DomainError: inputs as in `inputs_of`; labels that are not n classes; coarsest and finest out of order
            or outside [0, 40]; differences of weights beyond 1e15.
    """
    if not 0 <= coarsest <= finest <= _FINEST:
        raise DomainError(
            f"T15 needs 0 <= coarsest <= finest <= {_FINEST}, got coarsest = {coarsest}, finest = {finest}"
        )
    points = inputs_of(line, inputs)
    truth = np.asarray(labels)
    if truth.shape != (len(points),) or truth.dtype.kind not in "iu":
        raise DomainError(
            f"T15 needs one whole number a sample, ({len(points)},), as labels, "
            f"got {truth.dtype} {truth.shape}"
        )
    if len(truth) and not 0 <= truth.min() <= truth.max() < line.n_classes:
        raise DomainError(
            f"T15 needs labels from 0 to {line.n_classes - 1}, got {truth.min()} to {truth.max()}"
        )
    beside = _with_derivatives(line)
    enclosure = Enclosure(beside, points)
    slopes = [step.slope for step in line.steps]

    def chain(place: int, model: Array, radius: Array, sign: Signs) -> None:
        chain_pass(slopes[place], sign, model, radius)

    done: list[tuple[Array, Array, Array, Array]] = []
    rows = 0
    index = np.arange(2**coarsest)
    for level in range(coarsest, finest + 1):
        width = 2.0**-level
        start, end = index * width, (index + 1) * width
        lower, upper = _on_cells(enclosure, chain, truth.astype(np.int64), start, end)
        rows += len(index) * len(truth)
        closed = (upper <= 0.0) | (lower >= 0.0) | (level == finest)
        done.append((start[closed], end[closed], lower[closed], upper[closed]))
        index = (2 * index[~closed][:, None] + np.arange(2)).reshape(-1)
    start, end, lower, upper = (np.concatenate(column) for column in zip(*done, strict=True))
    order = np.argsort(start, kind="stable")
    return LossSlopes(start[order], end[order], lower[order], upper[order], rows)


def _with_derivatives(line: ReluLine) -> ReluLine:
    """The units, and below them their derivatives, as affine steps; derivatives are left as they are."""
    steps = []
    for place, step in enumerate(line.steps):
        change, shift = step.end_weight - step.start_weight, step.end_bias - step.start_bias
        start, end = (
            np.vstack([weight, change])
            if place == 0  # the inputs stand still
            else np.block([[weight, np.zeros_like(weight)], [change, weight]])
            for weight in (step.start_weight, step.end_weight)
        )
        steps.append(
            (
                start,
                end,
                np.concatenate([step.start_bias, shift]),
                np.concatenate([step.end_bias, shift]),
                np.concatenate([step.slope, np.ones(len(shift))]),
            )
        )
    return ReluLine(steps)


def _on_cells(
    enclosure: Enclosure, chain: After, labels: Whole, start: Array, end: Array
) -> tuple[Array, Array]:
    """Lower and upper bound of the mean's slope on each cell.

    A sum of n numbers loses (n - 1) u of their sizes' sum, which is computed up to (1 - u)^n: 2 (n + 8) u of
    it is taken. The division by n loses u, 4u of the size is taken.
    """
    n = len(labels)
    sums, sizes = np.zeros((2, len(start))), np.zeros((2, len(start)))
    for at in range(0, n * len(start), enclosure.block):
        place = np.arange(at, min(at + enclosure.block, n * len(start)))
        sample, cell = place % n, place // n
        model, radius, _, _ = enclosure.logits(sample, start[cell], end[cell], after=chain)
        bounds = np.empty((2, len(place)))
        slope_pass(model, radius, labels[sample], bounds)
        for side in range(2):
            np.add.at(sums[side], cell, bounds[side])
            np.add.at(sizes[side], cell, np.abs(bounds[side]))
    slack = 2.0 * (n + 8) * U * sizes
    with np.errstate(invalid="ignore"):
        lower, upper = (sums[0] - slack[0]) / n, (sums[1] + slack[1]) / n
        lower, upper = lower - 4.0 * U * np.abs(lower), upper + 4.0 * U * np.abs(upper)
    return np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)


@compiled
def chain_pass(slope: Array, sign: Signs, model: Array, radius: Array) -> None:
    """Turn z' of a layer into h' = sigma z', in place.

    Where the sign is not proved sigma z' lies in mid z' +- dev |z'|, mid = (1 + s)/2 and dev = (1 - s)/2; 2u
    more of dev covers their rounding, and |z'| <= |Q_0| + |Q_1| + |Q_2| + e. The products lose u S, `RELU` S
    is taken; a term of the radius meets at most 8 roundings, two factors `SURPLUS` make up for 14.

    Args:
        slope: s of each unit, (units,).
        sign: (rows, 2 units), of z in the first half: 1, -1 or 0, as `passes.layer_pass` gives it.
        model: (3, rows, 2 units): z' in the second half, changed.
        radius: (rows, 2 units), likewise.
    """
    rows, units = radius.shape[0], len(slope)
    for r in range(rows):
        for j in range(units):
            s = slope[j]
            if s == 1.0 or sign[r, j] == 1:
                continue
            d = units + j
            mid = s if sign[r, j] == -1 else 0.5 * (1.0 + s)
            dev = 0.0 if sign[r, j] == -1 else 0.5 * (1.0 - s) + 2.0 * U
            e = radius[r, d]
            size = abs(model[0, r, d]) + abs(model[1, r, d]) + abs(model[2, r, d])
            for k in range(3):
                model[k, r, d] = mid * model[k, r, d]
            radius[r, d] = (mid * e + dev * (size + e) + RELU * size) * SURPLUS * SURPLUS + TINY


@compiled
def slope_pass(model: Array, radius: Array, labels: Whole, bounds: Array) -> None:
    """Bounds of sum_j p_j (z_j - z_y)' on each row's cell.

    Args:
        model: (3, rows, 2 classes): logits, then their derivatives.
        radius: (rows, 2 classes), nan where nothing is known.
        labels: y, (rows,).
        bounds: out, (2, rows): lower and upper.
    """
    rows, classes = radius.shape[0], radius.shape[1] // 2
    low, high, least, most = np.empty(classes), np.empty(classes), np.empty(classes), np.empty(classes)
    for r in range(rows):
        y = labels[r]
        for j in range(classes):
            low[j], high[j] = difference_bounds(model, radius, r, j, y, 0.0, 1.0 + 2.0**-40)
            fall, rise = difference_bounds(model, radius, r, classes + j, classes + y, 0.0, 1.0 + 2.0**-40)
            least[j], most[j] = (fall, rise) if rise < np.inf else (-np.inf, np.inf)
        low[y] = high[y] = least[y] = most[y] = 0.0
        bounds[1, r] = _average_above(low, high, most)
        bounds[0, r] = -_average_above(low, high, -least)


@compiled
def _average_above(low: Array, high: Array, value: Array) -> float:
    """An upper bound of sum_j x_j d_j / sum_j x_j over log x_j in [low_j, high_j] and d_j <= value_j.

    The largest such average has x_j at its upper end where d_j is above the average and at its lower end
    elsewhere: one of the k choices "those whose d is at least d_j". It is below the largest d in any case,
    which is taken where exponentials say too little (a sum below 1e-250, for underflow).

    x is off by `EXP` and 2u |x's exponent| (as in `loss._log_sum`), which is added or taken away. Numerator
    and denominator lose (k + 2) u of the sum A of the terms' sizes, and of the denominator, the division and
    the rest 4u: 8 (k + 4) u A over the denominator is taken, and 1e-40 for underflow.
    """
    k = len(value)
    top, largest = float(value.max()), float(high.max())
    if not (top < np.inf and largest < np.inf):
        return top
    below, above = np.empty(k), np.empty(k)
    for j in range(k):
        x = low[j] - largest
        below[j] = 0.0 if x < -700.0 else exponential(x) * (1.0 - EXP - 4.0 * U - 2.0 * U * abs(x))
        x = high[j] - largest
        above[j] = 1e-300 if x < -700.0 else exponential(x) * (1.0 + EXP + 4.0 * U + 2.0 * U * abs(x))
    best = -np.inf
    for least in value:
        total = size = weight = 0.0
        for j in range(k):
            x = above[j] if value[j] >= least else below[j]
            weight += x
            total += x * value[j]
            size += x * abs(value[j])
        if weight < 1e-250:
            return top
        best = max(best, total / weight + 8.0 * (k + 4) * U * (size / weight) + 1e-40)
    return best if best < top else top
