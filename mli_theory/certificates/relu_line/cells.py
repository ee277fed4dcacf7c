"""Cells of alpha for every sample, and what they say together: plateau, error, its monotonicity.

Cells are closed and tile [0, 1] for every sample. On a decided cell its class leads alone at every real alpha
of it; on an undecided one only the candidates may lead anywhere. At a point that two cells share, what either
says is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mli_theory.short_repr import short_repr

__all__ = ["UNDECIDED", "Cells", "counts_at", "counts_covering", "gaps", "longest_gap"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

UNDECIDED = -1


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of some samples.

    Attributes:
        sample: (cells,) indices.
        start: (cells,).
        end: (cells,), above start.
        winner: (cells,): the class that leads alone, or `UNDECIDED`.
        candidates: (cells, classes): classes that may lead; the winner alone where there is one.
        rows: cells that were evaluated to find these.
    """

    sample: Whole
    start: Array
    end: Array
    winner: Whole
    candidates: Mask
    rows: int = 0

    __repr__ = short_repr

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """All of them, in their order."""
        return cls(
            np.concatenate([part.sample for part in parts]),
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
            np.concatenate([part.winner for part in parts]),
            np.concatenate([part.candidates for part in parts]),
            rows=sum(part.rows for part in parts),
        )

    def take(self, chosen: Mask | Whole | slice) -> Cells:
        """Some of the cells."""
        return replace(
            self,
            sample=self.sample[chosen],
            start=self.start[chosen],
            end=self.end[chosen],
            winner=self.winner[chosen],
            candidates=self.candidates[chosen],
        )

    def sorted(self) -> Cells:
        """By sample, then by alpha."""
        return self.take(np.lexsort((self.start, self.sample)))

    def counted(self, rows: int) -> Cells:
        """The same cells, found by evaluating so many."""
        return replace(self, rows=rows)

    def shifted(self, by: int) -> Cells:
        """The same cells of samples that come `by` later."""
        return replace(self, sample=self.sample + by)

    def tile(self, n_samples: int) -> bool:
        """Whether, sorted, they cover [0, 1] of every one of n samples without gap or overlap."""
        first = np.flatnonzero(np.r_[True, np.diff(self.sample) != 0])
        last = np.r_[first[1:], len(self.sample)] - 1
        inside = np.ones(len(self.sample), bool)
        inside[first] = False
        return bool(
            np.array_equal(self.sample[first], np.arange(n_samples))
            and (self.start[first] == 0.0).all()
            and (self.end[last] == 1.0).all()
            and (self.start[inside] == self.end[np.flatnonzero(inside) - 1]).all()
            and (self.start < self.end).all()
        )

    def intervals(self, sample: int) -> Iterator[tuple[float, float, int | None]]:
        """Neighbouring cells of one class as one: (start, end, class), None for undecided."""
        mine = np.flatnonzero(self.sample == sample)
        changes = np.flatnonzero(np.diff(self.winner[mine]) != 0) + 1
        for run in np.split(mine, changes) if len(mine) else []:
            winner = int(self.winner[run[0]])
            yield float(self.start[run[0]]), float(self.end[run[-1]]), None if winner == UNDECIDED else winner

    def led_by(self, label: int) -> Mask:
        """Cells on which this class leads alone."""
        return np.equal(self.winner, label)

    def led_by_each(self, labels: Whole) -> Mask:
        """Cells on which the class of `labels` (one a cell) leads alone."""
        return np.equal(self.winner, labels)

    def never(self, labels: Whole) -> Mask:
        """Cells on which the class of `labels` (one a cell) leads nowhere."""
        return ~self.candidates[np.arange(len(self.sample)), labels]

    def merged(self, chosen: Mask) -> tuple[Array, Array]:
        """The chosen cells, neighbours of one sample joined: closed intervals, unordered."""
        sample, start, end = self.sample[chosen], self.start[chosen], self.end[chosen]
        joins = (np.diff(sample) == 0) & (start[1:] == end[:-1])
        first = np.r_[True, ~joins][: len(start)]
        last = np.r_[~joins, True][: len(start)]
        return start[first], end[last]


def counts_at(intervals: tuple[Array, Array], alphas: Array) -> Whole:
    """In how many of the closed intervals each alpha lies."""
    start, end = intervals
    begun = np.searchsorted(np.sort(start), alphas, side="right")
    over = np.searchsorted(np.sort(end), alphas, side="left")
    return begun - over


def counts_covering(intervals: tuple[Array, Array], edges: Array) -> Whole:
    """How many of the closed intervals cover each whole [edges[k], edges[k + 1]]; of disjoint ones a sample.

    Args:
        intervals: starts and ends.
        edges: ascending.

    Returns:
        (edges - 1,).
    """
    start, end = intervals
    first = np.searchsorted(edges, start, side="left")
    last = np.searchsorted(edges, end, side="right") - 1
    covers = last > first
    steps = np.zeros(len(edges), np.int64)
    np.add.at(steps, first[covers], 1)
    np.subtract.at(steps, last[covers], 1)
    return np.cumsum(steps)[:-1]


def gaps(start: Array, end: Array) -> list[tuple[float, float]]:
    """What of [0, 1] the union of the intervals leaves, as intervals of positive length, ascending."""
    order = np.argsort(start, kind="stable")
    left = []
    # What is covered before each interval; 0 before the first.
    reach = np.maximum.accumulate(np.r_[0.0, end[order]])
    for covered, next_start in zip(reach, np.r_[start[order], 1.0], strict=True):
        if next_start > covered:
            left.append((float(covered), float(next_start)))
    return left


def longest_gap(start: Array, end: Array) -> tuple[float, float] | None:
    """The longest of `gaps`, the first of equally long ones; None of none."""
    return max(gaps(start, end), key=lambda gap: gap[1] - gap[0], default=None)
