"""T12c: how fast the loss comes down to its limit where every class leans on every other: like 1/t."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import Comparison
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, k, positive, q, r, real, slope, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone, Tangent

__all__ = ["DERIVATION"]

d = real("d")[0]
z, h, delta_b = (sp.IndexedBase(name, real=True) for name in ("z", "h", "d"))
more, rest = (sp.IndexedBase(name, nonnegative=True) for name in ("delta", "rest"))
loss, Lam, all_more, lift, slack, fall, excess = sp.symbols("l Lam s lift slack fall exc", nonnegative=True)
own = sp.Symbol("delta_j", nonnegative=True)
w, share, odds, p, E, T, y, above, x = positive("w pi A p E T y A_more x")
t = sp.Symbol("t", nonnegative=True)
at = sp.Symbol("a", real=True)
tau = sp.Symbol("tau", real=True)
V, F, J, gap = (sp.Function(name, nonnegative=True) for name in ("V", "F", "J", "gap"))
V_0, F_0, J_T, left_end = sp.symbols("V_0 F_0 J_T gap_T", nonnegative=True)


def _sample(place: sp.Expr) -> sp.Expr:
    """Log of the softmax's denominator on a segment of biases, z + place * h."""
    return sp.log(total(sp.exp(z[i] + place * h[i])))


def _mean(place: sp.Expr) -> sp.Expr:
    weighted = total(h[i] * sp.exp(z[i] + place * h[i]))
    return weighted / total(sp.exp(z[i] + place * h[i]))


