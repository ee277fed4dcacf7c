"""One layer's Taylor models in compiled loops.

On a cell alpha = c + rho t, |t| <= 1, a unit is P_0 + P_1 t + P_2 t^2 up to a radius e, for every real alpha
of the cell. Proved here, with rounding.py's constants: if that holds for a layer's inputs it holds for its
outputs. Loops are without branches: the compiler turns them into vector instructions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.norms import SMALLEST
from mli_theory.certificates.relu_line.rounding import BIAS, HUGE, RANGE, RELU, SURPLUS, TINY, U

__all__ = ["layer_pass", "radius_inputs"]

Array = NDArray[np.float64]
Signs = NDArray[np.int8]


@compiled
def layer_pass(
    products: Array,
    radii: Array,
    inflate: float,
    centre: Array,
    half: Array,
    start_bias: Array,
    end_bias: Array,
    has_bias: bool,
    slope: Array,
    rounded: Array,
    norms: Array,
    model: Array,
    radius: Array,
    sign: Signs,
    factor: Array,
    own: Array,
) -> None:
    """From the products of one layer to its outputs, for every row (a sample on a cell) and unit.

    Z_k = A_k + c B_k + rho B_(k-1), Z_3 joins the radius: |Z_3 t^3| <= |Z_3|. The bias adds b0 + c d to Z_0
    and rho d to Z_1. Then max(z, s z), s in [0, 1], on a range [bot, top] across 0: for any lam in [s, 1],
    max(z, s z) - lam z is at least 0, and at most M = max((s - lam) bot, (1 - lam) top), its value at one of
    the ends (it falls to 0 and rises again); so the unit lies in lam z + M/2 +- M/2, and a rounded lam is
    harmless. The radius of z itself comes in as lam e. Where bot >= 0 or s = 1 the unit is unchanged, where
    top <= 0 it is s z, which rounds by u s S.

    Args:
        products: (3, rows, 2 units): W0 P_k beside D^ P_k.
        radii: (rows, units): the computed bound on propagated radius and products' rounding.
        inflate: `rounding.inflation` of the layer.
        centre: c, (rows,).
        half: rho, (rows,).
        start_bias: b0, (units,).
        end_bias: b1, (units,).
        has_bias: whether to add it.
        slope: s of each unit, (units,).
        rounded: g |S|_2, (rows,), see `radius_inputs`.
        norms: 2 |W0| + |W1| of each unit, in Euclidean norms, (units,): rounded * norms bounds the products'
            rounding, g ((1 + b)|W0| + b|W1|) S, by Cauchy and Schwarz.
        model: out, (3, rows, units).
        radius: out, (rows, units); nan where a size is beyond `HUGE`.
        sign: out, (rows, units): of z, 1 and -1 where z >= 0 and z <= 0 on the whole cell, else 0.
        factor: out, (rows, units): lam.
        own: out, (rows, units): the radius that is this layer's own: |h - P - lam W(alpha) (x - P_x)| for
            inputs x with the model P_x; nan as `radius`.
    """
    rows, units = radii.shape
    bias_rounding = BIAS if has_bias else 0.0
    for r in range(rows):
        c = centre[r]
        rho = half[r]
        for j in range(units):
            b_0 = products[0, r, units + j]
            b_1 = products[1, r, units + j]
            b_2 = products[2, r, units + j]
            shift = end_bias[j] - start_bias[j]
            z_0 = (products[0, r, j] + c * b_0) + (start_bias[j] + c * shift)
            z_1 = (products[1, r, j] + c * b_1 + rho * b_0) + rho * shift
            z_2 = products[2, r, j] + c * b_2 + rho * b_1
            z_3 = rho * b_2
            biases = bias_rounding * (abs(start_bias[j]) + abs(end_bias[j]) + abs(z_0) + abs(z_1))
            # Roundings met: at most 6 (inflate, TINY, biases with 4 of its own, z_3, the factor).
            e = (radii[r, j] * inflate + TINY + biases + abs(z_3)) * SURPLUS
            n = (rounded[r] * norms[j] + TINY + biases + abs(z_3)) * SURPLUS
            size = abs(z_0) + abs(z_1) + abs(z_2)
            known = size + e < HUGE  # false for nan too
            s = slope[j]
            slack = RANGE * (size + e)
            spread = abs(z_1) + e + slack
            top = z_0 + max(z_2, 0.0) + spread
            bot = z_0 + min(z_2, 0.0) - spread
            positive = top if top > 0.0 else 0.0
            negative = bot if bot < 0.0 else 0.0
            crossing = top > 0.0 and bot < 0.0 and s < 1.0
            lam = (positive - s * negative) / (positive - negative + TINY) if crossing else 1.0
            lam = s if top <= 0.0 else min(max(lam, s), 1.0)
            offset = max((s - lam) * negative, (1.0 - lam) * positive) * SURPLUS if crossing else 0.0
            z_0 = lam * z_0 + 0.5 * offset
            z_1 = lam * z_1
            z_2 = lam * z_2
            relaxed = (lam * e + 0.5 * offset + RELU * (size + offset)) * SURPLUS + TINY
            e = e if lam == 1.0 and not crossing else relaxed
            e = 0.0 if top <= 0.0 and s == 0.0 else e
            n_relaxed = (lam * n + 0.5 * offset + RELU * (size + offset)) * SURPLUS + TINY
            n = n if lam == 1.0 and not crossing else n_relaxed
            n = 0.0 if top <= 0.0 and s == 0.0 else n
            above = 1 if bot >= 0.0 else 0
            sign[r, j] = (-1 if top <= 0.0 else above) if known else 0
            model[0, r, j] = z_0
            model[1, r, j] = z_1
            model[2, r, j] = z_2
            radius[r, j] = e if known else np.nan
            factor[r, j] = lam
            own[r, j] = n if known else np.nan


@compiled
def radius_inputs(
    model: Array, radius: Array, lower: Array, upper: Array, rounding: float, out: Array, rounded: Array
) -> None:
    """What |W0| and |W1| are multiplied by to bound a layer's radius: (rows, 2 fan-in).

    On [a, b], |W(alpha)| e <= ((1 - a)|W0| + b|W1|) e, and the products round by at most
    `rounding` [(1 + b)|W0| + b|W1|] S: |W0| gets (1 - a) e + g (1 + b) S, |W1| gets b (e + g S).

    Args:
        model: (3, rows, fan-in).
        radius: (rows, fan-in).
        lower: a, (rows,).
        upper: b, (rows,).
        rounding: g of `rounding.product_rounding`.
        out: filled.
        rounded: filled, (rows,): g |S|_2 from above. S meets 2 roundings, a square 1, the sum fan-in, the
            rest 3; squares that underflow are made up for as in `norms.norms_above`.
    """
    rows, fan_in = radius.shape
    more = 1.0 + 2.0 * (fan_in + 16) * U
    for r in range(rows):
        squares = 0.0
        # fl(1 - a) (1 + 4u) >= 1 - a
        first = (1.0 - lower[r]) * (1.0 + 4.0 * U)
        for i in range(fan_in):
            size = abs(model[0, r, i]) + abs(model[1, r, i]) + abs(model[2, r, i])
            squares += size * size
            lost = rounding * size
            out[r, i] = first * radius[r, i] + (1.0 + upper[r]) * lost
            out[r, fan_in + i] = upper[r] * (radius[r, i] + lost)
        rounded[r] = rounding * (math.sqrt(squares) + SMALLEST) * more
