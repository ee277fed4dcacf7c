"""The undecided rest of the cells, settled exactly: each change of the leading classes, to 1e-15 in alpha."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import inf, nextafter

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.exact_roots import RealRoot
from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.exact_walk import ExactLine
from mli_theory.short_repr import short_repr

__all__ = ["Change", "Settled", "settle", "undecided_clusters", "with_settled"]

Array = NDArray[np.float64]
Classes = tuple[int, ...]

_WIDTH = Fraction(1, 2**55)  # of an enclosure before its ends are rounded outwards


@dataclass(frozen=True)
class Change:
    """One point where the leading classes are not the same before, at and after it.

    Attributes:
        lower: below the point's alpha, which is an algebraic number, or the start of its stretch.
        upper: above it, less than 1e-15 above lower, or the end of its stretch.
        before: the classes that share the largest logit just before it; at 0 those at it.
        at: at it.
        after: just after it; at 1 those at it.
    """

    lower: float
    upper: float
    before: Classes
    at: Classes
    after: Classes


@dataclass(frozen=True, eq=False)
class Settled:
    """What is exactly true on one stretch of undecided cells.

    Attributes:
        sample: its index.
        start: of the stretch.
        end: of it.
        leaders: classes that share the largest logit at `start`.
        changes: all of them, ascending; between two nothing changes.
    """

    sample: int
    start: float
    end: float
    leaders: Classes
    changes: tuple[Change, ...]

    __repr__ = short_repr

    def shifted(self, by: int) -> Settled:
        """The same of a sample that comes `by` later."""
        return replace(self, sample=self.sample + by)

    @property
    def class_changes(self) -> int:
        """Points where the classes that lead before and after differ."""
        return sum(change.before != change.after for change in self.changes)

    def goes_wrong(self, label: int) -> bool:
        """Whether the label stops leading alone anywhere on the stretch, be it for one point."""
        alone = (label,)
        told = [
            self.leaders,
            *(c for change in self.changes for c in (change.before, change.at, change.after)),
        ]
        return any(a == alone != b for a, b in pairwise(told))


def undecided_clusters(cells: Cells) -> list[NDArray[np.int64]]:
    """Places of the undecided cells, neighbours of one sample together; `cells` are sorted."""
    places = np.flatnonzero(cells.winner == UNDECIDED)
    new = (np.diff(cells.sample[places]) != 0) | (cells.start[places][1:] != cells.end[places][:-1])
    return np.split(places, np.flatnonzero(new) + 1) if len(places) else []


def settle(exact: ExactLine, enclosure: Enclosure, inputs: Array, cells: Cells) -> Iterator[Settled]:
    """Every stretch of undecided cells, settled; in the cells' order.

    Args:
        exact: the network in whole numbers.
        enclosure: the same network at `inputs`.
        inputs: (n, fan-in).
        cells: sorted cells of these n samples.

    Raises:
        AssertionError: what is exactly true contradicts a neighbouring cell; a bound is then broken.
    """
    clusters = undecided_clusters(cells)
    for at in range(0, len(clusters), enclosure.block):
        some = clusters[at : at + enclosure.block]
        sample = np.array([cells.sample[cluster[0]] for cluster in some])
        start = np.array([cells.start[cluster[0]] for cluster in some])
        end = np.array([cells.end[cluster[-1]] for cluster in some])
        signs: list[NDArray[np.int8]] = []
        enclosure.logits(sample, start, end, signs=signs)
        for row, cluster in enumerate(some):
            candidates = np.flatnonzero(cells.candidates[cluster].any(axis=0)).tolist()
            found = _one(
                exact,
                inputs[sample[row]],
                int(sample[row]),
                (float(start[row]), float(end[row])),
                [sign[row] for sign in signs],
                candidates,
            )
            _check(found, cells, int(cluster[0]), int(cluster[-1]))
            yield found


def with_settled(cells: Cells, settled: Sequence[Settled]) -> Cells:
    """The cells with each settled stretch cut at its changes: what stays undecided is below 1e-15 a change.

    Args:
        cells: sorted.
        settled: of some or all of their undecided stretches.
    """
    starts = {(int(s), float(a)): i for i, (s, a) in enumerate(zip(cells.sample, cells.start, strict=True))}
    kept = np.ones(len(cells.sample), bool)
    parts = []
    for one in settled:
        first = starts[one.sample, one.start]
        last = first
        while cells.end[last] < one.end:
            last += 1
        kept[first : last + 1] = False
        parts.append(_cells_of(one, cells.candidates.shape[1]))
    return Cells.joined([cells.take(kept), *parts]).sorted().counted(cells.rows)


def _one(
    exact: ExactLine,
    x: Array,
    sample: int,
    interval: tuple[float, float],
    signs: list[NDArray[np.int8]],
    candidates: list[int],
) -> Settled:
    lower, upper = Fraction(interval[0]), Fraction(interval[1])
    envelope = exact.leaders(x, lower, upper, signs, candidates)
    changes = tuple(
        Change(*_enclosed(event.alpha, lower, upper), event.before, event.at, event.after)
        for event in envelope.events
    )
    return Settled(sample, *interval, envelope.at_start, changes)


def _enclosed(root: RealRoot, lower: Fraction, upper: Fraction) -> tuple[float, float]:
    """Floats strictly about a + (b - a) x, or an end of [a, b] on that side.

    They are at most 2^-55 + 2 2^-53 apart, below 1e-15: a float of [0, 1] is at most 2^-53 from the next.
    """
    narrow = root.narrowed(_WIDTH / (upper - lower))
    low, high = (lower + (upper - lower) * end for end in (narrow.lower, narrow.upper))
    below, above = float(low), float(high)
    if Fraction(below) >= low:
        below = nextafter(below, -inf)
    if Fraction(above) <= high:
        above = nextafter(above, inf)
    return max(below, float(lower)), min(above, float(upper))


def _check(found: Settled, cells: Cells, first: int, last: int) -> None:
    """A closed decided cell beside the stretch says which class leads alone at the point they share."""
    at_end = found.leaders
    for change in found.changes:
        at_end = change.after
    for place, leaders, point in ((first - 1, found.leaders, found.start), (last + 1, at_end, found.end)):
        inside = 0 <= place < len(cells.sample) and cells.sample[place] == found.sample
        if inside and point in (cells.start[place], cells.end[place]) and leaders != (cells.winner[place],):
            raise AssertionError(
                f"sample {found.sample}: classes {leaders} lead at alpha = {point!r}, and the cell beside it "
                f"says {cells.winner[place]}: a bound is broken, please report it"
            )


def _cells_of(one: Settled, n_classes: int) -> Cells:
    """Between changes the leaders' cells, about a change a narrow undecided one; touching ones are one."""
    narrow: list[tuple[float, float, set[int], Classes]] = []
    for change in one.changes:
        low, high, several = change.lower, change.upper, {*change.before, *change.at, *change.after}
        if narrow and low <= narrow[-1][1]:
            before = narrow.pop()
            low, high, several = before[0], max(high, before[1]), several | before[2]
        narrow.append((low, high, several, change.after))
    cells: list[tuple[float, float, set[int], bool]] = []
    reached, leaders = one.start, one.leaders
    for low, high, several, after in narrow:
        if low > reached:
            cells.append((reached, low, set(leaders), len(leaders) == 1))
        cells.append((low, high, several, False))
        reached, leaders = high, after
    if reached < one.end:
        cells.append((reached, one.end, set(leaders), len(leaders) == 1))
    candidates = np.zeros((len(cells), n_classes), bool)
    for row, (_, _, several, _) in enumerate(cells):
        candidates[row, list(several)] = True
    return Cells(
        np.full(len(cells), one.sample),
        np.array([start for start, _, _, _ in cells]),
        np.array([end for _, end, _, _ in cells]),
        np.array([min(several) if alone else UNDECIDED for _, _, several, alone in cells], np.int64),
        candidates,
    )
