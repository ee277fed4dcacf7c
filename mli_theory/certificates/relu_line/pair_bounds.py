"""`backward`'s bounds of a network's differences of logits, for the pairs of classes that are worth them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.backward import close_pass, open_pairs, scale_pass, step_pass
from mli_theory.certificates.relu_line.leads import LeadingEnds
from mli_theory.certificates.relu_line.network import AffineStep, ReluLine
from mli_theory.certificates.relu_line.norms import norms_above, spectral_norm_above
from mli_theory.certificates.relu_line.rounding import U, product_rounding

__all__ = ["Kept", "PairBounds"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_NO_GAIN = 0.97  # a pair whose bound a layer lowers by less is left


class Kept(NamedTuple):
    """What is kept of one step's pass, (rows, units) each: e, lam and the layer's own radius."""

    radius: Array
    factor: Array
    own: Array

    def of(self, rows: int) -> Kept:
        """The first rows."""
        return Kept(*(one[:rows] for one in self))


class PairBounds:
    """Bounds of |(z_i - z_j)(alpha) - (P_i - P_j)(t)| on cells, see `backward`.

    Attributes:
        units: of each step, 2 |W0| + |W1| of every unit, Euclidean norms from above, (units,).

    Args:
        line: the network.
        block: pairs at a time.
    """

    def __init__(self, line: ReluLine, block: int) -> None:
        self._n_classes, self._block = line.n_classes, block
        self.units = [_unit_norms(step) for step in line.steps]
        # The first step is never gone through: the inputs have no error.
        self._matrices = [
            np.ascontiguousarray(np.hstack([step.start_weight, step.end_weight - step.start_weight]))
            for step in line.steps[1:]
        ]
        self._norms = [_whole_norms(step) for step in line.steps[1:]]

    def between(
        self,
        model: Array,
        radius: Array,
        ends: LeadingEnds,
        kept: Sequence[Kept],
        cells: tuple[Array, Array, Array, Array],
    ) -> Array | None:
        """Radii of differences, (2, rows, classes), as `leads.lead_pass` takes them; None of no pairs.

        Args:
            model: (3, rows, classes).
            radius: (rows, classes).
            ends: of `leads.lead_pass`.
            kept: of each step.
            cells: each row's a, b, c and rho, (rows,) each.
        """
        n, classes = radius.shape
        pairs, enough = np.empty((4, 2 * n * classes), np.int64), np.empty(2 * n * classes)
        count = open_pairs(model, radius, *ends, *pairs, enough)
        if not count:
            return None
        found = np.full((2, n, classes), np.inf)
        for at in range(0, count, self._block):
            part = slice(at, min(at + self._block, count))
            rows, first, second, side = pairs[:, part]
            bounds = self._bounds(rows, first, second, kept, cells, enough[part])
            for end in range(2):
                here = (side == end) | (side == 2)
                found[end, rows[here], second[here]] = bounds[here]
        return found

    def _bounds(
        self,
        rows: Whole,
        first: Whole,
        second: Whole,
        kept: Sequence[Kept],
        cells: tuple[Array, ...],
        enough: Array,
    ) -> Array:
        """(pairs,): the least bound found; a pair goes on until it is decided or gains no more."""
        pairs = np.arange(len(rows))
        found = np.full(len(rows), np.inf)
        least, total, tau = found.copy(), np.zeros(len(rows)), np.zeros(len(rows))
        vector = np.zeros((len(rows), self._n_classes))
        vector[pairs, first], vector[pairs, second] = 1.0, -1.0
        with np.errstate(over="ignore", invalid="ignore"):
            for place in range(len(kept) - 1, -1, -1):
                one, before = kept[place], least.copy()
                close_pass(vector, tau, one.radius, one.own, rows, total, least)
                found[pairs] = least
                go_on = (least > enough) & ~(least > _NO_GAIN * before)
                if place == 0 or not go_on.any():
                    break
                if not go_on.all():
                    rows, vector, pairs = rows[go_on], vector[go_on], pairs[go_on]
                    least, total, tau, enough = least[go_on], total[go_on], tau[go_on], enough[go_on]
                scaled, size = np.empty_like(vector), np.empty(len(rows))
                scale_pass(vector, one.factor, rows, scaled, size)
                products = scaled @ self._matrices[place - 1]
                vector = np.empty((len(rows), products.shape[1] // 2))
                rounding = 2.0 * product_rounding(scaled.shape[1])
                norms = self._norms[place - 1]
                step_pass(products, rows, *cells, size, norms, rounding, vector, tau)
        return found


def _unit_norms(step: AffineStep) -> Array:
    return np.asarray(
        (2.0 * norms_above(step.start_weight, 1) + norms_above(step.end_weight, 1)) * (1.0 + 4.0 * U)
    )


def _whole_norms(step: AffineStep) -> Array:
    """Spectral norms of W0 and of W1, Frobenius' of both together."""
    start, end = step.start_weight, step.end_weight
    both = float(norms_above(start) + norms_above(end)) * (1.0 + 2.0 * U)
    return np.array([spectral_norm_above(start), spectral_norm_above(end), both])
