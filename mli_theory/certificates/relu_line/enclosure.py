"""Taylor models of the logits on cells of alpha: matrix products and one compiled pass a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.leads import LeadingEnds, lead_pass
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.relu_line.norms import norms_above
from mli_theory.certificates.relu_line.pair_bounds import Kept, PairBounds
from mli_theory.certificates.relu_line.passes import layer_pass, radius_inputs
from mli_theory.certificates.relu_line.rounding import U, inflation, product_rounding

__all__ = ["After", "Enclosure", "Leads", "cell_centres"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
After = Callable[[int, Array, Array, NDArray[np.int8]], None]

_KEPT = 2**22  # numbers of all layers that a block keeps of each kind


def cell_centres(lower: Array, upper: Array) -> tuple[Array, Array]:
    """Give c and rho of cells [a, b] in [0, 1], such that [a, b] lies in [c - rho, c + rho].

    c = fl((a + b)/2) lies in [a, b]. fl(x)(1 + 4u) rounded is at least x for x = b - c or c - a (Sterbenz or
    not, one rounding each). And c + rho <= b (1 + 10u): c <= (1 + u)(a + b)/2, rho <= (1 + 7u)((b - a)/2 +
    u (a + b)/2). Cells are wider than 1e-300: nothing underflows.
    """
    centre = 0.5 * (lower + upper)
    return centre, np.maximum(upper - centre, centre - lower) * (1.0 + 4.0 * U)


class Leads(NamedTuple):
    """What is proved on some cells: the logits' models and radii, c and rho, and who leads from both ends."""

    model: Array
    radius: Array
    centre: Array
    half: Array
    ends: LeadingEnds


