"""T8: what gradient flow of the power model conserves."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, j, k, put, slope, total
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity

__all__ = ["DERIVATION"]

w = sp.Symbol("w", real=True, nonzero=True)
p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
W = sp.IndexedBase("W", real=True, nonzero=True)
G, logit = (sp.IndexedBase(name, real=True) for name in ("G", "z"))
share = sp.IndexedBase("pi", positive=True)
rate = sp.Symbol("G", real=True)
time = sp.Symbol("t", real=True)
weight = sp.Function("W", real=True)(time)
growth = sp.Function("I", real=True)(time)

phi = w ** (2 - r) / (r * (2 - r))


def _flow(value: sp.Expr, gradient: sp.Expr) -> sp.Expr:
    """dW/dt of the power model."""
    return r * value ** (r - 1) * gradient


softmax = sp.exp(logit[i, j]) / total(sp.exp(logit[i, j]))

DERIVATION = Derivation(
    name="T8",
    title="Conservation laws",
    statement=(
        "All W_ij(0) != 0, any signs, any class sizes: (i) b_i - sum_j phi(W_ij) for each i, (ii) sum_i "
        "phi(W_ij) for each j and (iii) sum_i b_i are constant. For a diagonal start (iii) and d "
        "phi(W_jj)/dt = G_jj remain."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis(
            "gradient flow dW_ij/dt = r W_ij^(r-1) G_ij, db_i/dt = sum_j G_ij, integer r = 2 + p (r = 2 "
            "apart)",
            (p, G),
        ),
        Hypothesis("W_ij != 0, of either sign", (W,)),
        Hypothesis(
            "G_ij = pi_j (1[i=j] - p_ij), p softmax of the logits z over i, any shares pi and number of "
            "classes",
            (share, logit, k),
        ),
    ),
    steps=(
        Identity(
            "rate of phi",
            equal(slope(phi, w) * _flow(w, rate), rate),
            "phi(w) = w^(2-r)/(r(2-r)), either sign of w, r >= 3: d phi(W_ij)/dt = phi'(W_ij) dW_ij/dt = "
            "G_ij.",
        ),
        Identity(
            "rate of phi, r = 2",
            equal(slope(sp.log(w**2) / 4, w) * 2 * w * rate, rate),
            "r = 2: phi = log|w|/2 = log(w^2)/4: the same.",
        ),
        Identity(
            "no weight reaches 0",
            equal(
                (sp.diff(weight, time) * sp.exp(-growth)).subs(
                    sp.Derivative(weight, time), _flow(weight, rate)
                ),
                (weight * sp.diff(growth, time) * sp.exp(-growth)).subs(
                    sp.Derivative(growth, time), r * weight ** (r - 2) * rate
                ),
            ),
            "With I' = r W^(r-2) G_ij: W' e^(-I) = W I' e^(-I), so W e^(-I) is constant and W keeps its "
            "sign for all t.",
        ),
        Identity(
            "(i)",
            equal(
                total(phi.diff(w).subs(w, W[i, j]) * _flow(W[i, j], G[i, j]), j),
                total(G[i, j], j),
            ),
            "(i): sum_j d phi(W_ij)/dt = sum_j G_ij = db_i/dt: their difference is constant.",
        ),
        Identity(
            "column sums",
            equal(total(share[j] * softmax), share[j]),
            "What enters sum_i G_ij, pi_j (once, for i = j), is what leaves, sum_i pi_j p_ij.",
        ),
        Deduction(
            "(ii)",
            equal(total(phi.diff(w).subs(w, W[i, j]) * _flow(W[i, j], G[i, j])) + share[j], share[j]),
            "(ii): sum_i d phi(W_ij)/dt = sum_i G_ij = 0, for each j.",
            given={
                "definition of G, summed over i": equal(total(G[i, j]), share[j] - total(share[j] * softmax))
            },
            by=(By("definition of G, summed over i"), By("column sums", sp.Integer(-1))),
        ),
        Identity(
            "(iii)",
            equal(total(total(share[j] * softmax), j), total(share[j], j)),
            "(iii): summed over j as well, sum_i db_i/dt = sum_ij G_ij = 0: what enters is what leaves.",
        ),
        Identity(
            "diagonal start",
            equal(put(_flow(time, rate), {time: sp.Integer(0)}) + rate, rate),
            "A weight that is 0 has dW/dt = 0 and stays 0: off the diagonal nothing moves, phi is not "
            "defined there, and (i), (ii) are lost; 'rate of phi' holds for W_jj, (iii) as before.",
        ),
    ),
    conclusion=(
        "rate of phi",
        "rate of phi, r = 2",
        "no weight reaches 0",
        "(i)",
        "(ii)",
        "(iii)",
        "diagonal start",
    ),
    counterexamples=(
        Counterexample(
            "W_ij != 0",
            "Diagonal start, k = 2, equal logits (p = 1/2): sum_j G_1j = 0 but d phi(W_11)/dt = G_11 = 1/4: "
            "b_1 - phi(W_11) is not constant.",
            (
                equal(sp.Rational(1, 2) * (1 - sp.Rational(1, 2)) - sp.Rational(1, 2) * sp.Rational(1, 2), 0),
                greater(sp.Rational(1, 2) * (1 - sp.Rational(1, 2)), 0),
            ),
        ),
        Counterexample(
            "gradient flow (steps of positive size do not conserve)",
            "r = 3, W = 1, G = 1/4, step 1: W becomes 7/4, phi = -1/(3W) rises by 1/7, not by 1/4.",
            (
                equal(1 + 3 * sp.Rational(1, 4), sp.Rational(7, 4)),
                greater(sp.Rational(1, 4), sp.Rational(1, 3) - sp.Rational(4, 21)),
            ),
        ),
    ),
)
