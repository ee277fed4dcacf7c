"""T14b: an explicit bracket of the start of the plateau."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, real
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity

__all__ = ["DERIVATION"]

q = sp.Symbol("q", integer=True, positive=True)
r = 1 + q
delta, a, kap, room, K, size_0, size_1 = positive("delta a kap gap_kap K theta_0_norm theta_1_norm")
"""gap = kap + gap_kap: kap < gap."""
gap = kap + room
theta_0, theta_1, error, A = real("theta_0 theta_1 err A")
step, behind = sp.symbols("h_norm A_behind", nonnegative=True)

DERIVATION = Derivation(
    name="T14b",
    title="Bracket of the start of the plateau",
    statement=(
        "s positively r-homogeneous, r >= 2, s_i - s_i* Lipschitz with K on the ball of radius R about "
        "theta0; b(0) = "
        "0, b = alpha b_end; theta = (1-alpha) delta theta0 + alpha theta1; A_i = (s_i - s_i*)(theta0), "
        "gap_i = b_i* "
        "- b_i > 0, kap = K delta^(r-1) (|theta1| + delta |theta0|) < min gap. For alpha = a delta^r, 0 < a "
        "<= R "
        "K/kap, alpha <= 1: i* leads everywhere if a > max A_i/(gap_i - kap) over A_i > 0, and not if some "
        "A_i > 0 "
        "has a <= A_i/(gap_i + kap)."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis("degree r = 1 + q >= 2, initial scale delta, alpha = a delta^r", (q, delta, a)),
        Hypothesis("gap_i = kap + gap_kap > kap", (kap, room)),
    ),
    steps=(
        Identity(
            "a step from the start",
            equal(
                (1 - a * delta**r) * delta * theta_0 + a * delta**r * theta_1,
                delta * (theta_0 + (a * delta ** (r - 1) * theta_1 - a * delta**r * theta_0)),
            ),
            "theta = delta (theta0 + h), h = a delta^(r-1) theta1 - a delta^r theta0; so s(theta) = delta^r "
            "s(theta0 "
            "+ h).",
        ),
        Identity(
            "its size",
            equal(
                K * (a * delta ** (r - 1) * size_1 + a * delta**r * size_0),
                a * K * delta ** (r - 1) * (size_1 + delta * size_0),
            ),
            "K |h| <= a kap by the triangle inequality, and |h| <= R as a <= R K/kap.",
        ),
        Deduction(
            "error of the lead",
            at_least(a * kap, error),
            "The lead at theta0 + h is A_i + err, |err| <= K |h| <= a kap.",
            given={"Lipschitz": at_least(K * step, error), "its size": at_least(a * kap, K * step)},
            by=(By("Lipschitz"), By("its size")),
        ),
        Deduction(
            "i* leads",
            greater(a * gap, A + error),
            "Divided by delta^r: i* is ahead of class i iff a gap_i > A_i + err, in particular if a (gap_i "
            "- kap) > "
            "A_i ...",
            given={"beyond": greater(a * room, A), "error of the lead": at_least(a * kap, error)},
            by=(By("beyond"), By("error of the lead")),
        ),
        Deduction(
            "nothing asked where A_i <= 0",
            greater(a * gap, -behind + error),
            "... which asks nothing where A_i = -A_behind <= 0.",
            given={"error of the lead": at_least(a * kap, error)},
            by=(By("error of the lead"),),
            remainder=a * room + behind,
        ),
        Deduction(
            "i* does not lead",
            at_least(A - error, a * gap),
            "Where A_i >= a (gap_i + kap) class i is level or ahead: the error (here -err) is at most a kap.",
            given={"before": at_least(A, a * (gap + kap)), "error of the lead": at_least(a * kap, error)},
            by=(By("before"), By("error of the lead")),
        ),
    ),
    conclusion=("a step from the start", "i* leads", "nothing asked where A_i <= 0", "i* does not lead"),
    counterexamples=(
        Counterexample(
            "b(0) = 0",
            "Initial bias 1 in favour of class i, no signal, delta = 1/10, b_end = 1 in favour of i*: A_i = "
            "0, so i* "
            "would lead at once, but at alpha = 1/4 class i is ahead by 3/4 - 1/4.",
            (greater(sp.Rational(3, 4), sp.Rational(1, 4)),),
        ),
        Counterexample(
            "kap < gap",
            "r = 2, s = (w_1 w_2, 0), theta0 = (1, 1), theta1 = (-2, -2), delta = 1, gap = 1: at alpha = 1 "
            "the lead of "
            "class i is 4 > gap, whatever a is beyond A/gap = 1.",
            (greater(4, 1),),
        ),
        Counterexample(
            "s r-homogeneous",
            "A hidden bias: s = w + 1, delta = 1/100: the lead 1 + w at alpha = delta^2 is not of the order "
            "of "
            "delta^2.",
            (greater(1 + sp.Rational(1, 100), 100 * sp.Rational(1, 10000)),),
        ),
    ),
)
