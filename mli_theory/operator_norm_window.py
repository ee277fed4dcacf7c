"""Where on the line from real weights the bias provably decides the prediction (T6).

A ReLU network without hidden biases, zero bias at the start: layer operator norms sigma0_l at alpha = 0 and
sigma1_l at alpha = 1, gap > 0 between the largest and second largest last-layer bias at alpha = 1. Whenever

    sqrt(2) |x| prod_l ((1 - alpha) sigma0_l + alpha sigma1_l) < alpha gap

the input x is predicted as the class of the largest bias. Both sides squared are polynomials with rational
coefficients, so the set of such alpha is computed exactly for the floats given and rounded inwards.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cmp_to_key
from itertools import pairwise

import numpy as np
from flint import fmpq, fmpq_poly
from numpy.typing import ArrayLike

from mli_theory.certificates.exact_roots import compare, disjoint, unit_roots
from mli_theory.domain import DomainError, finite_array

__all__ = ["certified_window"]


def certified_window(
    start_norms: ArrayLike, end_norms: ArrayLike, input_norm: float, bias_gap: float
) -> tuple[float, float]:
    """The longest open interval (lo, hi) of alpha in (0, 1) certified by T6; (nan, nan) when there is none.

    All certified alpha form one interval if every sigma1_l >= sigma0_l, or every one <=, or there are at most
    two layers. With mixed directions and three layers or more there can be several, and the longest is
    returned (the first of equally long ones): each alpha inside is certified, not each alpha outside is not.
    lo is rounded up and hi down, to neighbouring floats. hi = 1 says that alpha -> 1 is not excluded; at
    alpha = 1 itself the two sides may be equal.
    T6 was empty on all trained networks tried so far: a statement for theory, not for practice.

    Args:
        start_norms: (r,) operator norms of the weight layers at alpha = 0, >= 0.
        end_norms: (r,) the same at alpha = 1.
        input_norm: Euclidean norm |x| >= 0 of the input, or the largest over many inputs.
        bias_gap: > 0, largest minus second largest bias at alpha = 1.

    Raises:
        DomainError: naming the value, for norms that are negative, not finite or of different lengths, or a
            gap that is not positive.
    """
    start = finite_array("start_norms", start_norms, (None,), statement="T6")
    end = finite_array("end_norms", end_norms, (len(start),), statement="T6")
    for name, norms in (("start_norms", start), ("end_norms", end)):
        bad = np.flatnonzero(norms < 0)
        if bad.size:
            raise DomainError(f"T6 needs operator norms >= 0, but {name}[{bad[0]}] = {norms[bad[0]]}")
    size, gap = (
        float(finite_array("input_norm", input_norm, (), statement="T6")),
        float(finite_array("bias_gap", bias_gap, (), statement="T6")),
    )
    if size < 0:
        raise DomainError(f"T6 needs input_norm >= 0, got {size}")
    if gap <= 0:
        raise DomainError(f"T6 needs bias_gap > 0, got {gap}: the largest bias must be unique")
    excess = fmpq_poly([2 * _rational(size) ** 2])
    for first, last in zip(start, end, strict=True):
        excess *= fmpq_poly([_rational(first), _rational(last) - _rational(first)]) ** 2
    excess -= fmpq_poly([0, 0, _rational(gap) ** 2])
    return _longest_negative(excess)


def _longest_negative(excess: fmpq_poly) -> tuple[float, float]:
    """The longest interval of (0, 1) between neighbouring roots on which the polynomial is negative."""
    ends = [(Fraction(0), Fraction(0)), *_roots(excess), (Fraction(1), Fraction(1))]
    best, longest = (float("nan"), float("nan")), 0.0
    for (_, left), (right, _) in pairwise(ends):
        middle = (left + right) / 2
        if excess(fmpq(middle.numerator, middle.denominator)) >= 0:
            continue
        lo, hi = _up(left), -_up(-right)
        if hi - lo > longest:
            best, longest = (lo, hi), hi - lo
    return best


def _roots(polynomial: fmpq_poly) -> list[tuple[Fraction, Fraction]]:
    """Ascending disjoint enclosures of the distinct roots in (0, 1], 2^-100 of the root wide."""
    roots = [root for root, _ in unit_roots(polynomial.numer())]
    close = [root.narrowed(root.lower / 2**100) for root in disjoint(sorted(roots, key=cmp_to_key(compare)))]
    return [(root.lower, root.upper) for root in close]


def _rational(value: float) -> fmpq:
    return fmpq(*float(value).as_integer_ratio())


def _up(value: Fraction) -> float:
    """The least float not below the value."""
    near = float(value)
    return near if Fraction(near) >= value else float(np.nextafter(near, np.inf))
