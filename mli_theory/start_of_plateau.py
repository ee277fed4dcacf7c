"""Where the class of the largest bias takes over on the line from real initial weights (T14)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.homogeneous_path.float_roots import nearest_float
from mli_theory.homogeneous_path.intervals import check_logits

__all__ = ["plateau_start"]


def plateau_start(start_signal: ArrayLike, bias_end: ArrayLike, degree: int, init_scale: float) -> float:
    """First alpha at which i* = argmax b holds every sample, to leading order in the initial scale (T14).

    Initial weights delta theta0, trained end fixed, zero bias at the start: alpha_1 =
    delta^r max over samples and i of (s0_i - s0_{i*}) / (b_{i*} - b_i), times 1 + O(delta^(r-1)); 0 where i*
    has the largest initial signal of every sample, and only there. Derived, and poor where delta^(r-1) is not
    small; a value of the order of 1 means that there is no plateau to start.
    Rounded once; what is below the least float is that float, 5e-324, and what is beyond the largest is inf.

    Args:
        start_signal: (n, k) initial signal at scale 1.
        bias_end: (k,) trained last-layer bias, its largest entry unique.
        degree: r >= 2.
        init_scale: delta > 0.

    Raises:
        DomainError: naming the value: shapes that disagree, not finite, a tied largest bias, delta <= 0, or a
            degree below 2.
    """
    r = check_degree(degree, statement="T14")
    signal, bias = check_logits(start_signal, bias_end, statement="T14")
    scale = float(finite_array("init_scale", init_scale, (), statement="T14"))
    if scale <= 0:
        raise DomainError(f"T14 needs init_scale > 0, got {scale}")
    held = int(np.argmax(bias))
    tied = np.flatnonzero(bias == bias[held])
    if len(tied) > 1:
        raise DomainError(f"T14 needs a unique largest bias, but classes {tied.tolist()} tie at {bias[held]}")
    slowest = max(_latest(signal, bias, held, i) for i in range(len(bias)) if i != held)
    if slowest <= 0:
        return 0.0
    with ctx.workprec(192):
        log = r * arb(scale).log() + arb(fmpq(slowest.numerator, slowest.denominator)).log()
        return max(nearest_float(log.exp()), 5e-324)


def _latest(signal: NDArray[np.float64], bias: NDArray[np.float64], held: int, i: int) -> Fraction:
    """Largest (s0_i - s0_{i*}) / (b_{i*} - b_i) over the samples, exactly."""
    with np.errstate(over="ignore"):
        lead = signal[:, i] - signal[:, held]
    if np.isinf(lead).any():  # then the largest is far above what halving may take from a subnormal number
        lead = signal[:, i] / 2 - signal[:, held] / 2
    first = int(np.argmax(lead))  # rounding keeps the order
    exact = Fraction(float(signal[first, i])) - Fraction(float(signal[first, held]))
    return exact / (Fraction(float(bias[held])) - Fraction(float(bias[i])))
