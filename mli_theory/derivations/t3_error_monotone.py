"""T3: on the homogeneous path the error can rise by at most the error at the end."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import j, n, positive, real, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity

__all__ = ["DERIVATION"]

d, c = real("d c")
beta, step = positive("beta step")
rest = sp.Symbol("rest", nonnegative=True)
later = beta + step
wrong, wrong_later, wrong_end, slack = (
    sp.IndexedBase(name, nonnegative=True) for name in ("w", "w_later", "w_end", "slack")
)
w, w_later, w_end = sp.symbols("w w_later w_end", nonnegative=True)
end = beta + step + rest
later_rest = sp.Symbol("later_rest", positive=True)
end_later = beta + step + later_rest

DERIVATION = Derivation(
    name="T3",
    title="Error-MLI is automatic",
    statement=(
        "For alpha < alpha' in (0, 1]: E(alpha') - E(alpha) <= E(1). With E(1) = 0 the error is "
        "non-increasing, whatever the data, the loss or the optimiser."
    ),
    claimed="proved",
    assembled="by words; for k = 2, 3, 4 also by machine (one closed sentence, an SMT solver, in the tests)",
    hypotheses=(
        Hypothesis(
            "z(alpha) = alpha^r s + alpha b, r >= 2: by T1 a margin has the sign of beta d - c, and beta = "
            "alpha^(r-1) grows with alpha",
            (d, c),
        ),
        Hypothesis(
            "beta < beta' = beta + step <= 1 (= beta + step + rest where it is below)", (beta, step, rest)
        ),
        Hypothesis(
            "w_j, w_later_j, w_end_j in {0, 1}: sample j is wrong at alpha, alpha', 1", (wrong, wrong_later)
        ),
    ),
    steps=(
        Deduction(
            "correct stays correct",
            greater((beta + step) * d, c),
            "A margin positive at beta and at the end (1 = beta + step + rest) is positive in between: a "
            "straight line's value is a mean of the two, with the weights rest/(step + rest) and step/(step "
            "+ rest).",
            given={"at beta": greater(beta * d, c), "at the end": greater(end * d, c)},
            by=(By("at beta", rest / (step + rest)), By("at the end", step / (step + rest))),
        ),
        Deduction(
            "wrong later only if wrong",
            at_least(c, beta * d),
            "So where a rival ties or wins at beta' and loses at the end (rest > 0: beta' is not the end), "
            "it ties or "
            "wins at beta too: a sample that is correct at the end is wrong at beta' only if it is wrong at "
            "beta.",
            given={"wrong at beta'": at_least(c, (beta + step) * d), "at the end": greater(end_later * d, c)},
            by=(By("wrong at beta'", 1 + step / later_rest), By("at the end", step / later_rest)),
        ),
        Deduction(
            "sample correct at the end",
            at_least(w + w_end, w_later),
            "So a sample with w_end = 0 is wrong at alpha' only if wrong at alpha: w + w_end >= w_later.",
            given={"in numbers": at_least(w, w_later)},
            by=(By("in numbers"),),
            remainder=w_end,
        ),
        Deduction(
            "sample wrong at the end",
            at_least(w + 1, w_later),
            "For a sample with w_end = 1: w + w_end >= 1 >= w_later.",
            given={"an indicator": at_least(1, w_later)},
            by=(By("an indicator"),),
            remainder=w,
        ),
        Identity(
            "sum over samples",
            equal(
                total(wrong[j] + wrong_end[j], j, n) / n - total(slack[j], j, n) / n,
                total(wrong[j] + wrong_end[j] - slack[j], j, n) / n,
            ),
            "With slack_j = w_j + w_end_j - w_later_j >= 0 for every sample, the right side is E(alpha') ...",
        ),
        Deduction(
            "error",
            at_least(
                total(wrong[j], j, n) / n + total(wrong_end[j], j, n) / n,
                total(wrong[j] + wrong_end[j] - slack[j], j, n) / n,
            ),
            "... and E(alpha) + E(1) >= E(alpha').",
            remainder=total(slack[j], j, n) / n,
        ),
    ),
    conclusion=("correct stays correct", "sample correct at the end", "sample wrong at the end", "error"),
    counterexamples=(
        Counterexample(
            "zero initial weights",
            "Two weights from 1 to -1, degree 2, c = 1/8: margin (1 - 2 alpha)^2 - alpha/8 is positive at "
            "1/10 and at 1, negative at 1/2: the error rises although E(1) = 0.",
            tuple(
                greater(sign * ((1 - 2 * at) ** 2 - at / 8), 0)
                for at, sign in ((sp.Integer(1), 1), (sp.Rational(1, 10), 1), (sp.Rational(1, 2), -1))
            ),
        ),
        Counterexample(
            "correct at the end (E(1) = 0)",
            "d = -1, c = -1/2: correct at beta = 1/4, wrong at 1: the error rises by 1 = E(1), so the bound "
            "is tight.",
            (greater(-sp.Rational(1, 4), -sp.Rational(1, 2)), greater(-sp.Rational(1, 2), -1)),
        ),
        Counterexample(
            "alpha > 0 (a tie is an error)",
            "Where ties counted as correct, d = 1, c = 1/2: all tie at alpha = 0 (correct), wrong at beta = "
            "1/4 (margin -1/4), correct at 1.",
            (greater(sp.Rational(1, 2), 0), greater(0, sp.Rational(1, 4) - sp.Rational(1, 2))),
        ),
    ),
)
