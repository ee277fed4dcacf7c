"""Cells proved a second time, by other arithmetic: Bernstein polynomials on [a, b], no search.

alpha = (1 - s) a + s b, s in [0, 1]; a unit is sum_k B_k(s) H_k +- e, B_k Bernstein's polynomials of
degree 2, so that it lies between the least and the largest H_k, up to e. Nothing is shared with the search
but the network's weights. u = 2^-53, gamma_n = nu / (1 - nu), sums in any order as in rounding.py.

One layer. W(alpha) = (1 - s) W(a) + s W(b) makes of degree 2 a cubic with the coefficients C_k = (3 - k)/3
W(a) H_k + k/3 W(b) H_(k-1), and the bias adds its value at a + (b - a) k/3. W(a) H is computed as (1 - a)
fl(W0 H) + a fl(W1 H): with the thirds a term meets at most m + 6 roundings, and the shares of a C_k sum to
1, so every C_k is off by at most gamma_(m+6) ((1 - a)|W0| + b|W1|) max_k |H_k|; (m + 10) u is taken.
Biases: at most 8 roundings of |b0| + |b1|, one of C_k: 10u. A cubic is a quadratic up to D/32, D = C_3 - 3
C_2 + 3 C_1 - C_0, for 32 s^3 - 48 s^2 + 18 s - 1 (Chebyshev's) stays within 1: the quadratic has Q_0 = C_0
+ D/32, Q_1 = (3 (C_1 + C_2) - C_0 - C_3)/4, Q_2 = C_3 - D/32. Computing D loses 5u 8 max|C|, Q_0 and Q_2 so
3u max|C|, Q_1 4u 8/4 max|C|: 16u max|C| is taken for all three and D/32.

A layer's own radius is what of this does not come from its inputs' radii: the products' rounding, in norms
(m + 10) u max_k |H_k| ((1 - a)|W0| + b|W1|), the bias' and D's, and half the offset. With it differences of
logits get bounds that do not go through |W|: `recheck_backward`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.relu_line.recheck_backward import BackwardBounds, Layer, euclidean

__all__ = ["Recheck", "recheck"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

_U = 2.0**-53
_UNDERFLOW = (
    1e-270  # above 1e7 * 16 products of a number of at most 1e15 and a flushed one, as in rounding.py
)
_LARGEST = 1e300
_HALVINGS = 12
_HOPELESS = 0.02  # of the forward radius: in the first rounds a smaller lead is not tried, the cell is halved
_QUICK = 4
_BLOCK = 1024


class Recheck(NamedTuple):
    """What a second proof found.

    Attributes:
        cells: cells checked.
        rows: evaluations.
        unproved: indices of the cells of which a part could not be confirmed, ascending.
    """

    cells: int
    rows: int
    unproved: Whole


def recheck(line: ReluLine, inputs: Array, cells: Cells) -> Recheck:
    """Prove every cell again: that its winner leads alone, or that no class but its candidates leads.

    A cell that does not follow at once is halved, up to twelve times.

    Args:
        line: the network.
        inputs: (n, fan-in), of `network.inputs_of`.
        cells: their samples are rows of `inputs`.
    """
    backward = BackwardBounds(line)
    cell: Whole = np.arange(len(cells.sample))
    start: Array = cells.start
    end: Array = cells.end
    unproved: list[Whole] = []
    rows = 0
    for halving in range(_HALVINGS + 1):
        rows += len(cell)
        proved = np.zeros(len(cell), bool)
        for at in range(0, len(cell), _BLOCK):
            some = slice(at, at + _BLOCK)
            least = _HOPELESS if halving < _QUICK else 0.0
            proved[some] = _follows(
                line, backward, inputs, cells.take(cell[some]), start[some], end[some], least
            )
        cell = cell[~proved]
        start, end = start[~proved], end[~proved]
        middle = start + 0.5 * (end - start)
        hopeless = (middle <= start) | (middle >= end) | (halving == _HALVINGS)
        unproved.append(cell[hopeless])
        cell, middle = cell[~hopeless], middle[~hopeless]
        start, end = start[~hopeless], end[~hopeless]
        cell = np.concatenate([cell, cell])
        start, end = np.concatenate([start, middle]), np.concatenate([middle, end])
        if not len(cell):
            break
    return Recheck(len(cells.sample), rows, np.unique(np.concatenate(unproved)))


def _follows(
    line: ReluLine,
    backward: BackwardBounds,
    inputs: Array,
    cells: Cells,
    start: Array,
    end: Array,
    least: float,
) -> Mask:
    """Cells that follow at once; a lead below `least` of the forward radius is not tried backwards."""
    layers: list[Layer] = []
    values, radius = _logits(line, inputs[cells.sample], start, end, layers)
    beaten = np.zeros(radius.shape, bool)
    _beaten(values, radius, beaten)
    decided = cells.winner != UNDECIDED
    kept = cells.candidates.copy()
    kept[decided] = False
    kept[decided, cells.winner[decided]] = True
    open_ = ~(beaten | kept)
    # The rival of all others: the winner, or where there is none the candidate that leads in the middle.
    rival = np.where(decided, cells.winner, np.where(kept, values.sum(axis=0), -np.inf).argmax(axis=1))
    rows, losers = np.nonzero(open_)
    first = rival[rows]
    ahead = (values[:, rows, first] - values[:, rows, losers]).min(axis=0)
    forward = radius[rows, first] + radius[rows, losers]
    hopeless = np.zeros(len(radius), bool)
    hopeless[rows[~(ahead > least * forward)]] = True
    asked = ~hopeless[rows]
    rows, losers, first, ahead = rows[asked], losers[asked], first[asked], ahead[asked]
    if len(rows):
        er = backward.differences(layers, rows, first, losers, start, end)
        size = abs(values[:, rows, first]) + abs(values[:, rows, losers])
        # As in `_beaten`: 8u of all sizes.
        beaten[rows, losers] |= ahead > er + 8 * _U * (size.max(axis=0) + er)
    # A single class leads where its logit is known; no class but the kept ones may lead.
    certain = (beaten | kept).all(axis=1) & (~decided | np.isfinite(radius).all(axis=1))
    return np.asarray(certain, bool)


def _logits(
    line: ReluLine, x: Array, a: Array, b: Array, layers: list[Layer] | None = None
) -> tuple[Array, Array]:
    """Coefficients (3, rows, classes) and radii (rows, classes); `layers`, where given, gets one a step."""
    values = np.repeat(x[None], 3, axis=0)
    radius = np.zeros_like(x)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in line.steps:
            fan_in = step.start_weight.shape[1]
            shape = (3, len(x), len(step.start_weight))
            # All three coefficients of an input are the input: one product, taken three times.
            flat = x if step is line.steps[0] else values.reshape(-1, fan_in)
            by_start, by_end = flat @ step.start_weight.T, flat @ step.end_weight.T
            if step is line.steps[0]:
                by_start, by_end = np.tile(by_start, (3, 1)), np.tile(by_end, (3, 1))
            by_start, by_end = by_start.reshape(shape), by_end.reshape(shape)
            # (2m + 40) u more than is needed pays for the roundings of this bound itself.
            largest = np.abs(values).max(axis=0)
            sizes = (radius + (fan_in + 10) * _U * largest) * (1 + (2 * fan_in + 40) * _U)
            rounded = (fan_in + 10) * _U * euclidean(largest) * (1 + 20 * _U)
            grown = (1 - a)[:, None] * (sizes @ np.abs(step.start_weight).T)
            grown += b[:, None] * (sizes @ np.abs(step.end_weight).T)
            values, radius = np.empty(shape), np.empty(shape[1:])
            layer = Layer(radius, np.empty(shape[1:]), np.empty(shape[1:]))
            lengths = euclidean(step.start_weight), euclidean(step.end_weight)
            biased = step.has_bias
            _bernstein_pass(
                by_start, by_end, grown, a, b, step.start_bias, step.end_bias, biased, step.slope,
                rounded, *lengths, values, *layer,
            )  # fmt: skip
            if layers is not None:
                layers.append(layer)
    return values, radius


@compiled
def _bernstein_pass(
    by_start: Array,
    by_end: Array,
    grown: Array,
    lower: Array,
    upper: Array,
    start_bias: Array,
    end_bias: Array,
    biased: bool,
    slope: Array,
    rounded: Array,
    start_length: Array,
    end_length: Array,
    values: Array,
    radius: Array,
    taken: Array,
    own: Array,
) -> None:
    """The module's layer, then max(z, s z): on [low, high] across 0 it lies in lam z + offset/2 +- offset/2.

    For lam in [s, 1] the convex max(z, s z) - lam z is 0 at 0 and largest at an end.
    """
    u = 1.1102230246251565e-16
    rows, units = grown.shape
    for r in range(rows):
        a = lower[r]
        b = upper[r]
        for j in range(units):
            c_0 = (1 - a) * by_start[0, r, j] + a * by_end[0, r, j]
            a_1 = (1 - a) * by_start[1, r, j] + a * by_end[1, r, j]
            a_2 = (1 - a) * by_start[2, r, j] + a * by_end[2, r, j]
            b_0 = (1 - b) * by_start[0, r, j] + b * by_end[0, r, j]
            b_1 = (1 - b) * by_start[1, r, j] + b * by_end[1, r, j]
            c_3 = (1 - b) * by_start[2, r, j] + b * by_end[2, r, j]
            c_1 = (2 * a_1 + b_0) / 3
            c_2 = (a_2 + 2 * b_1) / 3
            e = grown[r, j]
            n = rounded[r] * ((1 - a) * start_length[j] + b * end_length[j])
            if biased:
                bias_a = (1 - a) * start_bias[j] + a * end_bias[j]
                bias_b = (1 - b) * start_bias[j] + b * end_bias[j]
                c_0 += bias_a
                c_1 += (2 * bias_a + bias_b) / 3
                c_2 += (bias_a + 2 * bias_b) / 3
                c_3 += bias_b
                bias_lost = 10 * u * (abs(start_bias[j]) + abs(end_bias[j]))
                e += bias_lost
                n += bias_lost
            most = max(max(abs(c_0), abs(c_1)), max(abs(c_2), abs(c_3)))
            third = (c_3 - 3 * c_2 + 3 * c_1 - c_0) / 32
            q_0 = c_0 + third
            q_1 = (3 * (c_1 + c_2) - c_0 - c_3) / 4
            q_2 = c_3 - third
            e = (e + abs(third) + 18 * u * most) * (1 + 8 * u) + 1e-270
            n = (n + abs(third) + 18 * u * most) * (1 + 16 * u) + 1e-270
            lam = 1.0
            known = most + e < 1e300
            s = slope[j]
            if s < 1:
                # Two sums each: 4u of all that is in them.
                slack = 4 * u * (most + e)
                high = max(max(q_0, q_1), q_2) + e + 2 * slack
                low = min(min(q_0, q_1), q_2) - e - 2 * slack
                offset = 0.0
                if high <= 0 and s == 0:
                    lam = q_0 = q_1 = q_2 = e = n = 0.0
                elif low < 0:
                    lam = s
                    if high > 0:
                        lam = min(max((high - s * low) / (high - low), s), 1.0)
                        offset = max((s - lam) * low, (1 - lam) * high) * (1 + 8 * u)
                    q_0 = lam * q_0 + offset / 2
                    q_1 = lam * q_1 + offset / 2
                    q_2 = lam * q_2 + offset / 2
                    e = (lam * e + offset / 2 + 16 * u * (most + offset)) * (1 + 8 * u) + 1e-270
                    n = (lam * n + offset / 2 + 16 * u * (most + offset)) * (1 + 8 * u) + 1e-270
            values[0, r, j] = q_0
            values[1, r, j] = q_1
            values[2, r, j] = q_2
            radius[r, j] = e if known else np.nan
            taken[r, j] = lam
            own[r, j] = n if known else np.nan


@compiled
def _beaten(values: Array, radius: Array, out: Mask) -> None:
    """Classes that one other class beats on all of the cell: each difference of coefficients is above er.

    A difference and er lose 2u and the comparison's sum 2u of all sizes: 8u is taken. The rivals tried are
    the classes with the largest coefficient at each place.
    """
    u = 1.1102230246251565e-16
    rows, classes = radius.shape
    for r in range(rows):
        for place in range(3):
            i = 0
            for j in range(classes):
                if values[place, r, j] > values[place, r, i]:
                    i = j
            for j in range(classes):
                er = radius[r, i] + radius[r, j]
                ahead = True
                for k in range(3):
                    size = abs(values[k, r, i]) + abs(values[k, r, j]) + er
                    if not values[k, r, i] - values[k, r, j] > er + 8 * u * size:
                        ahead = False
                if ahead and j != i:
                    out[r, j] = True
