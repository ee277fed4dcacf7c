"""T11b: the plateau law for two classes with its errors, and law (b) for equal-but-one classes."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import Comparison, FirstCrossing
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, q, slope
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone

__all__ = ["DERIVATION"]

p = sp.Symbol("p", integer=True, positive=True)
r = p + 2
c, Y, G, V_2, E, v, w, place, c_1, c_2, y_star, d_phi, kappa = positive(
    "c y e_g e_v2 E v w x c_1 c_2 y_star dPhi kappa"
)
"""y = e^(2g - v), e_g = e^g, e_v2 = e^(v_2)."""
h, d, below, spare, lift, fall, grown, e_0, used, Phi_1, last = sp.symbols(
    "h d Y_rest s lift fall H_rest e_0 used Phi_1 v_2", nonnegative=True
)
t = sp.Symbol("t", nonnegative=True)
"""Time; v - v_0 where a function of v is meant."""
v_one, v_two, gap = (sp.Function(name, nonnegative=True) for name in ("v_1", "v_2", "g"))
barrier, y_of_v, floor = (sp.Function(name, real=True) for name in ("Y_1", "y", "y_star"))
H = 1 + grown
"""H = e^eta >= e^(v_2)."""
m = 2 - 2 / r
shift, power, square = positive("a m_power r_square")
"""a = 4m/3, m and r^2 where the explicit bound is differentiated."""
E_1, E_2 = Y / (Y + G), 1 / (1 + V_2 * G)
X = G * (1 - V_2 * Y) / (1 + V_2 * G)
D_1, D_2 = G**2 / Y + d + G, d + 1 + V_2 * G
"""Of k = d + 2 classes, all but the last equal: the denominators of the two kinds of sample."""
loss_1, more, eps = sp.symbols("l_1 l_more eps", positive=True)

DERIVATION = Derivation(
    name="T11b",
    title="Plateau of two classes, with its errors",
    statement=(
        "Off-diagonals 0, b(0) = 0, two equal classes, W_11(0) > W_22(0) >= 0, r >= 3; v = W_11^r, g = b_2 "
        "- b_1, y "
        "= e^(2g - v), c = r^2 v^m, m = 2 - 2/r. g < (v - v_2)/2, so alpha_2 < 2^(-1/(r-1)); y <= Y_1, Y_1' "
        "= -Y_1 + "
        "(4/c)(1 - Y_1), and for v >= 20/3 y <= (4/(c+4)) v/(v - 4m/3) + e^(-(v - 20/3)); while g <= 2 (1 - "
        "kappa) "
        "dPhi: v_2 <= eta = (r(r-2) kappa dPhi)^(-r/(r-2)) and y >= e^(-v0) 4/((1 + e^eta) c + 4 e^eta); at "
        "loss eps "
        "-log(e^(2 eps) - 1) <= g + v_2 <= -log(e^eps - 1). For k classes equal but the last 4 becomes 2k "
        "in Y_1."
    ),
    claimed="proved",
    scope="(i) to (iii), (v) and the upper bound of law (b); the restart (iv) is (iii) from w on",
    hypotheses=(
        Hypothesis("degree r = 2 + p >= 3; c = r^2 v^m > 0, y, e^g, e^(v_2) > 0", (p, c, Y, G, V_2)),
        Hypothesis("k = d + 2 classes, all but the last equal (d = 0: two classes)", (d,)),
    ),
    steps=(
        Identity(
            "orbit",
            equal(
                Y * (4 * (E_2 - E_1) / (c * E_1) - 1),
                -Y + 4 / c * X,
            ),
            "v' = c E_1/2, g' = E_2 - E_1, E_1 = 1 - p_11 = 1/(1 + e^(v - g)), E_2 = 1/(1 + e^(v_2 + g)), "
            "e^(v - g) = "
            "e^g/y: divided, dy/dv = -y + (4/c) e^g (1 - e^(v_2) y)/(1 + e^(g + v_2)).",
        ),
        Identity(
            "orbit, k classes",
            equal(
                Y * (2 * (d + 2) / c * (1 / D_2 - G / D_1) * D_1 / (d + G) - 1),
                -Y + 2 * (d + 2) / c * (G**2 * (1 - V_2 * Y) - d * (G - 1) * Y) / ((d + G) * D_2),
            ),
            "With k - 1 equal classes: k v' = c (k-2+e^g)/D_1, g' = 1/D_2 - e^g/D_1.",
        ),
        Monotone(
            "c is ordered as v is",
            greater(r**2 * v**m, r**2 * w**m),
            "c(v) = r^2 v^m rises.",
            given={"v > w": greater(v, w)},
            of=By("v > w"),
            function=r**2 * place**m,
            variable=place,
        ),
        Deduction(
            "rates where N = 0",
            greater(c_1 * E / 2, c_2 * E / 2 + 2 * (E - E)),
            "N = v_1 - v_2 - 2g. At a first N = 0 before which g rose, v_1 > v_2, and E_1 = E_2 = E: v_1' - "
            "v_2' = "
            "(E/2)(c_1 - c_2) > 0 = 2 g'.",
            given={"c ordered": greater(c_1, c_2)},
            by=(By("c ordered", E / 2),),
        ),
        FirstCrossing(
            "(i)",
            greater(v_one(t), v_two(t) + 2 * gap(t)),
            "So N > 0 at all times: v_1 > v_2 + 2g, and E_2 > E_1, so that g rises.",
            given={"at the start": greater(v_one(0), v_two(0) + 2 * gap(0)), "c ordered": greater(c_1, c_2)},
            variable=t,
            start=By("at the start"),
            inward=By("rates where N = 0"),
            rates={v_one(t): c_1 * E / 2, v_two(t): c_2 * E / 2, gap(t): E - E},
        ),
        Deduction(
            "beta < 1/2",
            greater(sp.Rational(1, 2), place / v),
            "beta = g/v < 1/2 ...",
            given={"(i)": greater(v, last + 2 * place)},
            by=(By("(i)", 1 / (2 * v)),),
            remainder=last / (2 * v),
        ),
        Monotone(
            "alpha_2",
            greater(sp.Rational(1, 2) ** (1 / q), w ** (1 / q)),
            "... and alpha_2 = beta^(1/(r-1)) < 2^(-1/(r-1)) (q = r - 1).",
            given={"beta < 1/2": greater(sp.Rational(1, 2), w)},
            of=By("beta < 1/2"),
            function=place ** (1 / q),
            variable=place,
        ),
        Deduction(
            "(ii), the push",
            at_least(1 - Y + G, X + G),
            "e^g (1 - e^(v_2) y)/(1 + e^(g + v_2)) <= 1 - y, as e^(v_2) = 1 + h >= 1 and y <= 1 (Y_rest = 1 "
            "- y) ...",
            where={below: 1 - Y, h: V_2 - 1},
            remainder=(below + G * h) / (1 + V_2 * G),
        ),
        Deduction(
            "(ii), the push, k classes",
            at_least((1 - Y) * (d + G) * (d + 1 + V_2 * G) + G, G**2 * (1 - V_2 * Y) - d * (G - 1) * Y + G),
            "... and likewise for k classes (e^g = 1 + e_0).",
            where={below: 1 - Y, h: V_2 - 1, e_0: G - 1},
            remainder=below * (d * (d + 1) + d * G * (1 + h) + G * (d + 1) + G**2 * h)
            + G**2 * h * Y
            + d * e_0 * Y,
        ),
        Comparison(
            "(ii)",
            at_least(barrier(t), y_of_v(t)),
            "So y, whose push is 1 - y - s, s >= 0, stays below Y_1 (4/c; 2k/c for k classes).",
            given={"at the start": at_least(barrier(0), y_of_v(0))},
            variable=t,
            rates={
                barrier(t): -barrier(t) + 4 / c * (1 - barrier(t)),
                y_of_v(t): -y_of_v(t) + 4 / c * (1 - y_of_v(t) - spare),
            },
            decay=1 + 4 / c,
            forcing=4 / c * spare,
            start=By("at the start"),
        ),
        Identity(
            "slope of the explicit bound",
            equal(
                slope(sp.log(4 * (shift + w) / ((square * (shift + w) ** power + 4) * w)), w) * (shift + w),
                -power * square * (shift + w) ** power / (square * (shift + w) ** power + 4) - shift / w,
            ),
            "U = (4/(c+4)) v/(v - a), a = 4m/3, v = a + w: v U'/U = -m c/(c+4) - a/(v-a) ...",
        ),
        Deduction(
            "explicit bound",
            greater((1 + 4 / c) * 4 * v / 3, v * c / (c + 4) + 4 * v / 3 / (4 + h)),
            "... is above -(1 + 4/c) a, what the right side of (ii) gives for U, where v - a = 4 + h >= 4 "
            "(m is written "
            "v here): U, with e^(-(v - 20/3)) added, is a bound from v = 20/3 on.",
            remainder=16 * v / (3 * c) + 4 * v / (c + 4) + v * h / (3 * (4 + h)),
        ),
        Deduction(
            "Phi_2 from below",
            at_least(d_phi + Phi_1 - place / 2, kappa * d_phi),
            "(iii): T11' says Phi_2(t) = dPhi + Phi_1(t) - g/2, at least kappa dPhi while g <= 2 (1 - "
            "kappa) dPhi ...",
            given={"g is small": at_least(2 * (1 - kappa) * d_phi, place)},
            by=(By("g is small", sp.Rational(1, 2)),),
            remainder=Phi_1,
        ),
        Identity(
            "v_2 from Phi_2",
            equal((r * p * (w ** (-p) / (r * p))) ** (-r / p), w**r),
            "... so v_2 = (r(r-2) Phi_2)^(-r/(r-2)) <= eta.",
        ),
        Deduction(
            "(iii), the push",
            at_least(G * below / (1 + V_2 * G) + G, below / (1 + H) + G),
            "With e^(v_2) = H - h <= H = e^eta and e^g = 1 + e_0 the push is at least (1 - e^(v_2) y)/(1 + "
            "H) (Y_rest "
            "is 1 - e^(v_2) y here) ...",
            where={h: H - V_2, e_0: G - 1},
            remainder=below * (e_0 + G * h) / ((1 + V_2 * G) * (1 + H)),
        ),
        Deduction(
            "(iii), the push, less",
            at_least(1 + H * Y - V_2 * Y, 1),
            "... and 1 - e^(v_2) y >= 1 - H y.",
            where={h: H - V_2},
            remainder=h * Y,
        ),
        Comparison(
            "(iii)",
            at_least((1 + e_0) * y_of_v(t), floor(t)),
            "y* = 4/((1 + H) c + 4 H) makes the push stationary and falls with v: e^(v_0) y stays above it "
            "(e^(v_0) = 1 + "
            "e_0, and y(v_0) = e^(-v_0), y* <= 1).",
            given={
                "at the start": at_least((1 + e_0) * y_of_v(0), floor(0)),
                "stationary": equal(floor(t), 4 / (c * (1 + H)) * (1 - H * floor(t))),
            },
            variable=t,
            rates={
                y_of_v(t): -y_of_v(t) + 4 / (c * (1 + H)) * (1 - H * y_of_v(t)) + lift,
                floor(t): -fall,
            },
            decay=1 + 4 * H / (c * (1 + H)),
            forcing=4 * e_0 / (c * (1 + H)) + (1 + e_0) * lift + fall,
            start=By("at the start"),
            equations=(By("stationary", sp.Integer(-1)),),
        ),
        Identity(
            "stationary",
            equal(4 / (c * (1 + H)) * (1 - H * 4 / ((1 + H) * c + 4 * H)), 4 / ((1 + H) * c + 4 * H)),
            "That is what y* is.",
        ),
        Deduction(
            "(v), the last loss",
            at_least(loss_1 + more, eps),
            "(v): l_2 = l_1 + l_more, and eps is the mean: eps <= l_2 ...",
            given={"mean": equal(2 * eps, loss_1 + loss_1 + more)},
            by=(By("mean", sp.Rational(-1, 2)),),
            remainder=more / 2,
        ),
        Deduction(
            "(v), from above",
            greater(2 * eps, loss_1 + more),
            "... < 2 eps; g + v_2 = -log(e^(l_2) - 1) (T10b).",
            given={"mean": equal(2 * eps, loss_1 + loss_1 + more)},
            by=(By("mean"),),
            remainder=loss_1,
        ),
        Monotone(
            "(v), the gap",
            greater(sp.log(sp.exp(2 * eps) - 1), sp.log(sp.exp(loss_1) - 1)),
            "log(e^x - 1) rises (here l_1 is the last loss).",
            given={"from above": greater(2 * eps, loss_1)},
            of=By("from above"),
            function=sp.log(sp.exp(place) - 1),
            variable=place,
        ),
    ),
    conclusion=(
        "orbit",
        "orbit, k classes",
        "(i)",
        "alpha_2",
        "(ii)",
        "explicit bound",
        "v_2 from Phi_2",
        "(iii)",
        "(v), the gap",
    ),
    counterexamples=(
        Counterexample(
            "W_11(0) > W_22(0) (for g < (v - v_2)/2)",
            "Equal weights: v_1 = v_2 and g = 0 at all times, N = 0.",
            (equal(sp.Integer(2) - 2 - 2 * 0 + 1, 1),),
        ),
        Counterexample(
            "b(0) = 0",
            "g(0) = 1, v_1(0) = 1/2, v_2(0) = 0: N(0) = 1/2 - 2 < 0, beta = 2.",
            (greater(0, sp.Rational(1, 2) - 2),),
        ),
        Counterexample(
            "g <= 2 (1 - kappa) dPhi",
            "r = 3, Phi_2 = dPhi + Phi_1 - g/2 at dPhi = 1, g = 2: Phi_2 = Phi_1, v_2 = v_1: no bound of "
            "v_2 is left.",
            (equal(1 + Phi_1 - sp.Integer(2) / 2 + 1, Phi_1 + 1),),
        ),
    ),
)
