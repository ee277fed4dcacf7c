"""How long `certify` is expected to take, and which lines are too large for it.

Seconds on one core, fitted to the lines of benchmarks/certify.py (its `--ratios` prints measured over
expected): work for the roots, and for each cell on which L' is expanded. Where the loss rises few cells find
it; a proof that it does not takes about 3.5 r of them. Lines without a verdict can take longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mli_theory.domain import DomainError

__all__ = ["expected_seconds", "most_expected_seconds", "refuse_what_is_too_large"]

Floats = NDArray[np.float64]

_MOST_BITS = 1e9  # of one polynomial: a single call on one of this size takes seconds
_CELLS_OF_A_RISE = 3
_CELLS_OF_A_PROOF = 3.5  # times the degree
_ALPHAS = np.linspace(0, 1, 65)


def expected_seconds(
    start_weights: Floats,
    start_bias: Floats,
    end_weights: Floats,
    end_bias: Floats,
    degree: int,
    max_cells: int,
) -> float:
    """The estimate for one line: whether its loss rises is looked for on 65 alphas, in floats."""
    k = len(start_bias)
    cells = (
        _CELLS_OF_A_RISE
        if _rises(start_weights, start_bias, end_weights, end_bias, degree)
        else _CELLS_OF_A_PROOF * degree
    )
    return _seconds(k, degree, min(cells, max_cells))


def most_expected_seconds(n_classes: int, degree: int, max_cells: int) -> float:
    """The larger of the two estimates, without a look at the line."""
    return _seconds(n_classes, degree, min(_CELLS_OF_A_PROOF * degree, max_cells))


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


def _seconds(k: int, r: int, cells: float) -> float:
    roots = 1e-3 + 4e-5 * r + 5e-7 * r**2
    cell = 3e-5 + 4e-6 * r + 4e-8 * r**2
    return 1.15 * k * (k - 1) * (roots + cells * cell)


def _rises(w0: Floats, b0: Floats, w1: Floats, b1: Floats, degree: int) -> bool:
    """Whether L' > 0 at one of 65 alphas, beyond rounding; False where floats overflow: it is an estimate."""
    with np.errstate(all="ignore"):
        return any(
            _slope_is_positive((1 - a) * w0 + a * w1, w1 - w0, (1 - a) * b0 + a * b1, b1 - b0, degree)
            for a in _ALPHAS
        )


def _slope_is_positive(w: Floats, w_rate: Floats, b: Floats, b_rate: Floats, degree: int) -> bool:
    """From k L' = sum_j sum_i p_ij (z_ij' - z_jj'), classes i, samples j."""
    z = w**degree + b[:, None]
    rate = degree * w ** (degree - 1) * w_rate + b_rate[:, None]
    terms = softmax(z, axis=0) * (rate - np.diag(rate))
    return bool(terms.sum() > 1e-10 * np.abs(terms).sum())


def _bits(array: Floats) -> int:
    sizes = [np.abs(array[array != 0]).max(initial=1.0), np.abs(array[array != 0]).min(initial=1.0)]
    return 64 + sum(abs(int(np.frexp(size)[1])) for size in sizes)
