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
from scipy.special import expit

from mli_theory.domain import DomainError, finite_array
from mli_theory.power_model.plateau_laws import PlateauLaw

__all__ = ["quadratic_plateau_law"]

Array = NDArray[np.float64]

_STATEMENT = "T11 at degree 2"
_EARLIEST = 1e-6  # v_1 where the integration begins at the earliest


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
    log_ratio = float(np.log(ratio))
    first = 0.0
    if init_scale is not None:
        scale = float(finite_array("init_scale", init_scale, (), statement=_STATEMENT))
        if scale <= 0:
            raise DomainError(f"T11 at degree 2 needs init_scale > 0, got {scale}")
        first = min(scale, 1e150) ** 2
    # Up to there the first term of the series, gap' = (1 - R^-2) / 4 in v_1, the next is O(v_1^2).
    gap = -max(_EARLIEST - first, 0.0) * float(np.expm1(-2 * log_ratio)) / 4
    log_first = float(np.log(max(first, _EARLIEST)))
    orbit = _Orbit(log_ratio, float(np.log(eps)))
    # v_1 is at most 2 max(log(1 / eps), log R) + 2 at the end.
    log_last = float(np.log(2 * max(-np.log(eps), log_ratio) + 5))
    if log_first >= log_last or orbit.excess(log_first, np.array([gap])) <= 0:
        raise DomainError(
            f"T11 at degree 2: init_scale = {init_scale} starts below final_loss = {eps}, or at it"
        )
    log_v1, gap = orbit.until_the_loss_is_reached(log_first, gap, log_last)
    signal = float(np.exp(log_v1))
    beta = np.asarray(gap / signal)[()]
    return PlateauLaw(np.asarray(gap)[()], np.asarray(signal)[()], beta, beta)


class _Orbit:
    """log v_1 and the gap along s = log v_1 + gap; log(v_2 / v_1) = 2 (gap - log R) there.

    Along log v_1 alone the gap can rise by e^35 a unit (a start at which one class is learned already): no
    float of log v_1 then lies between its start and its end.
    """

    def __init__(self, log_ratio: float, log_final_loss: float) -> None:
        self._log_ratio, self._log_final_loss = log_ratio, log_final_loss

    def until_the_loss_is_reached(self, log_v1: float, gap: float, last: float) -> tuple[float, float]:
        def excess(_: float, state: Array) -> float:
            return self.excess(float(state[0]), state[1:])

        excess.terminal = True  # type: ignore[attr-defined]
        found = solve_ivp(
            self.direction,
            (log_v1 + gap, last + self._log_ratio),
            [log_v1, gap],
            method="LSODA",
            rtol=1e-10,
            atol=[1e-12, 1e-12 * min(self._log_ratio, 1.0)],
            max_step=0.5,  # early on the gap hardly moves and a long step would miss what follows
            events=excess,
        )
        if found.status != 1:
            raise ArithmeticError(f"the orbit of T11 at degree 2 was lost: {found.message}; report this")
        return float(found.y[0, -1]), float(found.y[1, -1])

    def direction(self, _: float, state: Array) -> list[float]:
        """Of log v_1 and the gap by s: with L = log(G_22 / G_11), 2 / (1 + e^L) and tanh(L / 2).

        For the gap moves by (e^L - 1) / 2 where log v_1 moves by 1; G_jj is in proportion to
        1 / (1 + e^m_j), m_j the margins.
        """
        log_v1, gap = map(float, state)
        first, second = self._margins(log_v1, gap)
        # m_2 - m_1 without cancelling.
        apart = np.exp(log_v1) * np.expm1(2 * (gap - self._log_ratio)) + 2 * gap
        if abs(apart) > 30:
            log_missing = np.logaddexp(0.0, first) - np.logaddexp(0.0, second)
        else:
            log_missing = -np.log1p(np.expm1(apart) * expit(first))
        return [2 * float(expit(-log_missing)), float(np.tanh(log_missing / 2))]

    def excess(self, log_v1: float, state: Array) -> float:
        """Log of the mean loss over the final one, also where the loss is below the least float."""
        first, second = (_log_log1p_exp(-margin) for margin in self._margins(log_v1, float(state[0])))
        return float(np.logaddexp(first, second) - np.log(2) - self._log_final_loss)

    def _margins(self, log_v1: float, gap: float) -> tuple[float, float]:
        """The logit margins of the two samples."""
        v2 = np.exp(log_v1 + 2 * (gap - self._log_ratio))
        return float(np.exp(log_v1) - gap), float(v2 + gap)


def _log_log1p_exp(x: float) -> float:
    """Log of log(1 + e^x): x itself where e^x is below 1e-17."""
    return x if x < -40 else float(np.log(np.logaddexp(0.0, x)))
