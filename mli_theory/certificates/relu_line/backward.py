"""Radii of differences of logits that do not go through |W|: the errors of all layers, carried to the end.

delta_l = h_l - P_l(t) is the real error of layer l's model. A layer makes of it delta_l = L_l W_l(alpha)
delta_(l-1) + eta_l, L_l the diagonal of the factors lam that its pass has chosen: max(z, s z) - lam z lies
within offset/2 of offset/2 for every z of its range, so that the relation is exact, kinks included, and
|eta_l| <= n_l, what the pass has added by itself (`passes.layer_pass`, own). For two logits, A_L = e_i - e_j
and A_(l-1) = A_l L_l W_l(alpha) (row vectors), for every l

    z_i - z_j = P_i - P_j + A_l . delta_l + sum_(m > l) A_m . eta_m,
    |...| <= |A_l| . e_l + sum_(m > l) |A_m| . n_m.

All of these bounds hold, and the least is taken. A_l changes with alpha; it is held as a vector v and a
number tau >= |A_l(alpha) - v|_2 for all alpha of the cell. One layer, y = fl(v L), s = fl(y W0), d =
fl(y D^), v' = fl(s + c d):

    A_(l-1) - v' = (A_l - v) L W(alpha) + (v L - y) W(alpha) + (alpha - c) y D + (y W(c) - v'),
    tau' = ((1 - a) N0 + b N1) tau + rho |d| + 4 (m + 8) u (F0 + F1) |y|,

N at least the spectral, F the Frobenius norms of W0 and W1, m the layer's units. The first summand: L <= 1.
The others lose, in norms, u |v L| (F0 + F1); gamma_(m+1) rho |y| (F0 + F1), rho <= 1/2 (1 + 8u), between d
and y D; gamma_(m+3) |y| (2 F0 + F1) in v': together below (2.5 m + 11) u (F0 + F1) |y|. Norms of m computed
terms and the sums below lose 2 (m + 16) u at most. Underflow: an entry is off by at most 1e-284 (as TINY in
rounding.py), a norm by SMALLEST, which is added.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.norms import SMALLEST
from mli_theory.certificates.relu_line.rounding import U

__all__ = ["close_pass", "open_pairs", "scale_pass", "step_pass"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_HOPELESS = 0.04
"""A lead below this share of the forward radius is seldom proved by the backward one."""


@compiled
def close_pass(
    vector: Array, tau: Array, radius: Array, own: Array, rows: Whole, total: Array, least: Array
) -> None:
    """At one layer: lower `least` to the bound that ends there, and add the layer's own errors to `total`.

    Args:
        vector: v, (pairs, units).
        tau: (pairs,).
        radius: e, (rows, units).
        own: n, (rows, units).
        rows: (pairs,) row of each pair.
        total: (pairs,): sum over the layers above of |A| . n; added to.
        least: (pairs,): lowered; nan and inf lower nothing.
    """
    pairs, units = vector.shape
    more = 1.0 + 2.0 * (units + 16) * U
    for p in range(pairs):
        r = rows[p]
        by_radius = 0.0
        by_own = 0.0
        squares = 0.0
        own_squares = 0.0
        for k in range(units):
            size = abs(vector[p, k])
            e = radius[r, k]
            n = own[r, k]
            by_radius += size * e
            by_own += size * n
            squares += e * e
            own_squares += n * n
        ends = (total[p] + by_radius + tau[p] * (math.sqrt(squares) + SMALLEST)) * more
        if ends < least[p]:
            least[p] = ends
        total[p] = (total[p] + by_own + tau[p] * (math.sqrt(own_squares) + SMALLEST)) * more


@compiled
def scale_pass(vector: Array, factor: Array, rows: Whole, out: Array, size: Array) -> None:
    """Y = v L and a bound of |y|_2, pair by pair.

    Args:
        vector: v, (pairs, units).
        factor: lam, (rows, units).
        rows: (pairs,).
        out: y, (pairs, units).
        size: out, (pairs,).
    """
    pairs, units = vector.shape
    more = 1.0 + 2.0 * (units + 16) * U
    for p in range(pairs):
        r = rows[p]
        squares = 0.0
        for k in range(units):
            y = vector[p, k] * factor[r, k]
            out[p, k] = y
            squares += y * y
        size[p] = math.sqrt(squares) * more + SMALLEST


@compiled
def step_pass(
    products: Array,
    rows: Whole,
    lower: Array,
    upper: Array,
    centre: Array,
    half: Array,
    size: Array,
    norms: Array,
    rounding: float,
    out: Array,
    tau: Array,
) -> None:
    """V' and tau' of the module's step.

    Args:
        products: (pairs, 2 fan-in): y W0 beside y D^.
        rows: (pairs,) row of each pair.
        lower: a, (rows,).
        upper: b, (rows,).
        centre: c, (rows,).
        half: rho, (rows,).
        size: |y|_2, (pairs,).
        norms: N0, N1 and F0 + F1.
        rounding: 4 (m + 8) u.
        out: v', (pairs, fan-in).
        tau: (pairs,), replaced.
    """
    pairs, fan_in = out.shape
    more = 1.0 + 2.0 * (fan_in + 16) * U
    for p in range(pairs):
        r = rows[p]
        c = centre[r]
        squares = 0.0
        for k in range(fan_in):
            d = products[p, fan_in + k]
            out[p, k] = products[p, k] + c * d
            squares += d * d
        grown = ((1.0 - lower[r]) * (1.0 + 4.0 * U) * norms[0] + upper[r] * norms[1]) * tau[p]
        moved = half[r] * (math.sqrt(squares) + SMALLEST)
        tau[p] = (grown + moved + rounding * norms[2] * size[p]) * more + SMALLEST


@compiled
def open_pairs(
    model: Array,
    radius: Array,
    left: Array,
    right: Array,
    left_class: Whole,
    right_class: Whole,
    rows: Whole,
    first: Whole,
    second: Whole,
    side: Whole,
    enough: Array,
) -> int:
    """Pairs of classes whose difference is worth a second bound; how many. The choice is no part of a proof.

    A pair is one of the class that leads at an end of an undecided cell and a rival that is not beaten on all
    of it, unless another rival is hopelessly near at that end.

    Args:
        model: (3, rows, classes).
        radius: (rows, classes).
        left: of `leads.lead_pass`.
        right: likewise.
        left_class: likewise.
        right_class: likewise.
        rows: out: row of each pair.
        first: out: its leading class.
        second: out: its rival.
        side: out: 0 for the left end, 1 for the right, 2 for both.
        enough: out: a radius below this decides the pair on all of the cell.
    """
    n, classes = radius.shape
    found = 0
    for r in range(n):
        if left[r] >= 2.0 or right[r] >= 2.0:
            continue
        for end in range(2):
            i = left_class[r] if end == 0 else right_class[r]
            both = left_class[r] == right_class[r]
            if end == 1 and both:
                continue
            near = 0
            for j in range(classes):
                q_0 = model[0, r, i] - model[0, r, j]
                q_1 = model[1, r, i] - model[1, r, j]
                q_2 = model[2, r, i] - model[2, r, j]
                er = radius[r, i] + radius[r, j]
                here = q_0 + abs(q_1) + q_2 if both else q_0 + (-q_1 if end == 0 else q_1) + q_2
                if j != i and not here > _HOPELESS * er:
                    near += 1
            if near:
                continue
            for j in range(classes):
                q_0 = model[0, r, i] - model[0, r, j]
                q_1 = model[1, r, i] - model[1, r, j]
                q_2 = model[2, r, i] - model[2, r, j]
                ahead = q_0 - abs(q_1) + min(q_2, 0.0)
                if j != i and not ahead > radius[r, i] + radius[r, j]:
                    rows[found] = r
                    first[found] = i
                    second[found] = j
                    side[found] = 2 if both else end
                    enough[found] = 0.99 * ahead
                    found += 1
    return found
