"""T6: from real initial weights, a window in which the bias provably decides."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, positive, real
from mli_theory.derivations.relations import Relation, at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Words

__all__ = ["DERIVATION"]

gap, x_norm, size, difference, room = positive("gap x P s r")
"""|x|, the product of the layers' norm bounds, and s_i - s_{i*}."""
a, u = real("a u")
start = sp.symbols("sigma_1:7", nonnegative=True)
more = sp.symbols("delta_1:7", nonnegative=True)
"""Norms at the start and their growth: sigma1_l = sigma_l + delta_l."""
f_x, f_y, f_m, slope, lam = real("f_x f_y f_m f_slope lam")
left, right = positive("lam mu")
spot = sp.Symbol("alpha", nonnegative=True)
rest = sp.Symbol("rest", nonnegative=True)
q0, q1, fall = sp.symbols("q_0 q_1 q_2", nonnegative=True)
g, h = positive("g h")


def _curvature(depth: int, sign: int) -> Deduction:
    """The second derivative of a product of affine functions that all grow, or all shrink."""
    grows = sign > 0
    names, steps = start[:depth], more[:depth]
    if grows:
        factors = [s + spot * d for s, d in zip(names, steps, strict=True)]
        place = spot
    else:
        # Norms sigma_l at the end and sigma_l + delta_l at the start, seen from the end: place = 1 - alpha.
        factors = [s + spot * d for s, d in zip(names, steps, strict=True)]
        place = spot
    product = sp.prod(factors)
    certificate = sp.Add(
        *(
            steps[l] * steps[m] * sp.prod(factors[o] for o in range(depth) if o not in (l, m))
            for l in range(depth)
            for m in range(depth)
            if l != m
        )
    )
    return Deduction(
        f"convex, r = {depth}",
        at_least(1 + sp.diff(product, place, 2), 1),
        f"r = {depth}, all norms growing: the second derivative of the product is a sum of products of terms >= 0. All "
        "shrinking: the same with 1 - alpha in the place of alpha.",
        remainder=certificate,
    )
