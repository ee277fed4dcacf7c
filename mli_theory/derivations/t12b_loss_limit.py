"""T12b: what the loss tends to, and a bound of the time at which it is below a given loss."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import Comparison
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, n, positive, real, slope, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction, Monotone, Tangent, Words

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
m = sp.Symbol("m", integer=True, positive=True)
d, rise, rho, pull = (sp.IndexedBase(name, real=True) for name in ("d", "m", "rho", "g"))
more = sp.IndexedBase("delta", nonnegative=True)
share, w, k, mu, rho_size, L_0, T, y = positive("pi w k mu rho_norm L_0 T y")
wrong = sp.Symbol("u", positive=True)
"""u = 1 - p_jj of a sample whose diagonal is positive."""
G, x = real("G_jj x")
lam = sp.Symbol("lam", positive=True)
lift, fall, rest, spread, off, h, last = sp.symbols("lift fall q_rest R f h l_rest", nonnegative=True)
C, e_, still = positive("C e q")
t = sp.Symbol("t", nonnegative=True)
Phi, spent, tied, distance, grown, loss, total_h, falling = (
    sp.Function(name, nonnegative=True) for name in ("Phi_jj", "I_jj", "F", "N", "A", "L", "I", "h")
)
along = sp.Function("B", real=True)
some, lacking, one = (sp.Function(name, nonnegative=True) for name in ("U", "c", "u"))

DERIVATION = Derivation(
    name="T12b",
    title="Limit of the loss",
    statement=(
        "r >= 3, any real W(0), any b(0), shares pi_j > 0. Edge j -> i iff W_jj(0)^r <= 0 <= W_ij(0)^r. "
        "psi(b) = sum "
        "pi_j log(1 + sum over j -> i of e^(b_i - b_j)), L* = inf psi: L(t) decreases to L*, L(t) > L* "
        "unless W(0) = "
        "0; L* = 0 iff the graph has no cycle; equal shares: L* >= (M/k) log 2, M vertices in disjoint "
        "cycles. No "
        "cycle, equal shares: t (1 - e^(-k L(t))) <= (1 + R) F + k |rho| sqrt(t L(0)). All W_jj(0)^r > 0: t "
        "min(pi) "
        "(1 - e^(-L/min pi)) <= sum Phi(W_jj(0))."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis("degree r = 2 + p >= 3, a weight w > 0, its sample's share pi_j", (p, w, share)),
        Hypothesis("k classes; theta is followed for all times (T10, no blow-up)", (k,)),
    ),
    steps=(
        Deduction(
            "an edge leans on the biases",
            at_least(total(sp.exp(d[i] + more[i]), i, n), total(sp.exp(d[i]), i, n)),
            "On an edge W_ij^r - W_jj^r = delta_i >= 0: the odds against the label are at least e^(d_i), "
            "d_i = b_i - b_j.",
            remainder=total(sp.exp(d[i]) * (sp.exp(more[i]) - 1), i, n),
        ),
        Monotone(
            "loss of a sample",
            greater(sp.log(1 + y), sp.log(1 + w)),
            "So l_j >= log(1 + sum e^(b_i - b_j)), strictly where a delta is > 0 or a class is no "
            "neighbour: L > "
            "psi(b) >= L*.",
            given={"odds": greater(y, w)},
            of=By("odds"),
            function=sp.log(1 + lam),
            variable=lam,
        ),
        Tangent(
            "softplus above its tangent",
            at_least(sp.log(1 + sp.exp(x)), sp.log(2) + x / 2),
            "log(1 + e^x) is convex ...",
            variable=x,
            point=sp.Integer(0),
            curvature=sp.exp(x) / (1 + sp.exp(x)) ** 2,
        ),
        Deduction(
            "a cycle's floor",
            at_least(1 + total(sp.log(2) + rise[i] / 2 + last, i, n), 1 + total(sp.log(2), i, n)),
            "... and around a cycle of n edges the differences m_i of the biases sum to 0: its samples' "
            "losses (log 2 + "
            "m_i/2 + something >= 0) sum to n log 2 at least.",
            given={"around the cycle": equal(total(rise[i], i, n), sp.Integer(0))},
            by=(By("around the cycle", sp.Rational(1, 2)),),
            remainder=total(last, i, n),
        ),
        Identity(
            "no cycle",
            equal(sp.Limit(1 + sp.log(1 + k * sp.exp(-lam)), lam, sp.oo), 1),
            "Without a cycle there are levels with rho_j - rho_i >= 1 on every edge: at b = lam rho each "
            "loss is at most "
            "log(1 + k e^(-lam)) -> 0, so L* = 0.",
        ),
        Identity(
            "rate of Phi",
            equal(slope(w ** (2 - r) / (r * p), w) * r * w ** (r - 1) * G, -G),
            "dPhi/dt = -G for a weight that grows (T8) ...",
        ),
        Comparison(
            "what a weight can spend",
            equal(Phi(0) - Phi(t), share * spent(t)),
            "... so the integral I_jj of 1 - p_jj is (Phi(0) - Phi(t))/pi_j ...",
            given={"at the start": equal(sp.Integer(0), share * spent(0))},
            variable=t,
            rates={Phi(t): -share * wrong, spent(t): wrong},
            start=By("at the start"),
        ),
        Deduction(
            "non-edges are integrable",
            at_least(Phi(0), share * spent(t)),
            "... at most Phi(W_jj(0))/pi_j; for W_ij^r < 0 likewise p_ij.",
            given={
                "at the start": equal(sp.Integer(0), share * spent(0)),
                "rate of Phi": equal(slope(Phi(t), t), -share * wrong),
                "rate of I": equal(slope(spent(t), t), wrong),
            },
            by=(By("what a weight can spend"),),
            remainder=Phi(t),
        ),
        Words(
            "the edges that matter",
            "E' = the edges with an infinite integral of p_ij. There Phi(W_ij) and Phi(W_jj) grow without "
            "bound (those "
            "that are not 0 from the start), so delta_ij -> 0. f = the sum of p over all pairs off E' is "
            "integrable. "
            "psi'_t(b) = sum pi_j log(1 + sum over E' of e^(delta_ij + b_i - b_j)) is convex in b, L <= "
            "psi'_t(b) + C "
            "f, |grad_b L - grad psi'_t| <= 2 f, psi'_t(b^) -> psi'(b^) for a fixed b^, and inf psi' <= L*. "
            "This stays in words: it asks which integrals over all times are infinite and takes limits of "
            "functions that are not in closed form, while the machine's steps compare functions at each "
            "time.",
        ),
        Comparison(
            "no loss above L*",
            at_least((distance(0) - 2 * e_ * still * t) * sp.exp(grown(t)), distance(t)),
            "If L >= L* + 3e for all t, choose b^ with psi'(b^) <= L* + e: N = 1 + |b - b^|^2 has N' <= -2e "
            "+ 4 C f N, "
            "so with A' = 4 C f, A bounded by log(1/q), N <= (N(0) - 2 e q t) e^A, which is negative in the "
            "end. But N "
            ">= 1: a contradiction.",
            given={
                "at the start": at_least(distance(0) * sp.exp(grown(0)), distance(0)),
                "A is bounded": equal(still * sp.exp(grown(t)), 1 - rest),
            },
            variable=t,
            rates={grown(t): 4 * C * off, distance(t): -2 * e_ + 4 * C * off * distance(t) - lift},
            decay=-4 * C * off,
            forcing=2 * e_ * rest + lift,
            start=By("at the start"),
            equations=(By("A is bounded", -2 * e_),),
        ),
        Induction(
            "shares of the samples add up",
            at_least(some(m), lacking(m)),
            "u_j = 1 - e^(-l_j): the sum U of them is at least c = 1 - the product of all (1 - u_j), which "
            "is 1 - e^(-sum "
            "l_j) = 1 - e^(-k L).",
            variable=m,
            first={some(1): one(1), lacking(1): one(1)},
            following={
                some(m + 1): some(m) + one(m + 1),
                lacking(m + 1): lacking(m) + one(m + 1) - lacking(m) * one(m + 1),
            },
            remainder=lacking(m) * one(m + 1),
        ),
        Comparison(
            "the levels are climbed",
            at_least(k * (along(t) - along(0)) + (1 + spread) * (tied(t) - tied(0)), total_h(t) - total_h(0)),
            "B = <rho, b>: k B' >= (1 - e^(-k L)) - (1 + R) f, f the non-edges' part, F' = f; I' = h = 1 - "
            "e^(-k L).",
            given={"at the start": at_least(sp.Integer(0), sp.Integer(0))},
            variable=t,
            rates={
                along(t): (falling(t) - (1 + spread) * off + lift) / k,
                tied(t): off,
                total_h(t): falling(t),
            },
            forcing=lift,
            start=By("at the start"),
        ),
        Comparison(
            "the loss falls",
            at_least(total_h(t) - total_h(0), t * falling(t)),
            "As L falls, h falls: its integral is at least t h(t).",
            given={"at the start": at_least(sp.Integer(0), sp.Integer(0))},
            variable=t,
            rates={total_h(t): falling(t), falling(t): -fall},
            forcing=t * fall,
            start=By("at the start"),
        ),
        Comparison(
            "how far the biases get",
            at_least(
                t * total(rho[i] ** 2, i, n) / (2 * mu) + mu / 2 * (loss(0) - loss(t)), along(t) - along(0)
            ),
            "B' = <rho, g>, L' = -|theta'|^2 <= -|g|^2 (g the biases' part): for every mu > 0, by "
            "(rho/sqrt(mu) - sqrt(mu) "
            "g)^2 >= 0 ...",
            given={"at the start": at_least(sp.Integer(0), sp.Integer(0))},
            variable=t,
            rates={along(t): total(rho[i] * pull[i], i, n), loss(t): -total(pull[i] ** 2, i, n) - lift},
            forcing=total((rho[i] - mu * pull[i]) ** 2, i, n) / (2 * mu) + mu / 2 * lift,
            start=By("at the start"),
        ),
        Identity(
            "the best mu",
            equal(
                T * rho_size**2 / (2 * (rho_size * sp.sqrt(T) / sp.sqrt(L_0)))
                + rho_size * sp.sqrt(T) / sp.sqrt(L_0) / 2 * L_0,
                rho_size * sp.sqrt(T) * sp.sqrt(L_0),
            ),
            "... at mu = |rho| sqrt(t/L(0)): B(t) - B(0) <= |rho| sqrt(t L(0)).",
        ),
        Deduction(
            "time bound",
            at_least((1 + spread) * L_0 + k * rho_size * sp.sqrt(T), T * h),
            "Together (L_0 for the non-edges' F, |rho| for |rho| sqrt(L(0)), h = 1 - e^(-k L)).",
            given={
                "climbed": at_least(k * y + (1 + spread) * L_0, x),
                "falls": at_least(x, T * h),
                "far": at_least(rho_size * sp.sqrt(T), y),
            },
            by=(By("climbed"), By("falls"), By("far", k)),
        ),
    ),
    conclusion=(
        "a cycle's floor",
        "no cycle",
        "rate of Phi",
        "non-edges are integrable",
        "no loss above L*",
        "shares of the samples add up",
        "time bound",
    ),
    counterexamples=(
        Counterexample(
            "no cycle (for the time bound)",
            "k = 2, edges both ways: m_1 + m_2 = 0, and log(1 + e^m) + log(1 + e^-m) at m = log 3 is log 4 "
            "+ log(4/3), "
            "above 2 log 2: the loss stays above log 2.",
            (greater(sp.log(4) + sp.log(sp.Rational(4, 3)), 2 * sp.log(2)),),
        ),
        Counterexample(
            "r >= 3",
            "r = 2: Phi = -log(w)/2 is negative for w > 1: it does not bound what is spent.",
            (greater(0, -sp.log(2) / 2),),
        ),
        Counterexample(
            "W(0) != 0 (for L > L*)",
            "W(0) = 0, b = 0: L = log k = psi(0) = L* for equal classes, not above it (k = 2).",
            (equal(sp.log(2), sp.log(1 + sp.exp(0))),),
        ),
    ),
)
