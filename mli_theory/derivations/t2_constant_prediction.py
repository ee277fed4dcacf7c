"""T2: while beta is small every sample is predicted as the class of largest bias."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, beta, j, n, positive, q, r, real, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction, Monotone

__all__ = ["DERIVATION"]

s_top, s_i, b_top, b_i = real("s_top s_i b_top b_i")
g, u, gap, S, x = positive("g u gap S x")
w, h, more, less = sp.symbols("w h more less", nonnegative=True)
m = sp.Symbol("m", integer=True, positive=True)
earliest, room, crossing = (sp.Function(name, real=True) for name in ("beta_2", "M", "x"))
beta_m, x_next = real("beta_m x_next")
y = sp.IndexedBase("y", integer=True, positive=True)
top = sp.Symbol("i_top", integer=True, positive=True)
n_top = sp.Symbol("n_top", integer=True, nonnegative=True)
root = 1 / (r - 1)
e = positive("e")[0]
lo_rest, ratio_top = real("lo_rest ratio_top")

BIAS, SIGNALS = (-3, -2, -1), ((4, 1, -9), (-1, 2, -4), (-5, 8, 8))


def _logit(sample: int, cls: int, at: sp.Rational) -> sp.Rational:
    return at * SIGNALS[sample][cls] + BIAS[cls]


TENTH, SIXTH = sp.Rational(1, 10), sp.Rational(1, 6)

DERIVATION = Derivation(
    name="T2",
    title="End of constant prediction",
    statement=(
        "i* = argmax b unique: every sample is predicted as i* for beta below beta_2 = min over samples and "
        "s_i > s_{i*} of (b_{i*} - b_i)/(s_i - s_{i*}), alpha_2 = beta_2^(1/(r-1)) >= (gap/S)^(1/(r-1)); "
        "there E = 1 - n_{i*}/n. For a fixed ratio alpha_2 = 1 - log(1/beta)/(r-1) + O(1/r^2). If all "
        "samples are correct at the end the error plateau ends at the smallest lo over y != i*, never "
        "before alpha_2."
    ),
    claimed="proved",
    assembled="by words; for k = 2, 3, 4 also by machine (one closed sentence, an SMT solver, in the tests)",
    hypotheses=(
        Hypothesis(
            "z(alpha) = alpha^r s + alpha b with integer r = 1 + q >= 2, alpha > 0",
            (alpha, q, s_top, s_i, b_top, b_i),
        ),
        Hypothesis(
            "the largest bias is unique: g = b_{i*} - b_i = gap + h, gap > 0, h >= 0; u = s_i - s_{i*} <= "
            "S, S = u + w",
            (g, gap, h, u, w),
        ),
        Hypothesis("labels y_j; n_{i*} of the n samples have label i*", (y, n, n_top)),
    ),
    steps=(
        Identity(
            "margin of i*",
            equal(
                alpha**r * (s_top - s_i) + alpha * (b_top - b_i),
                alpha * ((b_top - b_i) - alpha ** (r - 1) * (s_i - s_top)),
            ),
            "i* beats class i iff g - beta (s_i - s_{i*}) > 0, beta = alpha^(r-1).",
        ),
        Deduction(
            "s_i <= s_{i*}",
            greater(g, beta * -w),
            "Where s_i - s_{i*} = -w <= 0 class i never overtakes.",
            remainder=g + beta * w,
        ),
        Deduction(
            "before the crossing",
            greater(g, beta * u),
            "Where s_i - s_{i*} = u > 0, i* is ahead below g/u ...",
            given={"below": greater(g / u, beta)},
            by=(By("below", u),),
        ),
        Deduction(
            "after the crossing",
            at_least(beta * u, g),
            "... and not from g/u on: the end is exact.",
            given={"from": at_least(beta, g / u)},
            by=(By("from", u),),
        ),
        Induction(
            "all samples and classes",
            equal(room(m), earliest(m) - beta),
            "For any number m of crossings x: the least of x - beta is beta_2(m) - beta, beta_2(m) the "
            "smallest crossing; so i* is ahead everywhere iff beta < beta_2.",
            variable=m,
            first={room(1): crossing(1) - beta, earliest(1): crossing(1)},
            following={
                room(m + 1): sp.Min(room(m), crossing(m + 1) - beta),
                earliest(m + 1): sp.Min(earliest(m), crossing(m + 1)),
            },
            values_at_m={earliest(m): beta_m, crossing(m + 1): x_next},
            split=((beta_m, x_next),),
        ),
        Deduction(
            "error on the plateau",
            equal(total(1 - sp.KroneckerDelta(y[j], top), j, n) / n, 1 - n_top / n),
            "Prediction i* for all: the error counts the labels that are not i*, E = 1 - n_{i*}/n.",
            given={"count": equal(total(sp.KroneckerDelta(y[j], top), j, n), n_top)},
            by=(By("count", -1 / n),),
        ),
        Deduction(
            "bound of each crossing",
            at_least((gap + h) / u, gap / (u + w)),
            "g = gap + h and S = u + w: every crossing g/u is at least gap/S.",
            remainder=(gap * w + h * u + h * w) / (u * (u + w)),
        ),
        Monotone(
            "bound of alpha_2",
            at_least(((gap + h) / u) ** root, (gap / (u + w)) ** root),
            "The root is increasing, so alpha_2 >= (gap/S)^(1/(r-1)).",
            of=By("bound of each crossing"),
            function=x**root,
            variable=x,
        ),
        Identity(
            "deep networks: first order",
            equal(sp.Limit((beta**alpha - 1) / alpha, alpha, 0), -sp.log(1 / beta)),
            "With 1/(r-1) in the place of alpha: beta^(1/(r-1)) = 1 - log(1/beta)/(r-1) + ...",
        ),
        Identity(
            "deep networks: remainder",
            equal(
                sp.Limit((beta**alpha - 1 + alpha * sp.log(1 / beta)) / alpha**2, alpha, 0),
                sp.log(1 / beta) ** 2 / 2,
            ),
            "... and the remainder times (r-1)^2 has a limit: it is O(1/r^2), and alpha_2 -> 1.",
        ),
        Deduction(
            "error plateau: label i*",
            greater(beta * (e - h), -h),
            "All correct at the end. A sample of label i* has b_i - b_y = -h <= 0 and, correct at the end, "
            "s_y - s_i = e - h: it is correct on all of (0, 1] (T1).",
            given={"beta <= 1": at_least(1, beta)},
            by=(By("beta <= 1", h),),
            remainder=beta * e,
        ),
        Deduction(
            "error plateau: other labels",
            at_least(beta * (-u), -g),
            "A sample of label y != i* is wrong as long as i* is ahead of y: its margin over i* is -(g - "
            "beta u) <= 0 up to its own g/u, so its lo is at least that crossing ...",
            given={"from": at_least(g / u, beta)},
            by=(By("from", u),),
        ),
        Deduction(
            "error plateau: never shorter",
            at_least(sp.Max(lo_rest, ratio_top), ratio_top),
            "... lo is the largest of its bounds (T1), the crossing of i* among them: lo >= that crossing "
            ">= beta_2.",
            split=((lo_rest, ratio_top),),
            remainder=sp.Max(lo_rest, ratio_top) - ratio_top,
        ),
        Identity(
            "example: prediction",
            equal(
                sp.Min(
                    *(
                        sp.Rational(BIAS[2] - BIAS[c], sample[c] - sample[2])
                        for sample in SIGNALS
                        for c in (0, 1)
                        if sample[c] > sample[2]
                    ),
                    evaluate=False,
                ),
                TENTH,
            ),
            "k = 3, b = (-3,-2,-1), s = (4,1,-9), (-1,2,-4), (-5,8,8): the prediction changes at beta 1/10 "
            "...",
        ),
        Identity(
            "example: error",
            equal(
                sp.Min(
                    *(
                        sp.Max(
                            *(
                                sp.Rational(BIAS[c] - BIAS[label], SIGNALS[label][label] - SIGNALS[label][c])
                                for c in range(3)
                                if BIAS[c] > BIAS[label]
                            ),
                            evaluate=False,
                        )
                        for label in (0, 1)
                    ),
                    evaluate=False,
                ),
                SIXTH,
            ),
            "... and the error at 1/6: the first class to overtake is a wrong one.",
        ),
    ),
    conclusion=(
        "margin of i*",
        "s_i <= s_{i*}",
        "before the crossing",
        "after the crossing",
        "all samples and classes",
        "error on the plateau",
        "bound of alpha_2",
        "deep networks: first order",
        "deep networks: remainder",
        "error plateau: label i*",
        "error plateau: other labels",
        "error plateau: never shorter",
    ),
    counterexamples=(
        Counterexample(
            "the largest bias is unique",
            "b = (0, 0), s = (1, 0), (0, 1): class 0 is predicted for the first sample, class 1 for the "
            "second, however small beta is (the margins are beta).",
            (greater(beta * 1 + 0, beta * 0 + 0), greater(beta * 1 + 0, beta * 0 + 0)),
        ),
        Counterexample(
            "zero initial weights",
            "Signal (1 - alpha) s0 with s0 = 1 for class 0 and b = (0, 1): at alpha = 1/10 class 0 is "
            "predicted (9/10 > 1/10), although T2, from s(1) = 0, says i* = 1 throughout.",
            (greater(sp.Rational(9, 10), TENTH),),
        ),
        Counterexample(
            "all correct at the end (for the exact end of the error plateau)",
            "Two classes, b = (1, 0), one sample of label 0 with s = (0, 4): it becomes wrong at beta = "
            "1/4, where the error rises, although there is no sample of another label.",
            (equal(sp.Rational(1, 4) * 4, 1), greater(sp.Rational(1, 2) * 4, 1)),
        ),
    ),
)
