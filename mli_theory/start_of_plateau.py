"""Where the class of the largest bias takes over on the line from real initial weights (T14, T14b)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.homogeneous_path.float_roots import nearest_float
from mli_theory.homogeneous_path.intervals import check_logits
from mli_theory.names_in_words import first_of

__all__ = ["plateau_start", "plateau_start_bounds"]


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
        raise DomainError(
            f"T14 needs a unique largest bias, but classes [{first_of(tied)}] tie at {bias[held]}"
        )
    slowest = max(_latest(signal, bias, held, i) for i in range(len(bias)) if i != held)
    if slowest <= 0:
        return 0.0
    with ctx.workprec(192):
        log = r * arb(scale).log() + arb(fmpq(slowest.numerator, slowest.denominator)).log()
        return max(nearest_float(log.exp()), 5e-324)


def plateau_start_bounds(
    start_signal: ArrayLike,
    bias_end: ArrayLike,
    degree: int,
    init_scale: float,
    *,
    lipschitz: float,
    radius: float,
    start_norm: float,
    end_norm: float,
) -> tuple[float, float]:
    """Bounds of alpha_1, the alpha from which i* = argmax b holds every sample (T14b; proved).

    With kap = K delta^(r-1) (|theta1| + delta |theta0|) < the smallest gap b_{i*} - b_i: alpha_1/delta^r lies
    between max A_i/(gap_i + kap) and max A_i/(gap_i - kap), over samples and classes with a positive initial
    lead A_i = s0_i - s0_{i*}. i* leads from there on up to alpha = delta^r R K/kap at least.

    Args:
        start_signal: s0 = s(theta0) (n, k), the initial signal at scale 1.
        bias_end: (k,) trained last-layer bias, its largest entry unique; zero bias at the start.
        degree: r >= 2, in which the signal is positively homogeneous.
        init_scale: delta > 0; the initial weights are delta theta0.
        lipschitz: K > 0, of every s_i - s_{i*} on the ball of that radius about theta0.
        radius: R > 0 of that ball.
        start_norm: |theta0| > 0.
        end_norm: |theta1| >= 0, of the trained weights.

    Returns:
        Lower and upper bound; (0, 0) where no class leads i* anywhere at the start. Widened by a relative
        1e-13 for rounding.

    Raises:
        DomainError: naming T14b (or T14) and the value: as `plateau_start`; a bound that is not positive; kap
            not below the smallest gap; an upper bound beyond the ball or beyond alpha = 1, where nothing is
            proved.

    Source: T14b.
    """
    first = plateau_start(start_signal, bias_end, degree, init_scale)
    signal, bias = check_logits(start_signal, bias_end, statement="T14b")
    r, delta = int(degree), float(init_scale)
    given = {"lipschitz": lipschitz, "radius": radius, "start_norm": start_norm, "end_norm": end_norm}
    size = {name: float(finite_array(name, value, (), statement="T14b")) for name, value in given.items()}
    for name, value in size.items():
        if value < 0 or (value == 0 and name != "end_norm"):
            raise DomainError(f"T14b needs {name} {'>=' if name == 'end_norm' else '>'} 0, got {value}")
    if first == 0:
        return 0.0, 0.0
    held = int(np.argmax(bias))
    others = np.delete(np.arange(len(bias)), held)
    gap = bias[held] - bias[others]
    with np.errstate(over="ignore", under="ignore"):
        moved = size["end_norm"] + delta * size["start_norm"]
        kap = float(size["lipschitz"] * np.float64(delta) ** (r - 1) * moved)
        reach = min(float(np.float64(delta) ** r * size["radius"] * size["lipschitz"] / kap), 1.0)
        lead = np.maximum((signal[:, others] - signal[:, [held]]).max(axis=0), 0.0)
        if not kap < gap.min():
            raise DomainError(
                f"T14b's bracket needs K delta^(r-1) (|theta1| + delta |theta0|) = {kap:.6g} below the "
                f"smallest gap {gap.min():.6g}: use a smaller init_scale"
            )
        low, high = (float(delta**r * (lead / (gap + sign * kap)).max()) for sign in (1, -1))
    if not high < reach:
        raise DomainError(
            f"T14b's bracket ends at alpha = {high:.6g}, but it is proved up to {reach:.6g} only (the ball's "
            "radius, or the trained end): use a smaller init_scale or a larger radius"
        )
    return low * (1 - 1e-13), high * (1 + 1e-13)


def _latest(signal: NDArray[np.float64], bias: NDArray[np.float64], held: int, i: int) -> Fraction:
    """Largest (s0_i - s0_{i*}) / (b_{i*} - b_i) over the samples, exactly."""
    with np.errstate(over="ignore"):
        lead = signal[:, i] - signal[:, held]
    if np.isinf(lead).any():  # then the largest is far above what halving may take from a subnormal number
        lead = signal[:, i] / 2 - signal[:, held] / 2
    first = int(np.argmax(lead))  # rounding keeps the order
    exact = Fraction(float(signal[first, i])) - Fraction(float(signal[first, held]))
    return exact / (Fraction(float(bias[held])) - Fraction(float(bias[i])))