class Enclosure:
    """The logits of some samples on cells, as Taylor models with radii.

    The matrices are the same for all samples and cells (W(c) h = W0 h + c D h), so that any rows make one
    product; the first layer's products are shared by all cells of a sample.

    Args:
        line: the network.
        inputs: (n, fan-in), of `network.inputs_of`.
        block: rows at a time, which bounds the memory; by default 64 to 1024, as the network's units allow.
    """

    def __init__(self, line: ReluLine, inputs: Array, block: int | None = None) -> None:
        units = [len(step.start_weight) for step in line.steps]
        block = max(64, min(1024, _KEPT // sum(units))) if block is None else block
        self.n_classes, self.block = line.n_classes, block
        self._steps = [
            (
                step,
                np.ascontiguousarray(
                    np.hstack([step.start_weight.T, (step.end_weight - step.start_weight).T])
                ),
                np.ascontiguousarray(np.hstack([abs(step.start_weight), abs(step.end_weight)]).T),
            )
            for step in line.steps
        ]
        self._pairs = PairBounds(line, block)
        self._kept = [Kept(*(np.empty((block, size)) for _ in range(3))) for size in units]
        widest = max(units)
        self._room = {
            name: np.empty(size * block * widest)
            for name, size in (("model0", 3), ("model1", 3), ("products", 6), ("radii", 1), ("inputs", 2))
        } | {"rounded": np.empty(block)}
        self._signs = np.empty(block * widest, np.int8)
        self.retarget(inputs)

    def retarget(self, inputs: Array) -> None:
        """Work on these inputs from now on; the network's matrices stay."""
        step, matrix, sizes = self._steps[0]
        fan_in = step.start_weight.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            self._first = inputs @ matrix
            self._first_rounded = product_rounding(fan_in) * norms_above(inputs, 1) * (1.0 + 4.0 * U)
            self._first_sizes = (
                np.abs(inputs) @ sizes[:fan_in],
                np.abs(inputs) @ sizes[fan_in:],
            )

    def logits(
        self,
        samples: Whole,
        lower: Array,
        upper: Array,
        *,
        signs: list[NDArray[np.int8]] | None = None,
        after: After | None = None,
    ) -> tuple[Array, Array, Array, Array]:
        """Models (3, rows, classes), radii (rows, classes), c and rho; valid till the next call.

        Args:
            samples: (rows,) indices into the inputs, at most `block`.
            lower: a of each row's cell, (rows,).
            upper: b, (rows,), above a.
            signs: filled, where a list is given, with (rows, units) of each step: whether z >= 0 (1) or
                z <= 0 (-1) on the whole cell before its ReLU, or neither is proved (0).
            after: called after each step with its place, model, radius and signs; it may change model and
                radius, which `leads` does not allow.
        """
        centre, half = cell_centres(lower, upper)
        model = radius = np.empty(0)
        with np.errstate(over="ignore", invalid="ignore"):
            for place in range(len(self._steps)):
                products, radii, rounded = (
                    self._products(place, model, radius, lower, upper)
                    if place
                    else self._first_products(samples, upper)
                )
                step = self._steps[place][0]
                rows, units = radii.shape
                model = self._view(f"model{place % 2}", 3, rows, units)
                kept = self._kept[place].of(rows)
                radius = kept.radius
                sign = self._signs[: rows * units].reshape(rows, units)
                layer_pass(
                    products,
                    radii,
                    inflation(step.start_weight.shape[1]),
                    centre,
                    half,
                    step.start_bias,
                    step.end_bias,
                    step.has_bias,
                    step.slope,
                    rounded,
                    self._pairs.units[place],
                    model,
                    radius,
                    sign,
                    kept.factor,
                    kept.own,
                )
                if signs is not None:
                    signs.append(sign.copy())
                if after is not None:
                    after(place, model, radius, sign)
        return model, radius, centre, half

    def leads(self, samples: Whole, lower: Array, upper: Array) -> Leads:
        """Which classes are proved to lead from each cell's ends, and how far; valid till the next call.

        Args:
            samples: as in `logits`.
            lower: likewise.
            upper: likewise.
        """
        model, radius, centre, half = self.logits(samples, lower, upper)
        ends = LeadingEnds.room(len(samples))
        lead_pass(model, radius, np.full((2, *radius.shape), np.inf), *ends)
        kept = [one.of(len(samples)) for one in self._kept]
        between = self._pairs.between(model, radius, ends, kept, (lower, upper, centre, half))
        if between is not None:
            lead_pass(model, radius, between, *ends)
        return Leads(model, radius, centre, half, ends)

    def _first_products(self, samples: Whole, upper: Array) -> tuple[Array, Array, Array]:
        """The inputs are exact: P_0 = x alone, e = 0, S = |x|."""
        step = self._steps[0][0]
        units, fan_in = step.start_weight.shape
        products = self._view("products", 3, len(samples), 2 * units)
        products[0] = self._first[samples]
        products[1:] = 0.0
        by_start, by_end = self._first_sizes
        b = upper[:, None]
        radii = product_rounding(fan_in) * ((1.0 + b) * by_start[samples] + b * by_end[samples])
        return products, radii, self._first_rounded[samples]

    def _products(
        self, place: int, model: Array, radius: Array, lower: Array, upper: Array
    ) -> tuple[Array, Array, Array]:
        step, matrix, sizes = self._steps[place]
        units, fan_in = step.start_weight.shape
        rows = len(radius)
        products = self._view("products", 3, rows, 2 * units)
        known = 2 if place == 1 else 3  # after the first layer P_2 = 0
        np.dot(
            model[:known].reshape(-1, fan_in), matrix, out=products[:known].reshape(known * rows, 2 * units)
        )
        products[known:] = 0.0
        inputs = self._view("inputs", rows, 2 * fan_in)
        rounded = self._view("rounded", rows)
        radius_inputs(model, radius, lower, upper, product_rounding(fan_in), inputs, rounded)
        radii = self._view("radii", rows, units)
        np.dot(inputs, sizes, out=radii)
        return products, radii, rounded

    def _view(self, name: str, *shape: int) -> Array:
        return self._room[name][: int(np.prod(shape))].reshape(shape)
