"""T11': at a fixed initial scale the biases stay bounded, so the plateau vanishes as the loss does."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import Comparison
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, positive, real, slope, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
w, w_0, k_eps, g_j, share, Phi_start, Phi_now, Phi_2, Phi_1 = positive(
    "w w_0 k_eps g_j pi Phi_0 Phi_t Phi_2 Phi_1"
)
G_ii, b_i, b_top, G_11, G_21, G_22 = real("G_ii b_i b_top G_11 G_21 G_22")
(excess,) = positive("h")
p_off = sp.IndexedBase("p", positive=True)
start = sp.IndexedBase("Phi", positive=True)
shortfall = sp.IndexedBase("e", positive=True)
others = sp.Symbol("k_1", integer=True, positive=True)
"""k_1 = k - 1 other classes."""
margin = sp.Symbol("margin", positive=True)
phi = w ** (2 - r) / (r * (2 - r))
t = sp.Symbol("t", positive=True)
Phi, Phi_one, Phi_two = (sp.Function(name, positive=True) for name in ("Phi_ii", "Phi_11", "Phi_22"))
bias, bias_two = (sp.Function(name, real=True) for name in ("b", "b_2"))
RATE_OF_B = G_ii + total(-share * p_off[i], i, others)

DERIVATION = Derivation(
    name="T11'",
    title="Bounded biases, vanishing plateau",
    statement=(
        "r >= 3, W(0) > 0 or diagonal, b(0) = 0: b_i(t) < Phi_ii(0), so gaps are at most Phi_{i*i*}(0) + "
        "max_j sum_{m != j} Phi_mm(0). beta_j <= g_j/(g_j - log(e^(k eps) - 1)), g_j = b_{i*} - b_j, in any "
        "model: at fixed scale alpha_2 -> 0 as eps -> 0. k = 2: gap = 2[(Phi_2(0) - Phi_2(t)) - (Phi_1(0) - "
        "Phi_1(t))] exactly."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis("degree r = 2 + p >= 3, W_ii = w > 0, Phi = -phi = w^(2-r)/(r(r-2)) > 0", (p, w)),
        Hypothesis(
            "G_ij = -pi p_ij < 0 off the diagonal, any number k - 1 = k_1 of other classes",
            (share, p_off, others),
        ),
        Hypothesis("b(0) = 0; Phi_m = Phi_mm(0); g_j = b_{i*} - b_j > 0, k eps < log 2", (start, g_j, k_eps)),
    ),
    steps=(
        Deduction(
            "Phi",
            greater(1 - phi, 1),
            "Phi(w) = -phi(w) > 0 for r >= 3.",
            remainder=w ** (2 - r) / (r * p),
        ),
        Deduction(
            "rate of b_i",
            greater(G_ii, RATE_OF_B),
            "db_i/dt = sum_j G_ij (right) is below G_ii, which is d phi(W_ii)/dt by T8.",
            remainder=total(share * p_off[i], i, others),
        ),
        Comparison(
            "integrated",
            greater(Phi(0) - Phi(t), bias(t)),
            "Integrated from 0 to t > 0, with b_i(0) = 0 and dPhi_ii/dt = -G_ii (T8).",
            given={"at the start": at_least(sp.Integer(0), bias(0))},
            variable=t,
            rates={Phi(t): -G_ii, bias(t): RATE_OF_B},
            forcing=total(share * p_off[i], i, others),
            start=By("at the start"),
        ),
        Deduction(
            "upper bound",
            greater(Phi(0), bias(t)),
            "Phi_ii(t) > 0: b_i(t) < Phi_ii(0).",
            given={
                "at the start": at_least(sp.Integer(0), bias(0)),
                "rate of Phi_ii": equal(slope(Phi(t), t), -G_ii),
                "rate of the bias": equal(slope(bias(t), t), RATE_OF_B),
            },
            by=(By("integrated"),),
            remainder=Phi(t),
        ),
        Deduction(
            "lower bound",
            greater(-total(start[i] - shortfall[i], i, others), -total(start[i], i, others)),
            "The biases sum to 0 (T8): b_j = - sum over m != j of b_m, with b_m = Phi_mm(0) - e_m, e_m > 0.",
            remainder=total(shortfall[i], i, others),
        ),
        Deduction(
            "gap bound",
            greater(Phi_start + total(start[i], i, others), b_top - b_i),
            "The gap of the top class over class j.",
            given={
                "upper": greater(Phi_start, b_top),
                "lower": greater(b_i, -total(start[i], i, others)),
            },
            by=(By("upper"), By("lower")),
        ),
        Deduction(
            "beta_j",
            at_least(g_j / (g_j + margin), g_j / (g_j + margin + excess)),
            "Sample j overtakes i* at beta_j = g_j/(s_j - s_{i*}), and s_j - s_{i*} = g_j + its margin at "
            "the end, at least margin = -log(e^(k eps) - 1) by T10b (any model).",
            where={margin: -sp.log(sp.exp(k_eps) - 1)},
            remainder=g_j * excess / ((g_j + margin) * (g_j + margin + excess)),
        ),
        Identity(
            "limit",
            equal(sp.Limit(1 + g_j / (g_j - sp.log(sp.exp(k_eps) - 1)), k_eps, 0, "+"), 1),
            "With g_j bounded, beta_j -> 0 as eps -> 0, and alpha_2 with it.",
        ),
        Deduction(
            "k = 2, rates",
            equal(G_21 + G_22, G_22 - G_11),
            "k = 2: db_2/dt = G_21 + G_22, and the column sum G_11 + G_21 is 0 (T8).",
            given={"column sum": equal(G_11 + G_21, 0)},
            by=(By("column sum"),),
        ),
        Comparison(
            "k = 2, integrated",
            equal(bias_two(t), (Phi_two(0) - Phi_two(t)) - (Phi_one(0) - Phi_one(t))),
            "Integrated, with equality, from b_2(0) = 0.",
            given={"at the start": equal(bias_two(0), sp.Integer(0))},
            variable=t,
            rates={bias_two(t): G_22 - G_11, Phi_two(t): -G_22, Phi_one(t): -G_11},
            start=By("at the start"),
        ),
        Deduction(
            "k = 2, gap",
            equal(
                b_top - b_i,
                2 * ((Phi_2 - Phi_now) - (Phi_1 - Phi_start)),
            ),
            "So with b_2 = b_top, Phi_t and Phi_0 for Phi_2(t) and Phi_1(t), and b_1 = -b_2 the gap is twice "
            "that.",
            given={
                "b_2 integrated": equal(b_top, (Phi_2 - Phi_now) - (Phi_1 - Phi_start)),
                "sum of biases": equal(b_i + b_top, sp.Integer(0)),
            },
            by=(By("b_2 integrated", sp.Integer(2)), By("sum of biases", sp.Integer(-1))),
        ),
    ),
    conclusion=(
        "Phi",
        "rate of b_i",
        "upper bound",
        "lower bound",
        "gap bound",
        "beta_j",
        "limit",
        "k = 2, gap",
    ),
    counterexamples=(
        Counterexample(
            "r >= 3",
            "r = 2: phi = log|w|/2 is not bounded below zero from above: -phi(w) is log(10)/2 at w = 1/10 "
            "and negative at w = 2, so Phi(0) is no bound.",
            (greater(sp.log(10) / 2, 0), greater(0, -sp.log(2) / 2)),
        ),
        Counterexample(
            "fixed scale",
            "Phi(0) = 1/(3 w) at r = 3 grows without bound as the scale falls: 10 at w = 1/30, 1000 at w = "
            "1/3000.",
            (
                equal(-phi.subs({p: 1, w: sp.Rational(1, 30)}), 10),
                equal(-phi.subs({p: 1, w: sp.Rational(1, 3000)}), 1000),
            ),
        ),
        Counterexample(
            "W(0) > 0 or diagonal",
            "Odd r, a negative diagonal W_22 = -1 (r = 3): Phi(|w|) = 1/3 but d phi/dt = G_22 > 0 drives "
            "W_22 to 0, where -phi(W) = 1/(3 W) is negative: no upper bound Phi_22(0) - Phi_22(t) <= "
            "Phi_22(0).",
            (greater(sp.Rational(-1, 3) + sp.Rational(10, 3), sp.Rational(1, 3)),),
        ),
    ),
)
