"""T14: where the plateau starts, when the initial weights are small but not zero."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, positive, put, real, slope
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Words

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 1
delta, gap, a, y = positive("delta g a x")
"""Initial scale, g = b_{i*} - b_i > 0, a = alpha/delta^r."""
lead, mixed, w_0, w_1 = real("A c w_0 w_1")
"""A = s0_i - s0_{i*}, the initial signal's lead at scale 1; c the coefficient of alpha delta^(r-1)."""
(ahead,) = positive("A_0")
FIRST = ahead / gap

DERIVATION = Derivation(
    name="T14",
    title="Start of the plateau",
    statement=(
        "Initial scale delta, trained end fixed, b(0) = 0: the first alpha at which i* holds everything is "
        "alpha_1 = delta^r max over samples and i of (s0_i - s0_{i*})/(b_{i*} - b_i) (1 + O(delta^(r-1))), "
        "s0 the initial signal at scale 1."
    ),
    claimed="derived",
    hypotheses=(
        Hypothesis(
            "initial weights delta times w_0, end w_1 fixed; degree r = 1 + p >= 2", (delta, p, w_0, w_1)
        ),
        Hypothesis(
            "b(0) = 0 and g = b_{i*} - b_i > 0; A_0 the initial lead of class i over i* at scale 1, > 0",
            (gap, ahead),
        ),
        Hypothesis(
            "near alpha = 0 the signal has a derivative, c the coefficient of alpha delta^(r-1)", (mixed,)
        ),
    ),
    steps=(
        Identity(
            "signal near the start",
            equal(
                put(slope(((1 - alpha) * delta * w_0 + alpha * w_1) ** 2, alpha), {alpha: sp.Integer(0)}),
                2 * delta * w_0 * (w_1 - delta * w_0),
            ),
            "In a degree 2 signal (one pair of equal layers) the order alpha is delta^(r-1) times an "
            "order-1 coefficient ...",
        ),
        Identity(
            "signal near the start, r = 3",
            equal(
                put(slope(((1 - alpha) * delta * w_0 + alpha * w_1) ** 3, alpha), {alpha: sp.Integer(0)}),
                3 * delta**2 * w_0**2 * (w_1 - delta * w_0),
            ),
            "... at r = 3 as well.",
        ),
        Words(
            "signal near the start, general",
            "For a homogeneous signal in general: s(alpha) = delta^r s0 + alpha delta^(r-1) c + O(alpha^2 "
            "delta^(r-2)) while alpha << delta, as long as no ReLU changes sign; at alpha of order delta^r "
            "the rest is smaller by delta^(r-1) again.",
        ),
        Deduction(
            "leading order",
            greater(alpha * gap, delta**r * ahead),
            "To leading order i* is ahead of class i iff alpha g > delta^r A_0, that is alpha > delta^r "
            "A_0/g ...",
            given={"after": greater(alpha, delta**r * ahead / gap)},
            by=(By("after", gap),),
        ),
        Deduction(
            "leading order, only if",
            greater(alpha, delta**r * ahead / gap),
            "... and only then: i* holds everything after the largest of these (the maximum of lower "
            "bounds, as in T1).",
            given={"ahead": greater(alpha * gap, delta**r * ahead)},
            by=(By("ahead", 1 / gap),),
        ),
        Identity(
            "crossing with the next order",
            equal(
                put(slope(ahead / (gap - y * mixed), y), {y: sp.Integer(0)}),
                FIRST * mixed / gap,
            ),
            "With the next order, alpha g = delta^r A_0 + alpha delta^(r-1) c: alpha/delta^r = A_0/(g - x "
            "c) at x = delta^(r-1), which is A_0/g (1 + x c/g + ...): a relative error O(delta^(r-1)).",
        ),
        Words(
            "classes with A_0 <= 0",
            "A class behind i* at the start stays behind to this order: it sets no lower bound (alpha g > 0 "
            ">= delta^r A).",
        ),
    ),
    conclusion=(
        "signal near the start",
        "leading order",
        "leading order, only if",
        "crossing with the next order",
    ),
    counterexamples=(
        Counterexample(
            "b(0) = 0",
            "b(0) = 1/100 in favour of class i, b(1) = 1 in favour of i*, no signal: i* is ahead only from "
            "alpha = 1/101 on (at 1/200 it is behind) although delta = 0.",
            (greater(0, sp.Rational(1, 200) - sp.Rational(1, 100) * sp.Rational(199, 200)),),
        ),
        Counterexample(
            "small initial scale",
            "r = 2, delta = 1, w_0 = 1, w_1 = 0, g = 1: the lead (1 - alpha)^2 meets alpha at (3 - sqrt "
            "5)/2, not at delta^r A_0/g = 1.",
            (
                equal((1 - (3 - sp.sqrt(5)) / 2) ** 2, (3 - sp.sqrt(5)) / 2),
                greater(1, (3 - sp.sqrt(5)) / 2),
            ),
        ),
    ),
)
