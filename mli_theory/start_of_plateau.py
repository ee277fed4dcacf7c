"""Where the class of the largest bias takes over on the line from real initial weights (T14)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.homogeneous_path.intervals import check_logits

__all__ = ["plateau_start"]


def plateau_start(start_signal: ArrayLike, bias_end: ArrayLike, degree: int, init_scale: float) -> float:
    """First alpha at which i* = argmax b holds every sample, to leading order in the initial scale (T14).

    Initial weights delta theta0, trained end fixed, zero bias at the start: alpha_1 =
    delta^r max over samples and i of (s0_i - s0_{i*}) / (b_{i*} - b_i), times 1 + O(delta^(r-1)); 0 where i*
    is the largest initial signal of every sample. Derived, and poor where delta^(r-1) is not small; a value
    of the order of 1 means that there is no plateau to start.

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
    others = np.arange(len(bias)) != held
    lead = signal[:, others] - signal[:, [held]]
    slowest = float((lead / (bias[held] - bias[others])).max())
    return float(scale**r * max(slowest, 0.0))
