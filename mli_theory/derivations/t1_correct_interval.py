"""T1: on the homogeneous path a sample is correct exactly on an open interval of beta."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, beta, positive, put, q, r, real
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction, Monotone

__all__ = ["DERIVATION"]

s_y, s_i, b_y, b_i = real("s_y s_i b_y b_i")
c, d = real("c d")
rate, excess, gap = positive("rate e g")
loss = sp.Symbol("h", nonnegative=True)
m = sp.Symbol("m", integer=True, positive=True)
bound, least, bound_list, smallest, ceiling, room = (
    sp.Function(name, real=True) for name in ("lo", "M", "x", "hi", "N", "u")
)
lo_m, x_next, hi_m, u_next = real("lo_m x_next hi_m u_next")
ratio, larger = positive("rho x")

LOGIT_MARGIN = alpha**r * (s_y - s_i) + alpha * (b_y - b_i)

DERIVATION = Derivation(
    name="T1",
    title="Correct interval",
    statement=(
        "With d_i = s_y - s_i, c_i = b_i - b_y over i != y, lo = max(0, max of c_i/d_i over d_i > 0), hi = "
        "min of c_i/d_i over d_i < 0 (infinity if none): the sample is correct exactly for lo < beta < hi, "
        "nowhere if some d_i = 0 has c_i >= 0. Correct at the end implies hi > 1, and lo = max of c_i/d_i "
        "over b_i > b_y, in [0, 1)."
    ),
    claimed="proved",
    assembled="by words; for k = 2, 3, 4 also by machine (one closed sentence, an SMT solver, in the tests)",
    hypotheses=(
        Hypothesis(
            "z(alpha) = alpha^r s + alpha b with integer r = 1 + q >= 2, alpha > 0",
            (alpha, q, s_y, s_i, b_y, b_i),
        ),
        Hypothesis(
            "a tie is an error: correct means every margin z_y - z_i = alpha (beta d - c), i != y, is > 0; "
            "d is rho > 0, -rate < 0 or 0",
            (c, beta, ratio, rate),
        ),
        Hypothesis("for the second half: correct at the end, d_i = c_i + e_i with e_i > 0", (excess,)),
    ),
    steps=(
        Identity(
            "margin",
            equal(LOGIT_MARGIN, alpha * (alpha ** (r - 1) * (s_y - s_i) - (b_i - b_y))),
            "A margin is alpha times the straight line beta d - c in beta = alpha^(r-1); alpha > 0 keeps "
            "its sign.",
        ),
        Deduction(
            "d > 0, only if",
            greater(beta, c / ratio),
            "Here and in the next step d = rho > 0: the margin is positive only above c/d ...",
            given={"margin > 0": greater(beta * ratio, c)},
            by=(By("margin > 0", 1 / ratio),),
        ),
        Deduction(
            "d > 0, if",
            greater(beta * ratio, c),
            "... and everywhere above it.",
            given={"above": greater(beta, c / ratio)},
            by=(By("above", ratio),),
        ),
        Deduction(
            "d < 0, only if",
            greater(c / -rate, beta),
            "d = -rate < 0: the margin is positive only below c/d ...",
            given={"margin > 0": greater(-beta * rate, c)},
            by=(By("margin > 0", 1 / rate),),
        ),
        Deduction(
            "d < 0, if",
            greater(-beta * rate, c),
            "... and everywhere below it.",
            given={"below": greater(c / -rate, beta)},
            by=(By("below", rate),),
        ),
        Identity(
            "d = 0",
            equal(put(beta * d - c, {d: sp.Integer(0)}), -c),
            "d = 0: the margin is -c at every beta, so one such class with c >= 0 leaves no beta at all.",
        ),
        Induction(
            "all lower bounds",
            equal(least(m), beta - bound(m)),
            "For any number m of bounds x: the least of beta - x(1), ..., beta - x(m), called M(m), is beta "
            "- lo(m), lo(m) the largest x. So beta exceeds them all iff it exceeds the largest (x(1) = 0 "
            "adds beta > 0).",
            variable=m,
            first={least(1): beta - bound_list(1), bound(1): bound_list(1)},
            following={
                least(m + 1): sp.Min(least(m), beta - bound_list(m + 1)),
                bound(m + 1): sp.Max(bound(m), bound_list(m + 1)),
            },
            values_at_m={bound(m): lo_m, bound_list(m + 1): x_next},
            split=((lo_m, x_next),),
        ),
        Induction(
            "all upper bounds",
            equal(room(m), ceiling(m) - beta),
            "For any number m of upper bounds x: the least of x(1) - beta, ..., x(m) - beta, called u(m), is "
            "hi(m) - beta, hi(m) the smallest x.",
            variable=m,
            first={room(1): bound_list(1) - beta, ceiling(1): bound_list(1)},
            following={
                room(m + 1): sp.Min(room(m), bound_list(m + 1) - beta),
                ceiling(m + 1): sp.Min(ceiling(m), bound_list(m + 1)),
            },
            values_at_m={ceiling(m): hi_m, bound_list(m + 1): u_next},
            split=((hi_m, u_next),),
        ),
        Deduction(
            "end: hi > 1",
            greater((-rate - excess) / -rate, 1),
            "Correct at the end, d = -rate < 0: c = d - e, so every upper bound c/d is above 1.",
            remainder=excess / rate,
        ),
        Identity(
            "end: d = 0",
            equal(put(d - excess, {d: sp.Integer(0)}), -excess),
            "Correct at the end, d = 0: c = -e < 0, so such a class is always beaten.",
        ),
        Deduction(
            "end: b_i > b_y, below 1",
            greater(1, gap / (gap + excess)),
            "Correct at the end, c = g > 0: d = g + e > 0, and the lower bound c/d is below 1 ...",
            remainder=excess / (gap + excess),
        ),
        Deduction(
            "end: b_i > b_y, above 0",
            greater(1 + gap / (gap + excess), 1),
            "... and above 0.",
            remainder=gap / (gap + excess),
        ),
        Deduction(
            "end: b_i <= b_y",
            greater(beta * (excess - loss), -loss),
            "Correct at the end, c = -h <= 0: d = e - h and the margin is > 0 on all of (0, 1], so these "
            "classes set no lower bound: lo = 0 if there are no others.",
            given={"beta <= 1": at_least(1, beta)},
            by=(By("beta <= 1", loss),),
            remainder=beta * excess,
        ),
        Monotone(
            "alpha from beta",
            greater(beta ** (1 / (r - 1)), ratio ** (1 / (r - 1))),
            "alpha = beta^(1/(r-1)) is increasing, so the interval in beta is one in alpha.",
            given={"above": greater(beta, ratio)},
            of=By("above"),
            function=larger ** (1 / (r - 1)),
            variable=larger,
        ),
    ),
    conclusion=(
        "margin",
        "d > 0, if",
        "d > 0, only if",
        "d < 0, if",
        "d < 0, only if",
        "d = 0",
        "all lower bounds",
        "all upper bounds",
        "end: hi > 1",
        "end: b_i > b_y, below 1",
        "end: b_i <= b_y",
    ),
    counterexamples=(
        Counterexample(
            "r >= 2",
            "r = 1, d = 2, c = 1: the bound c/d = 1/2, but the margin alpha (d - c) is positive at alpha = "
            "1/4 too.",
            (greater(1 / sp.Integer(2), 1 / sp.Integer(4)), greater(sp.Rational(1, 4) * (2 - 1), 0)),
        ),
        Counterexample(
            "one degree r for the whole signal",
            "A signal with terms alpha^r and alpha^(2r-1): margin/alpha = (beta - 1/4)(beta - 3/4) is > 0, < "
            "0, > 0 at beta = 1/8, 1/2, 1: no interval.",
            tuple(
                greater(sign * (at - sp.Rational(1, 4)) * (at - sp.Rational(3, 4)), 0)
                for at, sign in ((sp.Rational(1, 8), 1), (sp.Rational(1, 2), -1), (sp.Integer(1), 1))
            ),
        ),
        Counterexample(
            "zero initial weights",
            "Two weights from 1 to -1, degree 2, c = 1/8: the margin (1 - 2 alpha)^2 - alpha/8 is > 0, < 0, "
            "> 0 at alpha = 1/10, 1/2, 1: no interval.",
            tuple(
                greater(sign * ((1 - 2 * at) ** 2 - at / 8), 0)
                for at, sign in ((sp.Rational(1, 10), 1), (sp.Rational(1, 2), -1), (sp.Integer(1), 1))
            ),
        ),
        Counterexample(
            "correct at the end",
            "d = -1, c = -1/2: correct at beta = 1/4 and wrong at the end, with hi = 1/2.",
            (greater(-sp.Rational(1, 4), -sp.Rational(1, 2)), greater(-sp.Rational(1, 2), -1)),
        ),
    ),
)
