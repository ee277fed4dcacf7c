"""T9: the times at which the power model learns its classes."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, put, real, slope
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone, Words

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
m = sp.Symbol("m", integer=True, nonnegative=True)
d = sp.Symbol("d", integer=True, positive=True)
k = m + d + 1
"""m classes learned, d + 1 = k - m >= 2 left."""
w, w_i, w_j, y, share, unlearned, t, rate, phi_m, phi_before, prob = positive(
    "w w_i w_j y pi_j pi_U t v Phi_m Phi_before p_j"
)
G, phi_i, phi_j, T_before = real("G_jj Phi_i Phi_j T_before")

RATE = share * (1 - share / unlearned)
EQUAL = {share: 1 / k, unlearned: (k - m) / k}

DERIVATION = Derivation(
    name="T9",
    title="Learning schedule",
    statement=(
        "r >= 3, positive weights, small scale: classes are learned (W_jj^r passes 1) in the order of their "
        "diagonal weights, T_m = T_{m-1} + k (Phi_m - Phi_{m-1}) (k-m)/(k-m-1), m = 0 .. k-2; the last is "
        "fitted by the bias. Unequal classes: dPhi_j/dt = -pi_j (1 - pi_j/pi_U), U the unlearned set; the "
        "next is the smallest Phi_j/rate."
    ),
    claimed="derived",
    hypotheses=(
        Hypothesis("degree r = 2 + p >= 3, diagonal weight w > 0, Phi = w^(2-r)/(r(r-2))", (p, w)),
        Hypothesis("k = m + d + 1 classes, m learned, d >= 1", (m, d)),
        Hypothesis("share pi_j of class j, pi_U of the unlearned ones", (share, unlearned)),
    ),
    steps=(
        Identity(
            "rate of Phi",
            equal(slope(w ** (2 - r) / (r * p), w) * r * w ** (r - 1) * G, -G),
            "dPhi_j/dt = -G_jj, from dW_jj/dt = r W^(r-1) G_jj.",
        ),
        Words(
            "the biases are faster",
            "At small scale the weights of unlearned classes do not move the logits, and the biases reach "
            "their stationary point given the learned set long before the next weight escapes: p of a "
            "learned class is 0 on unlearned samples.",
        ),
        Deduction(
            "stationary biases",
            equal(prob, share / unlearned),
            "On unlearned samples p_j = pi_j/pi_U: there what class j's bias gains, pi_j, is what it loses, "
            "pi_U p_j.",
            given={"stationary": equal(unlearned * prob, share)},
            by=(By("stationary", 1 / unlearned),),
        ),
        Identity(
            "rate, equal classes",
            equal(RATE.subs(EQUAL), d / (k * (d + 1))),
            "G_jj = pi_j (1 - pi_j/pi_U); with equal classes (k-m-1)/(k (k-m)), the same for all unlearned "
            "classes.",
        ),
        Deduction(
            "order kept",
            greater(phi_j - rate * t, phi_i - rate * t),
            "Equal rates keep the order of Phi: the smallest is the next to reach 0 ...",
            given={"Phi_j > Phi_i": greater(phi_j, phi_i)},
            by=(By("Phi_j > Phi_i"),),
        ),
        Monotone(
            "order of weights",
            greater(-(w_i ** (2 - r)) / (r * p), -(w_j ** (2 - r)) / (r * p)),
            "... which is the largest weight (-Phi is increasing).",
            given={"w_i > w_j": greater(w_i, w_j)},
            of=By("w_i > w_j"),
            function=-(y ** (2 - r)) / (r * p),
            variable=y,
        ),
        Identity(
            "next time",
            equal(
                T_before + (phi_m - phi_before) / RATE.subs(EQUAL),
                T_before + k * (phi_m - phi_before) * (k - m) / (k - m - 1),
            ),
            "Between two times all Phi fall at that rate: T_m - T_{m-1} is the difference of Phi over it.",
        ),
        Words(
            "error of the schedule",
            "Phi at W^r = 1 instead of infinity, and the transients of the biases, are O(scale^(r-2)) of "
            "Phi.",
        ),
        Identity(
            "last class",
            equal(put(share + RATE, {unlearned: share}), share),
            "The last class alone, pi_U = pi_j: rate 0; the bias fits it, its weight waits until the escape "
            "of T11.",
        ),
    ),
    conclusion=(
        "rate of Phi",
        "stationary biases",
        "rate, equal classes",
        "order of weights",
        "next time",
        "last class",
    ),
    counterexamples=(
        Counterexample(
            "equal classes (for the order of weights)",
            "Shares 1/2, 1/4, 1/4, Phi = 11, 9, 100: rates 1/4, 3/16, 3/16, times 44 < 48: the first class "
            "is learned first although Phi_2 is smaller.",
            (
                equal(RATE.subs({share: sp.Rational(1, 2), unlearned: 1}), sp.Rational(1, 4)),
                equal(RATE.subs({share: sp.Rational(1, 4), unlearned: 1}), sp.Rational(3, 16)),
                greater(9 / sp.Rational(3, 16), 11 / sp.Rational(1, 4)),
            ),
        ),
        Counterexample(
            "small initial scale",
            "r = 3, k = 2, W_11(0) = 11/10: W^3 > 1, learned from the start, but T_0 = k^2 Phi/(k-1) = 4 "
            "Phi(11/10) > 1.",
            (
                greater(sp.Rational(11, 10) ** 3, 1),
                greater(4 / (3 * sp.Rational(11, 10)), 1),
            ),
        ),
        Counterexample(
            "r >= 3",
            "r = 2: Phi(w) = -log(w)/2; between the weights y and y/2 it differs by log(2)/2 at every scale "
            "y, not growing as the scale falls: no class waits for ever.",
            (equal(-sp.log(y / 2) / 2 + sp.log(y) / 2, sp.log(2) / 2),),
        ),
    ),
)
