"""T16: a random small start of two classes has, with a stated probability, a plateau of a stated length."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, real, slope
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
m = 2 - 2 / r
tau, V, v, x, y, D, kappa, delta_a, step = positive("tau V v x y D kappa delta_a step")
gap, log_eps, ell, room, late = real("g log_1_eps ell g_min l_V")
first, second, third, slack, more, excess = sp.symbols("P_1 P_2 P_3 s D_more h", nonnegative=True)
both = sp.Symbol("P", real=True)
f = sp.Function("l", real=True)

DERIVATION = Derivation(
    name="T16",
    title="Half-normal diagonal start",
    statement=(
        "k = 2, r >= 3, W_jj(0) = delta |xi_j|, xi standard normal, off-diagonals 0, b(0) = 0, equal "
        "classes. D = "
        "(delta a)^(2-r) (1 - (1+tau)^(2-r))/(r(r-2)), eta = (r(r-2) kappa D)^(-r/(r-2)). With probability "
        "at least 1 "
        "- (4/pi) arctan(tau/(2+tau)) - erfc(a/sqrt 2)^2 - [1 - erf(omega/(delta sqrt 2))^2], for every eps "
        "with "
        "log(1/eps) <= 2 (1-kappa) D and g_min = -log(e^(2 eps) - 1) - eta >= 1/2 the flow reaches loss "
        "eps, and "
        "there (g_min/V)^(1/(r-1)) <= alpha_2 < 2^(-1/(r-1)), V the larger root of V = 2 g_min + log(e^eta "
        "+ (1 + "
        "e^eta) r^2 V^m/4) + omega^r."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis("degree r = 2 + p >= 3; tau > 0; delta a bounds the smaller weight", (p, tau, delta_a)),
        Hypothesis("V >= 1 (it is above 2 g_min), g the gap at loss eps", (V, gap)),
    ),
    steps=(
        Deduction(
            "difference of potentials",
            at_least(
                (delta_a ** (-p) + slack) * (1 - (1 + tau) ** (-p) + more) / (r * p),
                delta_a ** (-p) * (1 - (1 + tau) ** (-p)) / (r * p),
            ),
            "The smaller weight is at most delta a, the larger at least 1 + tau times it: dPhi >= D (both "
            "factors grow, by "
            "s and D_more; the second is (e^(p log(1+tau)) - 1)(1+tau)^(-p) > 0).",
            where={excess: 1 - (1 + tau) ** (-p)},
            remainder=(slack * excess + delta_a ** (-p) * more + slack * more) / (r * p),
        ),
        Deduction(
            "the last class is held",
            at_least(2 * (1 - kappa) * (D + more), gap),
            "g <= log(1/eps) (T11b, (v)) <= 2 (1 - kappa) D <= 2 (1 - kappa) dPhi (kappa < 1, step = 1 - "
            "kappa): T11b "
            "applies.",
            where={step: 1 - kappa},
            given={
                "gap": at_least(log_eps, gap),
                "loss": at_least(2 * (1 - kappa) * D, log_eps),
            },
            by=(By("gap"), By("loss")),
            remainder=2 * step * more,
        ),
        Deduction(
            "v from g",
            at_least(2 * gap + ell, v),
            "T11b, (iii): y = e^(2g - v) >= e^(-ell), ell = log(e^eta + (1 + e^eta) c/4) + v_0: v - ell(v) "
            "<= 2g.",
            given={"(iii)": at_least(2 * gap - v, -ell)},
            by=(By("(iii)"),),
        ),
        Identity(
            "slope of beta",
            equal(
                slope((1 - f(V) / V) / 2, V),
                (f(V) - V * slope(f(V), V)) / (2 * V**2),
            ),
            "At the largest v = V(g): g/V = (1 - ell(V)/V)/2, whose slope has the sign of ell - V ell' ...",
        ),
        Identity(
            "V ell'",
            equal(V * slope(sp.log(x + y * V**m), V), m * y * V**m / (x + y * V**m)),
            "... V ell' = m (1+e^eta)(c/4)/(e^eta + (1+e^eta) c/4) <= m ...",
        ),
        Deduction(
            "V ell' is at most m",
            at_least(m, m * y / (x + y)),
            "(a share of m)",
            remainder=m * x / (x + y),
        ),
        Monotone(
            "ell from below",
            greater(sp.log(1 + r**2 / 2 + x), sp.log(1 + r**2 / 2 + y)),
            "... and ell >= log(1 + r^2/2) at V >= 1, as log rises and e^eta >= 1 ...",
            given={"more": greater(x, y)},
            of=By("more"),
            function=sp.log(1 + r**2 / 2 + v),
            variable=v,
        ),
        Deduction(
            "above m, r >= 4",
            greater(1 + (p + 3) ** 2 / sp.Integer(2), sp.E**2),
            "... > m: for r >= 4 (r = p + 3 here) 1 + r^2/2 >= 9 > e^2 >= e^m ...",
            given={"9 > e^2": greater(9, sp.E**2)},
            by=(By("9 > e^2"),),
            remainder=((p - 1) ** 2 + 8 * (p - 1)) / 2,
        ),
        Identity(
            "above m, r = 3",
            equal(1 + sp.Rational(9, 2) - sp.Rational(11, 2) + m.subs(p, 1), sp.Rational(4, 3)),
            "... and for r = 3 1 + r^2/2 = 11/2 > e^(4/3) (m = 4/3): g/V(g) increases, and g >= g_min.",
        ),
        Identity(
            "half-Cauchy",
            equal(slope(2 / sp.pi * sp.atan(x), x), 2 / (sp.pi * (1 + x**2))),
            "|xi_1/xi_2| has the density 2/(pi (1 + x^2)) ...",
        ),
        Identity(
            "separation",
            equal((1 - 1 / (1 + tau)) / (1 + 1 / (1 + tau)), tau / (2 + tau)),
            "... so P(max/min < 1 + tau) = 1 - (4/pi) arctan(1/(1+tau)) = (4/pi) arctan(tau/(2+tau)): "
            "tan(pi/4 - a) = "
            "(1 - tan a)/(1 + tan a).",
        ),
        Deduction(
            "union bound",
            at_least(both, 1 - first - second - third),
            "The event misses at most what its three conditions miss (a point is missed by at least one of "
            "them).",
            given={"missed": at_least(first + second + third, 1 - both)},
            by=(By("missed"),),
        ),
    ),
    conclusion=(
        "difference of potentials",
        "the last class is held",
        "slope of beta",
        "separation",
        "V ell'",
        "union bound",
    ),
    counterexamples=(
        Counterexample(
            "tau > 0",
            "Equal weights: D = 0, and no loss with log(1/eps) > 0 is allowed.",
            (equal(1 - sp.Integer(1) ** (-1) + 1, 1), greater(sp.log(2), 0)),
        ),
        Counterexample(
            "g_min >= 1/2 (V >= 1)",
            "r = 3 at small V, ell = log(1 + 9 V^(4/3)/2): at V = 1/100 V ell' is m 9 V^(4/3)/(2 + 9 "
            "V^(4/3)), about m "
            "times what ell is, above ell: g/V falls. 3 ell < 4 (1 - e^-ell) at ell = 1/100: 3/100 < 4 "
            "(1/100 - 1/20000).",
            (greater(4 * (sp.Rational(1, 100) - sp.Rational(1, 20000)), sp.Rational(3, 100)),),
        ),
    ),
)
