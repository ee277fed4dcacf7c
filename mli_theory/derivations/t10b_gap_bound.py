"""T10b: a small training loss bounds every margin from below."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, k, positive, real, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone

__all__ = ["DERIVATION"]

z_l, z_i = real("z_l z_i")
rest = sp.Symbol("R", nonnegative=True)
"""R = sum of e^z over the classes but l and i."""
eps, loss_l, y, big = positive("eps l_l y E")
others = sp.IndexedBase("l", nonnegative=True)
rival = sp.exp(z_i) + rest
loss = sp.log(sp.exp(z_l) + rival) - z_l
bound = sp.log(sp.exp(k * eps) - 1)
others_count = sp.Symbol("k_1", integer=True, positive=True)

DERIVATION = Derivation(
    name="T10b",
    title="Gap identity and bound",
    statement=(
        "logsumexp over i != l of z_i, less z_l, is log(e^(l_l) - 1) (z_i = b_i + W_il^r, l_l the loss of "
        "sample l), and l_l <= k eps at training loss eps. So z_l - z_i >= -log(e^(k eps) - 1) for every i, "
        "positive for k eps < log 2."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis(
            "z_l, z_i real logits of sample l; R >= 0 the sum of e^z over the remaining classes",
            (z_l, z_i, rest),
        ),
        Hypothesis(
            "l_l > 0 its loss; balanced: eps = (1/k) sum of the k losses, all >= 0", (loss_l, eps, k, others)
        ),
    ),
    steps=(
        Identity(
            "odds",
            equal(sp.exp(loss) - 1, rival * sp.exp(-z_l)),
            "e^loss = sum e^z / e^(z_l): less 1 it is the odds against the label.",
        ),
        Identity(
            "gap identity",
            equal(sp.log(rival * sp.exp(-z_l)), sp.log(rival) - z_l),
            "The logarithm of both sides.",
        ),
        Deduction(
            "one loss",
            at_least(k * eps, loss_l),
            "One loss is at most the sum of all.",
            given={"mean loss": equal(k * eps, loss_l + total(others[i], i, others_count))},
            by=(By("mean loss"),),
            remainder=total(others[i], i, others_count),
        ),
        Monotone(
            "bound of the odds",
            at_least(bound, sp.log(sp.exp(loss_l) - 1)),
            "log(e^y - 1) is increasing.",
            given={"one loss": at_least(k * eps, loss_l)},
            of=By("one loss"),
            function=sp.log(sp.exp(y) - 1),
            variable=y,
        ),
        Monotone(
            "one rival",
            at_least(sp.log(rival), sp.log(sp.exp(z_i))),
            "One term of a sum of positive ones is at most the sum.",
            given={"R >= 0": at_least(rival, sp.exp(z_i))},
            of=By("R >= 0"),
            function=sp.log(y),
            variable=y,
        ),
        Deduction(
            "bound",
            at_least(z_l - z_i, -bound),
            "Together: the margin over every class.",
            given={
                "gap identity of sample l": equal(sp.log(rival) - z_l, sp.log(sp.exp(loss_l) - 1)),
                "R >= 0": at_least(rival, sp.exp(z_i)),
                "one loss": at_least(k * eps, loss_l),
            },
            by=(
                By("bound of the odds"),
                By("one rival"),
                By("gap identity of sample l", sp.Integer(-1)),
            ),
        ),
        Monotone(
            "positive",
            greater(0, bound),
            "For k eps < log 2 the bound -log(e^(k eps) - 1) is positive.",
            given={"small loss": greater(sp.log(2), k * eps)},
            of=By("small loss"),
            function=sp.log(sp.exp(y) - 1),
            variable=y,
        ),
    ),
    conclusion=("odds", "gap identity", "one loss", "bound", "positive"),
    counterexamples=(
        Counterexample(
            "eps = (1/k) sum of all losses (equal classes)",
            "Two samples of shares 1/100 and 99/100, losses log 3 and 0: eps = log(3)/100, k eps < log 2, "
            "but the first sample's margin is -log 2.",
            (greater(sp.log(2), 2 * sp.log(3) / 100), greater(0, -sp.log(sp.exp(sp.log(3)) - 1))),
        ),
        Counterexample(
            "k eps < log 2 (for a positive margin)",
            "k = 2, losses log 3 and 0: k eps = log 3 > log 2, margin -log 2 < 0.",
            (greater(sp.log(3), sp.log(2)), greater(0, -sp.log(2))),
        ),
    ),
)
