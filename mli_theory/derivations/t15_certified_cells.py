"""T15: the recursion that encloses a ReLU network's logits on a cell of the line."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, n, positive, real, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction

__all__ = ["DERIVATION"]

c, rho, t, P_0, P_1, P_2, W_0, W_1 = real("c rho t P_0 P_1 P_2 W_0 W_1")
lam, rest = sp.symbols("lam lam_rest", nonnegative=True)
"""lam + lam_rest = 1: any slope in [0, 1]."""
low, high, top, gap, size, level = sp.symbols("l u M_top z_size e m_level", nonnegative=True)
weights, errors, sides = (sp.IndexedBase(name, nonnegative=True) for name in ("W_abs", "e", "s"))
m = sp.Symbol("m", integer=True, positive=True)
radius, off, growth, local = (sp.Function(name, nonnegative=True) for name in ("e", "err", "W", "M"))
lead_0, lead_1, error = real("Q_0 Q_1 err")
(room,) = positive("lead")
slack, near = sp.symbols("Q_1_abs t_rest", nonnegative=True)
one = lam + rest

DERIVATION = Derivation(
    name="T15",
    title="Certified cells of a ReLU network's line",
    statement=(
        "Affine layers and ReLUs, weights and biases (1 - alpha) W0 + alpha W1, a cell alpha = c + rho t, "
        "|t| <= 1: "
        "polynomials P in t and radii e that are carried from layer to layer enclose every unit, z in P(t) "
        "+- e, at "
        "every real alpha of the cell. One class leads on the whole cell where the least value of its lead "
        "exceeds "
        "the radii."
    ),
    claimed="proved",
    scope="exact arithmetic; the rounding is bounded, line by line, in theory.md and in the modules",
    hypotheses=(
        Hypothesis("the cell's middle c and half width rho, |t| <= 1", (c, rho)),
        Hypothesis("lam in [0, 1], the slope of the ReLU's line (lam + lam_rest = 1)", (lam, rest)),
    ),
    steps=(
        Identity(
            "affine layer",
            equal(
                (W_0 + (c + rho * t) * (W_1 - W_0)) * (P_0 + P_1 * t + P_2 * t**2),
                (W_0 + c * (W_1 - W_0)) * P_0
                + t * ((W_0 + c * (W_1 - W_0)) * P_1 + rho * (W_1 - W_0) * P_0)
                + t**2 * ((W_0 + c * (W_1 - W_0)) * P_2 + rho * (W_1 - W_0) * P_1)
                + t**3 * rho * (W_1 - W_0) * P_2,
            ),
            "Z_k = W0 P_k + c D P_k + rho D P_(k-1), D = W1 - W0; the coefficient beyond the degree kept is "
            "added to "
            "the radius, as |t| <= 1.",
        ),
        Deduction(
            "radius of an affine layer",
            at_least(total(weights[i] * errors[i], i, n), total(weights[i] * (errors[i] - sides[i]), i, n)),
            "Each input is within e_i of its polynomial (e_i - s_i of it is used, s_i >= 0): a unit within "
            "the sum of "
            "|W| e, |W| <= (1 - alpha)|W0| + alpha |W1|.",
            remainder=total(weights[i] * sides[i], i, n),
        ),
        Deduction(
            "ReLU, z >= 0",
            at_least(1 + rest * size, 1),
            "relu(z) - lam z = (1 - lam) z >= 0 where z >= 0 ...",
            remainder=rest * size,
        ),
        Deduction(
            "ReLU, z >= 0, from above",
            at_least(1 + rest * (size + high), 1 + one * (size + high) - lam * (size + high) - rest * high),
            "... and at most (1 - lam) u for z = u - (rest of the range) ...",
            remainder=rest * high,
        ),
        Deduction(
            "ReLU, z <= 0",
            at_least(1 + lam * (size + low), 1 + lam * size),
            "... relu(z) - lam z = lam |z| <= lam |l| where z <= 0: it lies in [0, M], M = max(-lam l, (1 - "
            "lam) u).",
            remainder=lam * low,
        ),
        Deduction(
            "centred",
            at_least(top / 2, gap - top / 2),
            "A value in [0, M] is within M/2 of M/2: P = lam Z + M/2, and the radius grows by M/2.",
            where={level: top - gap},
            remainder=level,
        ),
        Induction(
            "over the layers",
            at_least(radius(m), off(m)),
            "What a unit is off its polynomial at layer m + 1 is at most the layer's |W| times what the "
            "layer before "
            "was off, and M; the radius is carried by the same rule with equality.",
            variable=m,
            first={radius(1): growth(1) + local(1), off(1): growth(1)},
            following={
                radius(m + 1): growth(m + 1) * radius(m) + local(m + 1),
                off(m + 1): growth(m + 1) * off(m),
            },
            base=local(1),
            weight=growth(m + 1),
            remainder=local(m + 1),
        ),
        Deduction(
            "lead on the cell",
            greater(lead_0 + lead_1 + error, 0 * lead_0 + room / 2),
            "With Q = P_i - P_j, |Q_1 t| <= |Q_1| and the two radii below Q_0 - |Q_1|: class i leads.",
            given={
                "lead": greater(lead_0, slack + size + room),
                "slope": at_least(lead_1, -slack),
                "radii": at_least(error, -size),
            },
            by=(By("lead"), By("slope"), By("radii")),
            remainder=room / 2,
        ),
    ),
    conclusion=(
        "affine layer",
        "radius of an affine layer",
        "ReLU, z <= 0",
        "ReLU, z >= 0",
        "over the layers",
        "lead on the cell",
    ),
    counterexamples=(
        Counterexample(
            "lam in [0, 1]",
            "lam = 2, z = 1: relu(z) - lam z = -1 < 0: below the enclosure [0, M].",
            (greater(0, 1 - 2 * sp.Integer(1)),),
        ),
        Counterexample(
            "|t| <= 1",
            "Q = 1/2 - t leads on |t| < 1/2; at t = 1 it is -1/2: a wider cell than the one proved.",
            (greater(0, sp.Rational(1, 2) - 1),),
        ),
    ),
)
