"""The plateau of the power model at degree 2, two classes (what T11 leaves out).

Gradient flow from a diagonal start, b(0) = 0, balanced. The conservation laws (T8) are exact here: with
R = W_11(0) / W_22(0) > 1 and v = W_jj^2,

    gap = b_2 - b_1 = log R + log(v_2 / v_1) / 2 < log R   at all times (v_2 < v_1 by T10).

So unlike at r >= 3 the gap is bounded whatever the initial scale: at a fixed ratio the plateau vanishes as
the loss goes to 0, alpha_2 = beta = gap / v_1 <= log R / (log R - log(e^(2 eps) - 1)), and no scale -> 0
saves it.
The flow's orbit is one scalar equation, with e_1 = exp(gap - v_1), e_2 = exp(-gap - v_2):

    d log v_2 / d log v_1 = (e_2 / (1 + e_2)) / (e_1 / (1 + e_1)),   v_2 / v_1 = R^-2 at the start,

and 2 eps = log(1 + e_1) + log(1 + e_2) ends it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from mli_theory.domain import DomainError, finite_array
from mli_theory.power_model.plateau_laws import PlateauLaw

__all__ = ["quadratic_plateau_law"]

_STATEMENT = "T11 at degree 2"
_EARLIEST = 1e-6  # v_1 where the integration of the limit begins


def quadratic_plateau_law(
    weight_ratio: float, final_loss: float, *, init_scale: float | None = None
) -> PlateauLaw:
    """The law at r = 2 and k = 2, exact at any scale up to the integration (relative 1e-9 of beta).

    Args:
        weight_ratio: R = W_11(0) / W_22(0) > 1.
        final_loss: eps, 0 < eps < log 2, and below the loss at the start.
        init_scale: W_11(0) > 0; None is the limit 0, reached like init_scale squared.

    Raises:
        DomainError: naming T11 at degree 2 and the value.
    """
    ratio = float(finite_array("weight_ratio", weight_ratio, (), statement=_STATEMENT))
    eps = float(finite_array("final_loss", final_loss, (), statement=_STATEMENT))
    if ratio <= 1:
        raise DomainError(f"T11 at degree 2 needs weight_ratio > 1, got {ratio}: no class is learned last")
    if not 0 < eps < np.log(2):
        raise DomainError(f"T11 at degree 2 needs 0 < final_loss < log 2, got {eps}")
    if init_scale is None:
        # From v_1 = 0 with v_2 / v_1 = R^-2: the first term of the series, the next is O(v_1^2).
        first = _EARLIEST
        spread = (first - first / ratio**2) / 2 - 2 * np.log(ratio)
    else:
        scale = float(finite_array("init_scale", init_scale, (), statement=_STATEMENT))
        if scale <= 0:
            raise DomainError(f"T11 at degree 2 needs init_scale > 0, got {scale}")
        first, spread = scale**2, -2 * np.log(ratio)

    def margins(log_v1: float, spread: float) -> NDArray[np.float64]:
        """The logit margins of the two samples; spread = log(v_2 / v_1)."""
        gap = np.log(ratio) + spread / 2
        return np.array([np.exp(log_v1) - gap, np.exp(log_v1 + spread) + gap])

    def slope(log_v1: float, state: NDArray[np.float64]) -> list[float]:
        # G_22 / G_11 - 1; 1 - p_jj = 1 / (1 + e^margin), its log without underflow.
        log_missing = -np.logaddexp(0.0, margins(log_v1, state[0]))
        return [float(np.expm1(log_missing[1] - log_missing[0]))]

    def excess(log_v1: float, state: NDArray[np.float64]) -> float:
        losses = np.logaddexp(0.0, -margins(log_v1, state[0]))
        return float(np.log(max(losses.mean(), 1e-323)) - np.log(eps))

    if excess(np.log(first), np.array([spread])) <= 0:
        raise DomainError(f"T11 at degree 2: init_scale = {init_scale} starts below final_loss = {eps}")
    excess.terminal = True  # type: ignore[attr-defined]
    # v_1 is at most 2 max(log(1 / eps), log R) + 2 at the end.
    last = np.log(2 * max(-np.log(eps), np.log(ratio)) + 5)
    found = solve_ivp(
        slope, (np.log(first), last), [spread], method="LSODA", rtol=1e-10, atol=1e-12, events=excess
    )
    log_v1, spread = float(found.t[-1]), float(found.y[0, -1])
    signal, gap = float(np.exp(log_v1)), float(np.log(ratio)) + spread / 2
    beta = np.asarray(gap / signal)[()]
    return PlateauLaw(np.asarray(gap)[()], np.asarray(signal)[()], beta, beta)
