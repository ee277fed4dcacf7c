"""T9b: bounds of the time at which the first class is learned, whatever the scale."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import Comparison
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, positive, slope, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Tangent

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
others = sp.Symbol("k_1", integer=True, positive=True)
"""k_1 = k - 1 other classes."""
k = others + 1
w, A, v = positive("w A v_1")
lead, short = (sp.IndexedBase(name, nonnegative=True) for name in ("d", "h"))
above, below, spare, excess, rest, x = sp.symbols("s_A s_B s f rest x", nonnegative=True)
y = sp.Symbol("y", real=True)
t = sp.Symbol("t", nonnegative=True)
Phi, waited = (sp.Function(name, nonnegative=True) for name in ("Phi_1", "J"))
missing = sp.Symbol("u", positive=True)
"""u = 1 - p_11."""
Phi_0, Phi_1, J_1, T = positive("Phi_W Phi_one J_one T_0")

DERIVATION = Derivation(
    name="T9b",
    title="First learning time",
    statement=(
        "Diagonal start, equal classes, b(0) = 0, r >= 3, W = W_11(0) < 1 the largest weight, the others >= "
        "0: "
        "0 <= T_0 - k^2/(k-1) [Phi(W) - 1/(r(r-2))] <= (k/(k-1)) int_W^1 (e^(w^r) - 1) w^(1-r)/r dw <= "
        "(e-1) k "
        "(1 - W^2)/(2r(k-1)), T_0 the time at which W_11^r passes 1."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis("degree r = 2 + p >= 3, w the largest weight on its way from W < 1 to 1", (p, w)),
        Hypothesis("k = k_1 + 1 equal classes, b(0) = 0, no weights off the diagonal: T10, T10c", (others,)),
    ),
    steps=(
        Identity(
            "rate of Phi",
            equal(slope(w ** (2 - r) / (r * p), w) * r * w ** (r - 1) * missing / k, -missing / k),
            "dPhi_1/dt = -G_11 = -(1 - p_11)/k.",
        ),
        Identity(
            "1 - p_11",
            equal(1 - sp.exp(v) / (sp.exp(v) + A), A / (sp.exp(v) + A)),
            "With A the sum of e^(b_i - b_1) over the others, 1 - p_11 = A/(e^(v_1) + A).",
        ),
        Deduction(
            "A from below",
            at_least(total(sp.exp(lead[i]), i, others), others),
            "b_i = b_1 + d_i, d_i >= 0 (T10): A >= k - 1.",
            remainder=total(sp.exp(lead[i]) - 1, i, others),
        ),
        Deduction(
            "A from above",
            at_least(others * sp.exp(v), total(sp.exp(v - short[i]), i, others)),
            "b_i <= b_i + v_i <= b_1 + v_1 (T10c), so b_i - b_1 = v_1 - h_i, h_i >= 0: A <= (k - 1) e^(v_1).",
            remainder=total(sp.exp(v - short[i]) * (sp.exp(short[i]) - 1), i, others),
        ),
        Deduction(
            "at most k_1/k",
            at_least(others / k, A / (sp.exp(v) + A)),
            "So 1 - p_11 <= (k - 1)/k ...",
            where={above: others * sp.exp(v) - A},
            remainder=above / (k * (sp.exp(v) + A)),
        ),
        Deduction(
            "at least k_1/(k_1 + e^v)",
            at_least(A / (sp.exp(v) + A), others / (others + sp.exp(v))),
            "... and at least (k - 1)/(k - 1 + e^(v_1)).",
            where={below: A - others},
            remainder=sp.exp(v) * below / ((sp.exp(v) + A) * (others + sp.exp(v))),
        ),
        Comparison(
            "from below",
            at_least(others / k**2 * t, Phi(0) - Phi(t)),
            "Phi_1 falls at most at the rate (k - 1)/k^2 ...",
            given={"at the start": at_least(sp.Integer(0), sp.Integer(0))},
            variable=t,
            rates={Phi(t): -(others / k - spare) / k},
            forcing=spare / k,
            start=By("at the start"),
        ),
        Deduction(
            "lower bound",
            at_least(T, k**2 / others * (Phi_0 - Phi_1)),
            "... and at T_0 it is Phi(1) = 1/(r(r-2)).",
            given={"from below at T_0": at_least(others / k**2 * T, Phi_0 - Phi_1)},
            by=(By("from below at T_0", k**2 / others),),
        ),
        Comparison(
            "from above",
            at_least(k**2 / others * (Phi(0) - Phi(t)) + k / others * (waited(t) - waited(0)), t),
            "J' = (e^v - 1) w^(1-r)/r dw/dt = (e^v - 1) (1 - p_11)/k: the two parts together grow at the "
            "rate (1 - "
            "p_11)(k - 1 + e^v)/(k - 1) >= 1.",
            given={
                "at the start": at_least(sp.Integer(0), sp.Integer(0)),
                "at least": equal(missing * (others + sp.exp(v)), others * (1 + excess)),
            },
            variable=t,
            rates={Phi(t): -missing / k, waited(t): (sp.exp(v) - 1) * missing / k},
            forcing=excess,
            start=By("at the start"),
            equations=(By("at least", 1 / others),),
        ),
        Identity(
            "rate of J",
            equal(
                (sp.exp(w**r) - 1) * w ** (1 - r) / r * (r * w ** (r - 1) * missing / k),
                (sp.exp(w**r) - 1) * missing / k,
            ),
            "J, the integral of (e^(w^r) - 1) w^(1-r)/r, along dw/dt = r w^(r-1) (1 - p_11)/k.",
        ),
        Deduction(
            "upper bound",
            at_least(k**2 / others * (Phi_0 - Phi_1) + k / others * J_1, T),
            "At T_0: the second inequality.",
            given={"from above at T_0": at_least(k**2 / others * (Phi_0 - Phi_1) + k / others * J_1, T)},
            by=(By("from above at T_0"),),
        ),
        Tangent(
            "e^y above its tangent",
            at_least(sp.exp(y), sp.exp(x) + sp.exp(x) * (y - x)),
            "The exponential is convex ...",
            variable=y,
            point=x,
            curvature=sp.exp(y),
        ),
        Deduction(
            "chord",
            at_least(1 + (sp.E - 1) * x, sp.exp(x)),
            "... so below its chord on [0, 1]: e^x - 1 <= (e - 1) x (rest = 1 - x >= 0).",
            where={rest: 1 - x},
            by=(
                By("e^y above its tangent", rest, {y: sp.Integer(0)}),
                By("e^y above its tangent", x, {y: sp.Integer(1)}),
            ),
        ),
        Identity(
            "simple upper bound",
            equal(
                k / others * (sp.E - 1) * slope(w**2 / (2 * r), w),
                k / others * (sp.E - 1) * w**r * w ** (1 - r) / r,
            ),
            "With x = w^r under the integral: (e - 1) times that of w/r, which is w^2/(2r).",
        ),
    ),
    conclusion=("rate of Phi", "lower bound", "upper bound", "chord", "simple upper bound"),
    counterexamples=(
        Counterexample(
            "b(0) = 0",
            "k = 2, r = 3, b_2 - b_1 = -2 at the start, W near 1: 1 - p_11 = e^-2/(e + e^-2) < "
            "(k-1)/(k-1+e) = 1/(1 + "
            "e): slower than the upper bound allows.",
            (greater(1 / (1 + sp.E), sp.exp(-2) / (sp.E + sp.exp(-2))),),
        ),
        Counterexample(
            "equal classes",
            "Shares 9/10, 1/10: at b = 0, v = 0 the rate of Phi_1 is 9/10 times 1/2, above (k-1)/k^2 = 1/4.",
            (greater(sp.Rational(9, 20), sp.Rational(1, 4)),),
        ),
        Counterexample(
            "W < 1",
            "k = 2, r = 3, W = 11/10: T_0 = 0, and k^2/(k-1) [Phi(W) - 1/3] = 4 (10/33 - 1/3) < 0; for W = "
            "1/2 it is "
            "4 (2/3 - 1/3) > 0.",
            (greater(0, 4 * (sp.Rational(10, 33) - sp.Rational(1, 3))), greater(4 * sp.Rational(1, 3), 0)),
        ),
    ),
)
