"""How long `certify` is expected to take, and which lines are too large for it.

Seconds on one core, fitted to the lines of benchmarks/certify.py (its `--ratios` writes measured and expected
ones to benchmarks/certify_cost.csv): work for the roots, and for each cell on which L' is expanded. Where the
loss rises, the search meets the rise after as many cells as come before it in its order; a proof that it does
not rise takes about 3.5 r of them. Zero starts are cheaper: their logits have two terms, and L' is known at
alpha = 0. Where logits are so large that no verdict is to be expected, all cells are paid for. Other lines
without a verdict can take longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mli_theory.domain import DomainError

__all__ = ["expected_seconds", "most_expected_seconds", "refuse_what_is_too_large"]

Floats = NDArray[np.float64]

_MOST_BITS = 1e9  # of one polynomial: a single call on one of this size takes seconds
_LARGEST_LOGIT = 1e15  # nats: beyond it floats do not know an exponential
_LARGEST_TERM = 2.0**90  # nats, of a logit's: beyond it the search's balls of 96 bits do not either
_CELLS_OF_A_PROOF = 3.5  # times the degree
# The centres of the search's cells in its order: 1/2, 1/4, 3/4, 1/8, ...
_CENTRES = [(2 * i + 1) / 2**depth for depth in range(1, 8) for i in range(2 ** (depth - 1))]


def expected_seconds(
    start_weights: Floats,
    start_bias: Floats,
    end_weights: Floats,
    end_bias: Floats,
    degree: int,
    max_cells: int,
) -> float:
    """The estimate for one line; whether and where its loss rises is looked for on 127 alphas, in floats."""
    k = len(start_bias)
    if start_weights.any():
        cells = _expected_cells(start_weights, start_bias, end_weights, end_bias, degree)
        return _seconds(k, degree, min(cells, max_cells))
    tied = np.ptp(start_bias) == 0
    if tied and np.ptp(end_bias) == 0:  # the loss is convex in alpha^r, and L' known at both ends (T5)
        return _seconds(k, degree, 1, terms=1)
    if tied and degree > 2:  # unequal biases make the loss rise from alpha = 0 on (T4)
        return _seconds(k, degree, 0, terms=2)
    cells = _expected_cells(start_weights, start_bias, end_weights, end_bias, degree)
    return _seconds(k, degree, min(cells, max_cells), terms=2)


def most_expected_seconds(n_classes: int, degree: int, max_cells: int) -> float:
    """The largest of the estimates, all cells, without a look at the line."""
    return _seconds(n_classes, degree, max_cells)


def refuse_what_is_too_large(values: list[Floats], degree: int) -> None:
    """Refuse a degree at which one logit has so many digits that flint could not be stopped.

    Raises:
        DomainError: naming the degree and what it would take.
    """
    longest = max(_bits(array) for array in values)
    if float(degree) ** 2 * longest > _MOST_BITS:
        most = int((_MOST_BITS / longest) ** 0.5)
        raise DomainError(
            f"certify works to degree {most} for entries of {longest} bits as rational numbers, "
            f"got {degree}: use a smaller degree or entries of fewer digits"
        )


def _seconds(k: int, r: int, cells: float, terms: int | None = None) -> float:
    """Work of each pair of classes of each sample; `terms` of a logit, as a polynomial: None of many."""
    cell = 3.5e-5 + 4.6e-6 * r + 4.6e-8 * r**2
    if terms == 1:
        roots, cell = 5e-5 + 2.8e-6 * r, 0
    elif terms == 2:
        roots = 4e-4 + 1e-5 * r + 8e-8 * r**2
    else:
        roots = 1.2e-3 + 4.6e-5 * r + 5.8e-7 * r**2
    return 3e-3 + k * (k - 1) * (roots + cells * cell)


def _expected_cells(w0: Floats, b0: Floats, w1: Floats, b1: Floats, degree: int) -> float:
    """Cells up to the first whose centre has L' > 0 beyond rounding, breadth first, or those of a proof.

    inf where logits are too large for the balls, so that the search ends without a verdict.
    """
    proof = _CELLS_OF_A_PROOF * degree
    lost = False
    with np.errstate(all="ignore"):
        for cells, a in enumerate(_CENTRES, 1):
            if cells >= proof:
                break
            w, b = (1 - a) * w0 + a * w1, (1 - a) * b0 + a * b1
            z = w**degree + b[:, None]
            terms = (np.abs(w0) + a * np.abs(w1 - w0)) ** degree
            if not (np.abs(z).max() < _LARGEST_LOGIT and terms.max() < _LARGEST_TERM):
                lost = True
            elif _slope_is_positive(z, degree * w ** (degree - 1) * (w1 - w0) + (b1 - b0)[:, None]):
                return cells
    return np.inf if lost else proof


def _slope_is_positive(z: Floats, rate: Floats) -> bool:
    """From k L' = sum_j sum_i p_ij (z_ij' - z_jj'), classes i, samples j."""
    terms = softmax(z, axis=0) * (rate - np.diag(rate))
    return bool(terms.sum() > 1e-10 * np.abs(terms).sum())


def _bits(array: Floats) -> int:
    sizes = [np.abs(array[array != 0]).max(initial=1.0), np.abs(array[array != 0]).min(initial=1.0)]
    return 64 + sum(abs(int(np.frexp(size)[1])) for size in sizes)
