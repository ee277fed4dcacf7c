"""A network's logits at one float alpha as unevaluated sums of two floats, with a bound of their error.

Numbers x = h + l, |l| <= u |h|, u = 2^-53: sums of two are off by at most 3 u^2 of the sum, a float times one
by 4 u^2, a product of two by 8 u^2 (Joldes, Muller, Popescu, Tight and rigorous error bounds for basic
building blocks of double-word arithmetic, 2017; the products by Dekker's splitting, without FMA). A dot
product of m terms then loses at most (3 m + 4) u^2 |w| . |h|, and z = (1 - alpha) W0 h + alpha W1 h + bias
at most 8 (m + 8) u^2 A, A = (1 - alpha)(|W0| |h| + |b0|) + alpha (|W1| |h| + |b1|), with 1 - alpha, a sum of
two floats, exact. An error E of the inputs becomes ((1 - alpha)|W0| + alpha |W1|) E; max(z, s z) does not
enlarge it. A and this product, in floats, are raised by 4 (m + 8) u; 1e-270 a unit outweighs what underflows,
as in rounding.py. Where anything overflows the bound is nan, and nothing is said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.network import ReluLine

__all__ = ["DoubleDoubleNetwork"]

Array = NDArray[np.float64]


class DoubleDoubleNetwork:
    """Which class leads alone at a float alpha, where pairs of floats are enough to tell.

    Args:
        line: the network.
    """

    def __init__(self, line: ReluLine) -> None:
        self._steps = [
            (
                np.ascontiguousarray(step.start_weight.T),
                np.ascontiguousarray(step.end_weight.T),
                step.start_bias,
                step.end_bias,
                step.slope,
            )
            for step in line.steps
        ]

    def leads_alone(self, sample: Array, alpha: float) -> int | None:
        """The class whose logit is proved to be above all others; None where it is not.

        Args:
            sample: (fan-in,).
            alpha: in [0, 1].
        """
        high, low, error = sample, np.zeros_like(sample), np.zeros_like(sample)
        for step in self._steps:
            out = np.empty((3, len(step[4])))
            _layer(*step, float(alpha), high, low, error, *out)
            high, low, error = out
        i = int(high.argmax())
        # Twice the bound: a difference loses u of itself, or is exact in its first part (Sterbenz).
        ahead = (high[i] - high) + (low[i] - low) > 2.0 * (error[i] + error)
        ahead[i] = error[i] < np.inf
        return i if ahead.all() else None


@compiled
def _two_sum(a: float, b: float) -> tuple[float, float]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@compiled
def _fast_two_sum(a: float, b: float) -> tuple[float, float]:
    s = a + b
    return s, b - (s - a)


@compiled
def _two_product(a: float, b: float) -> tuple[float, float]:
    p = a * b
    c = 134217729.0 * a
    a_h = c - (c - a)
    a_l = a - a_h
    c = 134217729.0 * b
    b_h = c - (c - b)
    b_l = b - b_h
    return p, ((a_h * b_h - p) + a_h * b_l + a_l * b_h) + a_l * b_l


@compiled
def _add(x_h: float, x_l: float, y_h: float, y_l: float) -> tuple[float, float]:
    s_h, s_l = _two_sum(x_h, y_h)
    t_h, t_l = _two_sum(x_l, y_l)
    v_h, v_l = _fast_two_sum(s_h, s_l + t_h)
    high, low = _fast_two_sum(v_h, t_l + v_l)
    return high, low


@compiled
def _times(w: float, x_h: float, x_l: float) -> tuple[float, float]:
    p_h, p_l = _two_product(w, x_h)
    high, low = _fast_two_sum(p_h, p_l + w * x_l)
    return high, low


@compiled
def _layer(
    start: Array,
    end: Array,
    start_bias: Array,
    end_bias: Array,
    slope: Array,
    alpha: float,
    in_high: Array,
    in_low: Array,
    in_error: Array,
    high: Array,
    low: Array,
    error: Array,
) -> None:
    """One step of the module: W0 and W1 as (fan-in, units), inputs (fan-in,), outputs (units,)."""
    u = 1.1102230246251565e-16
    fan_in, units = start.shape
    r_h, r_l = _two_sum(1.0, -alpha)
    s_h, s_l = start_bias.copy(), np.zeros(units)
    t_h, t_l = end_bias.copy(), np.zeros(units)
    s_size, t_size = np.abs(start_bias), np.abs(end_bias)
    s_error, t_error = np.zeros(units), np.zeros(units)
    for i in range(fan_in):
        x_h, x_l, e = in_high[i], in_low[i], in_error[i]
        size = abs(x_h)
        for j in range(units):
            w, v = start[i, j], end[i, j]
            p_h, p_l = _times(w, x_h, x_l)
            s_h[j], s_l[j] = _add(s_h[j], s_l[j], p_h, p_l)
            q_h, q_l = _times(v, x_h, x_l)
            t_h[j], t_l[j] = _add(t_h[j], t_l[j], q_h, q_l)
            s_size[j] += abs(w) * size
            t_size[j] += abs(v) * size
            s_error[j] += abs(w) * e
            t_error[j] += abs(v) * e
    more = 1.0 + 4.0 * (fan_in + 8) * u
    for j in range(units):
        # r = r_h + r_l times s: r_l s is a float times a double double too.
        a_h, a_l = _times(r_h, s_h[j], s_l[j])
        b_h, b_l = _times(r_l, s_h[j], s_l[j])
        c_h, c_l = _times(alpha, t_h[j], t_l[j])
        z_h, z_l = _add(a_h, a_l, b_h, b_l)
        z_h, z_l = _add(z_h, z_l, c_h, c_l)
        size = (r_h * s_size[j] + alpha * t_size[j]) * more
        lost = 8.0 * (fan_in + 8) * u * u * size
        error[j] = ((r_h * s_error[j] + alpha * t_error[j]) * more + lost) * more + 1e-270
        if not z_h > 0.0:
            z_h, z_l = _times(slope[j], z_h, z_l)
        high[j] = z_h
        low[j] = z_l
        if not size < 1e280:
            error[j] = np.nan
