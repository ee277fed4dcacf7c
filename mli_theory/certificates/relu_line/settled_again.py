"""Settled changes looked at a second time: the network at rational alphas, in whole numbers, no polynomials.

In pairs of floats first (`double_double`), which nearly always tell. Where they do not, at a tie for one, the
network is evaluated in integers at alpha = p / q: with every layer's weights taken times one power of two,
(q - p) W0 + p W1 is q times the layer's matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.double_double import DoubleDoubleNetwork
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.relu_line.recheck import Recheck
from mli_theory.certificates.relu_line.settled import Settled

__all__ = ["leading_classes", "with_false_changes"]

Array = NDArray[np.float64]


def with_false_changes(
    found: Recheck, line: ReluLine, inputs: Array, cells: Cells, settled: Sequence[Settled]
) -> Recheck:
    """What was found, and the undecided cells of every stretch of which a change could not be confirmed.

    A stretch is confirmed if at its ends, and at both ends of each change's enclosure, exactly the classes
    lead that it says: then the leading classes do change in each enclosure. At an end that the stretch shares
    with a decided cell, which is closed and proved by itself, it is enough that the cell says the same.

    Args:
        found: what the second proof of the cells found.
        line: the network.
        inputs: (n, fan-in).
        cells: sorted.
        settled: their undecided stretches.
    """
    network, quick = _WholeNetwork(line), DoubleDoubleNetwork(line)
    unproved = [found.unproved]
    rows = found.rows
    known = _decided_points(cells)
    for one in settled:
        told = [(alpha, classes, known.get((one.sample, alpha))) for alpha, classes in _told_at_floats(one)]
        asked = [(alpha, classes) for alpha, classes, winner in told if winner is None]
        rows += len(asked)
        confirmed = all(winner is None or classes == (winner,) for _, classes, winner in told) and all(
            classes == _leading(quick, network, inputs[one.sample], alpha) for alpha, classes in asked
        )
        if not confirmed:
            inside = (cells.sample == one.sample) & (cells.start >= one.start) & (cells.end <= one.end)
            unproved.append(np.flatnonzero(inside))
    return Recheck(found.cells, rows, np.unique(np.concatenate(unproved)))


def _leading(
    quick: DoubleDoubleNetwork, network: _WholeNetwork, sample: Array, alpha: float
) -> tuple[int, ...]:
    alone = quick.leads_alone(sample, alpha)
    return network.leading(sample, Fraction(alpha)) if alone is None else (alone,)


def _decided_points(cells: Cells) -> dict[tuple[int, float], int]:
    """Which class a decided cell proves to lead alone at each of its ends, by sample and alpha."""
    decided = cells.take(cells.winner != UNDECIDED)
    sample, winner = decided.sample.tolist(), decided.winner.tolist()
    ends = (zip(sample, point.tolist(), strict=True) for point in (decided.start, decided.end))
    return {point: which for one in ends for point, which in zip(one, winner, strict=True)}


def leading_classes(line: ReluLine, sample: Array, alpha: Fraction) -> tuple[int, ...]:
    """The classes that share the largest logit at one rational alpha, exactly.

    Args:
        line: the network.
        sample: (fan-in,).
        alpha: in [0, 1].
    """
    return _WholeNetwork(line).leading(sample, alpha)


def _told_at_floats(one: Settled) -> Iterator[tuple[float, tuple[int, ...]]]:
    """The stretch's ends and those of its enclosures, where they do not overlap: which classes lead there."""
    yield one.start, one.leaders
    reached, leaders = one.start, one.leaders
    for change, following in zip_longest(one.changes, one.changes[1:]):
        if change.lower > reached:
            yield change.lower, change.before
        reached, leaders = max(reached, change.upper), change.after
        if reached < (one.end if following is None else following.lower):
            yield reached, leaders
    if reached < one.end:
        yield one.end, leaders


class _WholeNetwork:
    """Weights and biases in whole numbers, each layer times its own power of two."""

    def __init__(self, line: ReluLine) -> None:
        self._steps = []
        for step in line.steps:
            pairs = (step.start_weight, step.end_weight, step.start_bias[:, None], step.end_bias[:, None])
            bits = max(_bits(array) for array in pairs)
            slope_bits = _bits(step.slope)
            slopes = [int(slope * 2.0**slope_bits) for slope in step.slope]
            self._steps.append(([_times(array, bits) for array in pairs], bits, slopes, slope_bits))

    def leading(self, sample: Array, alpha: Fraction) -> tuple[int, ...]:
        """As `leading_classes`."""
        p, q = alpha.numerator, alpha.denominator
        scale = _bits(sample)
        values = _times(sample[:, None], scale)
        one = fmpz(1) << scale  # what 1 has become
        logits: list[fmpz] = []
        for (start, end, start_bias, end_bias), bits, slope, slope_bits in self._steps:
            z = (start * values + start_bias * one) * (q - p) + (end * values + end_bias * one) * p
            logits = [
                value[0] << slope_bits if value[0] > 0 else value[0] * s
                for value, s in zip(z.tolist(), slope, strict=True)
            ]
            values = fmpz_mat([[value] for value in logits])
            one = (one * q) << (bits + slope_bits)
        top = max(logits)
        return tuple(place for place, value in enumerate(logits) if value == top)


def _bits(array: Array) -> int:
    """The least power of two that makes every number whole."""
    return max((value.as_integer_ratio()[1].bit_length() - 1 for value in array.ravel().tolist()), default=0)


def _times(array: Array, bits: int) -> fmpz_mat:
    def whole(value: float) -> int:
        p, q = value.as_integer_ratio()
        return p << (bits - q.bit_length() + 1)

    return fmpz_mat([[whole(value) for value in row] for row in array.tolist()])
