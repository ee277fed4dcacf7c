"""The mean cross-entropy on cells of alpha, from the logits' Taylor models: lower and upper bounds.

On a part of a cell, t = m + h s with |s| <= 1, q_j = z_j - z_y of a sample with label y is within er of c_0 +
c_1 s + c_2 s^2, with c_0 = Q_0 + Q_1 m + Q_2 m^2, c_1 = (Q_1 + 2 Q_2 m) h, c_2 = Q_2 h^2, Q = P_j - P_y, er =
e_j + e_y. So it lies between c_0 - |c_1| + min(c_2, 0) - er and c_0 + |c_1| + max(c_2, 0) + er, and the loss,
log sum_j exp(q_j) in nats, rises in every q_j.

Rounding. mag = S_j + S_y is at least |Q_0| + |Q_1| + |Q_2|; |m| <= 1 and h <= 1 + 2^-40 (so that the part
holds what the factor 1 + 4u of rho moves its ends by, 8u at most), c_0, c_1, c_2 are at most 4 mag together,
of at most 5 roundings each, and three sums follow: below 40u (mag + er); `LEAD`, 64u, is taken. exp(q -
largest): the difference is off by u |q - largest|, which exp turns into a relative error, and `EXP`; a sum of
k terms loses k u. Below -700 a term is 0 at least and 1e-300 at most. `logarithm_bounds` does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.rounding import LEAD, U
from mli_theory.certificates.relu_line.sure_exponential import EXP, exponential, logarithm_bounds
from mli_theory.short_repr import short_repr

__all__ = ["LOSS_CELLS", "LossSums", "difference_bounds", "loss_sums"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

LOSS_CELLS = 1024
_FIRST_CELLS = 32
_RADIUS = 2.0**-9  # nats: a cell with a logit less certain is halved, down to the width of a loss cell
_START = 2.0**-30  # the loss at 0 is enclosed by that on [0, this]


@dataclass(frozen=True, eq=False)
class LossSums:
    """Bounds of the summed losses of some samples, on equal cells that tile [0, 1].

    Attributes:
        samples: how many they are.
        lower: (cells,), nats.
        upper: (cells,), inf where nothing is known.
        start: (2,): lower and upper bound at alpha = 0.
    """

    samples: int
    lower: Array
    upper: Array
    start: Array

    __repr__ = short_repr

    @classmethod
    def none(cls) -> LossSums:
        """Of no samples."""
        return cls(0, np.zeros(LOSS_CELLS), np.zeros(LOSS_CELLS), np.zeros(2))

    def plus(self, other: LossSums) -> LossSums:
        """Of both; at most as many roundings of non-negative terms as there are samples."""
        return replace(
            self,
            samples=self.samples + other.samples,
            lower=self.lower + other.lower,
            upper=self.upper + other.upper,
            start=self.start + other.start,
        )

    @property
    def means(self) -> tuple[Array, Array]:
        """Lower and upper bound of the mean on each cell: sums of n terms lose n u, and twice is taken."""
        slack = 2.0 * (self.samples + 8) * U
        return self.lower / self.samples * (1.0 - slack), self.upper / self.samples * (1.0 + slack)

    @property
    def start_means(self) -> tuple[float, float]:
        """Lower and upper bound of the mean at alpha = 0."""
        slack = 2.0 * (self.samples + 8) * U
        low, high = (self.start / self.samples).tolist()
        return low * (1.0 - slack), high * (1.0 + slack)


def loss_sums(enclosure: Enclosure, labels: Whole) -> LossSums:
    """Bounds of the losses' sum on each of `LOSS_CELLS` equal cells, and at alpha = 0.

    Args:
        enclosure: of the network at the samples' inputs.
        labels: (n,) their classes.
    """
    n = len(labels)
    lower, upper = np.zeros(LOSS_CELLS), np.zeros(LOSS_CELLS)
    for at in range(0, _FIRST_CELLS * n, enclosure.block):
        place = np.arange(at, min(at + enclosure.block, _FIRST_CELLS * n))
        pending = place % n, place // n
        cells = _FIRST_CELLS
        while len(pending[0]):
            pending = _add(enclosure, labels, *pending, cells, lower, upper)
            cells *= 2
    start = np.zeros(2)
    for at in range(0, n, enclosure.block):
        sample = np.arange(at, min(at + enclosure.block, n))
        zeros = np.zeros(len(sample))
        model, radius, _, _ = enclosure.logits(sample, zeros, zeros + _START)
        bounds = np.zeros((2, 1))
        loss_pass(model, radius, labels[sample], np.zeros(len(sample), np.int64), 1, bounds[0], bounds[1])
        start += bounds[:, 0]
    return LossSums(n, lower, upper, start)


def _add(
    enclosure: Enclosure, labels: Whole, sample: Whole, index: Whole, cells: int, lower: Array, upper: Array
) -> tuple[Whole, Whole]:
    """Add what is certain enough; give back the halves of the rest, at twice as many cells."""
    rest: list[tuple[Whole, Whole]] = []
    for at in range(0, len(sample), enclosure.block):
        some, here = sample[at : at + enclosure.block], index[at : at + enclosure.block]
        model, radius, _, _ = enclosure.logits(some, here / cells, (here + 1) / cells)
        good = (radius.max(axis=1) <= _RADIUS) | (cells == LOSS_CELLS)
        parts = LOSS_CELLS // cells
        loss_pass(
            np.ascontiguousarray(model[:, good]),
            radius[good],
            labels[some[good]],
            here[good] * parts,
            parts,
            lower,
            upper,
        )
        open_, halves = some[~good], 2 * here[~good]
        rest.append((np.concatenate([open_, open_]), np.concatenate([halves, halves + 1])))
    return np.concatenate([s for s, _ in rest]), np.concatenate([i for _, i in rest])


@compiled
def loss_pass(
    model: Array, radius: Array, labels: Whole, first: Whole, parts: int, lower: Array, upper: Array
) -> None:
    """Add each row's bounds on each of its cell's equal parts to lower and upper[first + part].

    Args:
        model: (3, rows, classes).
        radius: (rows, classes), nan where nothing is known.
        labels: (rows,).
        first: (rows,): where the first part's sums are.
        parts: a power of two.
        lower: added to.
        upper: added to.
    """
    rows, classes = radius.shape
    low = np.empty(classes)
    high = np.empty(classes)
    for r in range(rows):
        y = labels[r]
        for part in range(parts):
            m = (2.0 * part + 1.0) / parts - 1.0
            h = (1.0 + 2.0**-40) / parts
            for j in range(classes):
                low[j], high[j] = difference_bounds(model, radius, r, j, y, m, h)
            low[y] = 0.0
            high[y] = 0.0
            lower[first[r] + part] += _log_sum(low, False)
            upper[first[r] + part] += _log_sum(high, True)


@compiled
def difference_bounds(
    model: Array, radius: Array, r: int, j: int, y: int, m: float, h: float
) -> tuple[float, float]:
    """Lower and upper bound of z_j - z_y of a row where |t - m| <= h; -1e300 and inf where nothing is known.

    Args:
        model: (3, rows, units).
        radius: (rows, units).
        r: the row.
        j: the one unit.
        y: the other.
        m: middle of the part, in t.
        h: half of its width.
    """
    q_0 = model[0, r, j] - model[0, r, y]
    q_1 = model[1, r, j] - model[1, r, y]
    q_2 = model[2, r, j] - model[2, r, y]
    size_y = abs(model[0, r, y]) + abs(model[1, r, y]) + abs(model[2, r, y])
    size = abs(model[0, r, j]) + abs(model[1, r, j]) + abs(model[2, r, j]) + size_y
    er = radius[r, j] + radius[r, y]
    er = er + LEAD * (size + er)
    if not er < 1e300:
        return -1e300, np.inf
    c_0 = q_0 + q_1 * m + q_2 * (m * m)
    c_1 = abs(q_1 + 2.0 * q_2 * m) * h
    c_2 = q_2 * (h * h)
    low = c_0 - c_1 + min(c_2, 0.0) - er
    high = c_0 + c_1 + max(c_2, 0.0) + er
    return low, high


@compiled
def _log_sum(values: Array, above: bool) -> float:
    """A bound of log sum_j exp(values_j), one of which is 0: from above or below, at least 0."""
    largest = values.max()
    if largest == np.inf:
        return np.inf
    sign = 1.0 if above else -1.0
    total = 0.0
    for value in values:
        x = value - largest
        if x < -700.0:
            total += 1e-300 if above else 0.0
        else:
            total += exponential(x) * (1.0 + sign * (EXP + 4.0 * U + 2.0 * U * abs(x)))
    total *= 1.0 + sign * 2.0 * (len(values) + 2) * U
    below_log, above_log = logarithm_bounds(max(total, 1.0) if above else total)
    bound = largest + (above_log if above else below_log)
    return float(max(bound + sign * 4.0 * U * abs(bound), 0.0))
