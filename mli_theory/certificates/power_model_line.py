"""The power model's logits on the line, as polynomials with exact rational coefficients.

theory.md section 3: sample j is the unit vector e_j, its label is class j, and its logits are
f_i(e_j) = W_ij^r + b_i. On the line W = (1 - alpha) W0 + alpha W1, b likewise, each logit is a polynomial in
alpha of degree at most r. Floats are taken as the rational numbers they are.
"""

from __future__ import annotations

import numpy as np
from flint import fmpq, fmpq_poly
from numpy.typing import NDArray

__all__ = ["line_logits"]

Floats = NDArray[np.float64]


def line_logits(
    start_weights: Floats, start_bias: Floats, end_weights: Floats, end_bias: Floats, degree: int
) -> list[list[fmpq_poly]]:
    """The logit of class i for sample j as a polynomial in alpha, at [j][i]; inputs are taken as checked."""
    biases = [_line(b0, b1) for b0, b1 in zip(start_bias, end_bias, strict=True)]
    columns = zip(start_weights.T, end_weights.T, strict=True)
    return [
        [_line(w0, w1) ** degree + b for w0, w1, b in zip(start, end, biases, strict=True)]
        for start, end in columns
    ]


def _line(start: np.float64, end: np.float64) -> fmpq_poly:
    first = _exact(start)
    return fmpq_poly([first, _exact(end) - first])


def _exact(value: np.float64) -> fmpq:
    return fmpq(*float(value).as_integer_ratio())
