"""From first cells to decided ones: ends are shaved in closed form, what is left in the middle is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.first_cells import UNIFORM
from mli_theory.certificates.relu_line.leads import beaten

__all__ = ["MOST_ROWS", "search"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

MOST_ROWS = 50_000
_SHORTEST = 2.0**-40  # a shaved end shorter than this is left undecided
_KEEP_WHOLE = 0.35  # a middle below this share of its cell goes on whole, else in two halves
_SAFE = 8.0 * 2.0**-53


@dataclass(frozen=True)
class _Pending:
    """Cells still to be evaluated."""

    sample: Whole
    lower: Array
    upper: Array

    def block(self, chosen: slice | NDArray[np.bool_] | Whole) -> _Pending:
        return _Pending(self.sample[chosen], self.lower[chosen], self.upper[chosen])

    @classmethod
    def joined(cls, parts: Sequence[_Pending]) -> _Pending:
        """In the order of alpha: rows of one block are then of like size."""
        sample, lower, upper = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("sample", "lower", "upper")
        )
        order = np.argsort(lower, kind="stable")
        return cls(sample[order], lower[order], upper[order])


def search(
    enclosure: Enclosure,
    n_samples: int,
    tolerance: float,
    *,
    edges: Array = UNIFORM,
    most_rows: int = MOST_ROWS,
) -> Cells:
    """Cells that tile [0, 1] for every sample, decided or at most about `tolerance` wide.

    Args:
        enclosure: of the network at its n_samples inputs.
        n_samples: inputs.
        tolerance: of alpha, a power of two; a cell this narrow that is not decided stays undecided.
        edges: of the cells to begin with, ascending from 0 to 1; `first_cells.good_edges` suits the network.
        most_rows: evaluations a sample (about); what is open then stays undecided. Logits that are equal on
            a whole interval would else be cut down to the tolerance everywhere.
    """
    pending = _Pending(
        np.tile(np.arange(n_samples), len(edges) - 1),
        np.repeat(edges[:-1], n_samples),
        np.repeat(edges[1:], n_samples),
    )
    found: list[Cells] = []
    rows = np.zeros(n_samples, np.int64)
    while len(pending.sample):
        spent = rows[pending.sample] > most_rows
        found.append(_given_up(pending.block(spent), enclosure.n_classes))
        pending = pending.block(~spent)
        parts = []
        for at in range(0, len(pending.sample), enclosure.block):
            block = pending.block(slice(at, at + enclosure.block))
            rows += np.bincount(block.sample, minlength=n_samples)
            cells, rest = _one_block(enclosure, block, tolerance)
            found += cells
            parts.append(rest)
        pending = _Pending.joined(parts) if parts else pending
    return Cells.joined(found).sorted().counted(int(rows.sum()))


def _one_block(enclosure: Enclosure, block: _Pending, tolerance: float) -> tuple[list[Cells], _Pending]:
    model, radius, centre, half, ends = enclosure.leads(block.sample, block.lower, block.upper)
    left, right, left_class, right_class = ends
    whole = (left >= 2.0) | (right >= 2.0)
    start, end = _shaved(block, centre, half, left, right)
    # Both ends reach each other: a class leads alone on each, so that it is one class.
    meet = ~whole & (start >= end)
    has_left, has_right = start > block.lower, end < block.upper
    if (meet & has_left & has_right & (left_class != right_class)).any():
        raise AssertionError(
            "two classes are proved to lead at one alpha: a bound is broken, please report it"
        )
    all_of_it = whole | meet
    by_left = np.where(whole, left >= 2.0, has_left)
    winner = np.where(by_left, left_class, right_class)
    n_classes = radius.shape[1]
    found = [_decided(block.block(all_of_it), winner[all_of_it], n_classes)]

    open_ = ~all_of_it
    cut_left, cut_right = open_ & has_left, open_ & has_right
    for cut, low, high, winners in (
        (cut_left, block.lower, start, left_class),
        (cut_right, end, block.upper, right_class),
    ):
        found.append(_decided(_Pending(block.sample[cut], low[cut], high[cut]), winners[cut], n_classes))
    width = end - start
    # Evaluated at the tolerance, or a change between two classes that both ends enclose to it.
    enclosed = cut_left & cut_right & (left_class != right_class) & (width <= tolerance)
    done = open_ & ((block.upper - block.lower <= tolerance) | enclosed)
    if done.any():
        candidates = ~beaten(model[:, done], radius[done])
        undecided = np.full(int(done.sum()), UNDECIDED)
        found.append(Cells(block.sample[done], start[done], end[done], undecided, candidates))
    go_on = open_ & ~done
    one = go_on & (width < _KEEP_WHOLE * (block.upper - block.lower))
    two = go_on & ~one
    middle = 0.5 * (start + end)
    rest = [
        _Pending(block.sample[one], start[one], end[one]),
        _Pending(block.sample[two], start[two], middle[two]),
        _Pending(block.sample[two], middle[two], end[two]),
    ]
    return found, _Pending.joined(rest)


def _shaved(block: _Pending, centre: Array, half: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Where the certified ends end: alpha = c - rho + rho x and c + rho - rho x, rounded towards the ends.

    All numbers are at most 1 in size, so the three roundings are below 3u: 8u is taken.
    """
    start = (centre - half) + half * left - _SAFE
    end = (centre + half) - half * right + _SAFE
    start = np.where(start > block.lower + _SHORTEST, np.minimum(start, block.upper), block.lower)
    end = np.where(end < block.upper - _SHORTEST, np.maximum(end, block.lower), block.upper)
    return start, end


def _given_up(cells: _Pending, n_classes: int) -> Cells:
    undecided = np.full(len(cells.sample), UNDECIDED)
    return Cells(
        cells.sample, cells.lower, cells.upper, undecided, np.ones((len(undecided), n_classes), bool)
    )


def _decided(cells: _Pending, winner: Whole, n_classes: int) -> Cells:
    candidates = np.zeros((len(winner), n_classes), bool)
    candidates[np.arange(len(winner)), winner] = True
    return Cells(cells.sample, cells.lower, cells.upper, winner, candidates)