DERIVATION = Derivation(
    name="T12c",
    title="Rate to the limit of the loss",
    statement=(
        "W_jj(0)^r <= 0 <= W_ij(0)^r for all i != j (every class leans on every other), any b(0), shares "
        "pi_j > 0, gradient flow; psi(b) = sum pi_j log(1 + sum over i != j of e^(b_i - b_j)), L* = psi(b*) "
        "its minimum, Lam = L(0)/min pi. For all t: t (L(t) - L*) <= |b(0) - b*|^2/2 + e^(2 Lam) "
        "|W(0)|^2/(2r)."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis("integer degree r = 1 + q >= 2; |W_ij| = w, its sample's share pi_j", (q, w, share)),
        Hypothesis(
            "every pair is an edge (T12b): delta_ij = W_ij^r - W_jj^r >= 0; k classes", (more, k, delta_b)
        ),
        Hypothesis("l_j <= Lam = L(0)/min pi, as L falls and pi_j l_j <= L", (Lam,)),
    ),
    steps=(
        Monotone(
            "odds of a sample",
            at_least(sp.log(sp.exp(Lam)), sp.log(sp.exp(d + own))),
            "Sample i's odds against j, e^(b_j - b_i + delta), are below e^(l_i) <= e^Lam ...",
            given={"odds": at_least(sp.exp(Lam), sp.exp(d + own))},
            of=By("odds"),
            function=sp.log(y),
            variable=y,
        ),
        Deduction(
            "biases stay near",
            at_least(Lam, d),
            "... so d = b_j - b_i <= Lam, for each pair both ways.",
            given={"odds": at_least(sp.exp(Lam), sp.exp(d + own))},
            by=(By("odds of a sample"),),
            remainder=own,
        ),
        Deduction(
            "exponent of p",
            at_least(-d + own - loss, -2 * Lam),
            "p_ij = e^(b_i - b_j + delta_ij) e^(-l_j), where b_i - b_j = -d >= -Lam and l_j <= Lam ...",
            given={"near": at_least(Lam, d), "loss": at_least(Lam, loss)},
            by=(By("near"), By("loss")),
            remainder=own,
        ),
        Monotone(
            "p from below",
            at_least(sp.exp(-d + own - loss), sp.exp(-2 * Lam)),
            "... so p_ij >= e^(-2 Lam) at all times, and 1 - p_jj >= p_ij.",
            given={"near": at_least(Lam, d), "loss": at_least(Lam, loss)},
            of=By("exponent of p"),
            function=sp.exp(tau),
            variable=tau,
        ),
        Identity(
            "a weight's square",
            equal(slope(w**2, w) * (-r * w ** (r - 1) * share * p) * E / (2 * r), -E * p * share * w**r),
            "Every weight shrinks: d|W_ij|/dt = -r |W_ij|^(r-1) pi_j p_ij (1 - p_jj for W_jj). So e^(2 Lam)/"
            "(2r) W^2 (E = e^(2 Lam)) falls at the rate E p pi_j |W|^r ...",
        ),
        Deduction(
            "a weight's square falls fast enough",
            at_least(E * p * share * w**r, share * w**r),
            "... at least pi_j |W|^r, for E p >= 1. F = e^(2 Lam)/(2r) times the sum of all squares falls at "
            "least like the sum of pi_j |W_ij|^r.",
            given={"E p": at_least(E * p, 1)},
            by=(By("E p", share * w**r),),
        ),
        Deduction(
            "odds at other biases",
            at_least(
                total(sp.exp(delta_b[i]) * sp.exp(more[i] + rest[i])),
                total(sp.exp(delta_b[i]) * sp.exp(more[i])),
            ),
            "At the biases b* sample j's loss is log sum e^(d_i + delta_ij), d_i = b*_i - b*_j, where d_j = "
            "delta_jj = 0. With s = the sum of |W_ij|^r over all i, delta_ij = |W_ij|^r + |W_jj|^r = s - "
            "rest_i: the sum is at most e^s times that of psi ...",
            remainder=total(sp.exp(delta_b[i]) * sp.exp(more[i]) * (sp.exp(rest[i]) - 1)),
        ),
        Monotone(
            "excess at other biases",
            at_least(all_more + sp.log(odds), sp.log(above)),
            "... so the loss at most s above psi's part: L(b*; W) - L* = exc is at most the sum of pi_j "
            "|W_ij|^r over all i and j.",
            given={"odds": at_least(odds * sp.exp(all_more), above)},
            of=By("odds"),
            function=sp.log(y),
            variable=y,
        ),
        Tangent(
            "convex in the biases",
            at_least(_sample(tau), _sample(at) + _mean(at) * (tau - at)),
            "At fixed weights L is convex in b (along a segment the second derivative is a variance): "
            "<grad_b L, b - b*> >= L(b; W) - L(b*; W).",
            variable=tau,
            point=at,
            curvature=total((h[i] - _mean(tau)) ** 2 * sp.exp(z[i] + tau * h[i]))
            / total(sp.exp(z[i] + tau * h[i])),
        ),
        Comparison(
            "what can be spent",
            at_least(V(0) + F(0), V(t) + F(t) + J(t)),
            "V = |b - b*|^2/2 has V' = -<grad_b L, b - b*> <= exc - (L - L*), exc = L(b*; W) - L*, F' <= "
            "-exc, J' = L - L*: V + F + J does not grow.",
            given={"at the start": at_least(V(0) + F(0), V(0) + F(0) + J(0))},
            variable=t,
            rates={
                V(t): excess - gap(t) - lift,
                F(t): -excess - slack,
                J(t): gap(t),
            },
            forcing=lift + slack,
            start=By("at the start"),
        ),
        Comparison(
            "the loss falls",
            at_least(J(t), t * gap(t)),
            "L - L* falls: its integral J is at least t (L(t) - L*).",
            given={"at the start": at_least(J(0), sp.Integer(0))},
            variable=t,
            rates={J(t): gap(t), gap(t): -fall},
            forcing=t * fall,
            start=By("at the start"),
        ),
        Deduction(
            "rate",
            at_least(V_0 + F_0, T * left_end),
            "Together.",
            given={
                "spent": at_least(V_0 + F_0, x + J_T),
                "falls": at_least(J_T, T * left_end),
            },
            by=(By("spent"), By("falls")),
            remainder=x,
        ),
    ),
    conclusion=(
        "p from below",
        "a weight's square",
        "odds at other biases",
        "convex in the biases",
        "what can be spent",
        "rate",
    ),
    counterexamples=(
        Counterexample(
            "every pair is an edge",
            "k = 2, r = 3, equal shares, b = 0, diagonals 0, off-diagonals -1/10: no edge, psi = 0 = L*. "
            "|W|' <= (3/2) |W|^2, so that |W| < 1/8 at t = 1, where the loss is above log(1 + e^(-1/512)) > "
            "1/2. The right side is below 2^4 (2/100)/6, for Lam = 2 L(0) < 2 log 2.",
            (
                greater(sp.log(1 + sp.exp(-sp.Rational(1, 512))), sp.Rational(1, 2)),
                greater(sp.Rational(1, 2), 16 * sp.Rational(2, 100) / 6),
            ),
        ),
        Counterexample(
            "gradient flow of the biases too",
            "Biases held at b = (c, -c), all weights 0, k = 2: L - log 2 = log cosh(c) > 0 does not fall; "
            "at c = 1, t = 1000 the left side is above |b|^2/2 = 1 (cosh 1 > e^(1/1000)).",
            (greater(sp.cosh(1), sp.exp(sp.Rational(1, 1000))),),
        ),
    ),
)
