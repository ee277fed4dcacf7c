"""T4: for balanced classes and unequal biases the loss rises first; the height and place of the bump."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, i, j, k, n, positive, put, real, slope, total
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity

__all__ = ["DERIVATION"]

a, u, K, C, shift = real("a u K C delta")
"""a is alpha where it passes through 0, u stands for alpha^r."""
b, s, share = (sp.IndexedBase(name, real=True) for name in ("b", "s", "pi"))
excess = sp.IndexedBase("e", positive=True)
t = sp.IndexedBase("t", positive=True)
y = sp.IndexedBase("y", integer=True, positive=True)
others = sp.Symbol("k_1", integer=True, positive=True)
other = sp.IndexedBase("other", integer=True, positive=True)
"""k_1 = k - 1 other classes than the label."""
s_y, b_y = real("s_y b_y")
p, top, M, V = positive("p a_b M V")
"""p = r - 2 > 0 and a_b = alpha_b > 0: V = r M a_b^p parametrises every V, M > 0."""

mean_b = total(b[i]) / k
mean_s = total(s[i]) / k
bias_loss = sp.log(total(sp.exp(a * b[i])) / k) + sp.log(k) - a * total(share[i] * b[i])
sample_loss = sp.log(total(sp.exp(a * b[i] + u * s[i]))) - a * b_y - u * s_y
bump = V * alpha**2 / 2 - alpha ** (p + 2) * M
V_TOP = (p + 2) * M * top**p
SHIFT = (K / (2 * V) + (p + 3) * C / ((p + 2) * M)) / p
OTHERS = equal(total(b[other[i]], i, others), total(b[i], i, others + 1) - b_y)


def _coefficient(order_u: int, order_alpha: int) -> sp.Expr:
    """Of u^order_u alpha^order_alpha in the sample's loss, u = alpha^r."""
    orders = [(symbol, times) for symbol, times in ((u, order_u), (a, order_alpha)) if times]
    return put(sp.Derivative(sample_loss, *orders), {a: sp.Integer(0), u: sp.Integer(0)})


def _second_order(degree: int) -> Identity:
    return Identity(
        f"r = {degree}",
        equal(
            put(slope(sample_loss.subs(u, a**degree), a, 2), {a: sp.Integer(0)}),
            total((b[i] - mean_b) ** 2) / k,
        ),
        f"r = {degree}: L''(0) = V. With V > 0 and L'(0) = 0 the loss rises at once.",
    )


covariance = total(b[i] * s[i]) / k - mean_b * mean_s
third = total((b[i] - mean_b) ** 3) / k

DERIVATION = Derivation(
    name="T4",
    title="The loss rises first",
    statement=(
        "L = Lam(alpha) - alpha^r M + C alpha^(r+1) + ..., Lam the loss of the bias alone, M = mean of s_y "
        "- mean_i s_i, C = mean of Cov_c(b, s). L'(0) = -sum pi_c (b_c - mean b), 0 for balanced classes; "
        "L''(0) = V for r >= 3, V - 2M for r = 2. Balanced and all correct at the end imply M > 0. Leading "
        "bump: alpha_b = (V/(r M))^(1/(r-2)), height (r-2)/(2r) V alpha_b^2; next order alpha_b (1 + "
        "alpha_b [K/(2V) + (r+1) C/(r M)]/(r-2))."
    ),
    claimed="derived",
    scope="any number of classes; any r, but L''(0) at r = 2 to 4",
    hypotheses=(
        Hypothesis("z = alpha^r s + alpha b, u = alpha^r; s and b real, any number k of classes", (s, b, k)),
        Hypothesis("shares pi_c sum to 1", (share,), equal(total(share[i]), 1), "shares"),
        Hypothesis(
            "for M > 0: balanced classes, so the mean of b over labels is its mean over classes",
            (y,),
            equal(total(b[y[j]], j, n) / n, total(b[i]) / k),
            "balanced",
        ),
        Hypothesis(
            "for M > 0: all correct at the end, s_y + b_y = s_i + b_i + e_i, e_i > 0, for the k - 1 other "
            "classes",
            (excess,),
        ),
        Hypothesis("for the bump: r = 2 + p with real p > 0, M > 0, V = r M a_b^p > 0", (p, M, top)),
    ),
    steps=(
        Identity(
            "bias alone at 0",
            equal(put(bias_loss, {a: sp.Integer(0)}), sp.log(k)),
            "Lam(0) = log k.",
        ),
        Identity(
            "first order",
            equal(put(slope(bias_loss, a), {a: sp.Integer(0)}), mean_b - total(share[i] * b[i])),
            "Lam'(0) = mean b - sum pi_c b_c ...",
        ),
        Deduction(
            "first order, centred",
            equal(mean_b - total(share[i] * b[i]), -total(share[i] * (b[i] - mean_b))),
            "... = -sum pi_c (b_c - mean b), since the shares sum to 1. For r >= 2 alpha^r adds nothing to "
            "L'(0).",
            by=(By("shares", -mean_b),),
        ),
        Identity(
            "balanced: no first order",
            equal(total(b[i] / k), mean_b),
            "Balanced, pi_c = 1/k: the two terms of Lam'(0) are equal, L'(0) = 0.",
        ),
        Identity(
            "second order",
            equal(put(slope(bias_loss, a, 2), {a: sp.Integer(0)}), total((b[i] - mean_b) ** 2) / k),
            "Lam''(0) = V, the variance of the biases, whatever the shares: L''(0) for r >= 3, where "
            "alpha^r adds nothing.",
        ),
        Identity(
            "third order",
            equal(put(slope(bias_loss, a, 3), {a: sp.Integer(0)}), third),
            "Lam'''(0) = K.",
        ),
        Identity(
            "signal, order alpha^r",
            equal(_coefficient(1, 0), -(s_y - mean_s)),
            "The coefficient of u in a sample's loss is -(s_y - mean s): -M on average.",
        ),
        Identity(
            "signal, order alpha^(r+1)",
            equal(_coefficient(1, 1), covariance),
            "That of u alpha is Cov(b, s): C on average. Those of u^2 are of order alpha^(2r), 2r >= r + 2.",
        ),
        Identity(
            "r = 2",
            equal(
                put(slope(sample_loss.subs(u, a**2), a, 2), {a: sp.Integer(0)}),
                total((b[i] - mean_b) ** 2) / k - 2 * (s_y - mean_s),
            ),
            "At r = 2 both orders meet: L''(0) = V - 2M.",
        ),
        *(_second_order(degree) for degree in range(3, 5)),
        Deduction(
            "M, one sample",
            equal(
                total(b[other[i]] - b_y + excess[i], i, others) / (others + 1),
                total(b[i], i, others + 1) / (others + 1) - b_y + total(excess[i], i, others) / (others + 1),
            ),
            "s_y - mean s is the sum over the k - 1 other classes of s_y - s_i = b_i - b_y + e_i, over k: "
            "the biases separate from the excess.",
            given={"other(1), ..., other(k-1) are the classes but y": OTHERS},
            by=(By("other(1), ..., other(k-1) are the classes but y", 1 / (others + 1)),),
        ),
        Deduction(
            "excess",
            greater(total(excess[i], i, others) / (others + 1) + 1, 1),
            "The excess t_j of sample j, so summed, is > 0.",
            remainder=total(excess[i], i, others) / (others + 1),
        ),
        Deduction(
            "M > 0",
            greater(total(total(b[i]) / k - b[y[j]] + t[j], j, n) / n + 1, 1),
            "M, the mean over samples of mean b - b_y + t_j. Balanced: the biases cancel, and M is the mean "
            "excess.",
            by=(By("balanced", sp.Integer(-1)),),
            remainder=total(t[j], j, n) / n,
        ),
        Identity(
            "bump: place",
            equal(put((V / ((p + 2) * M)) ** (1 / p), {V: V_TOP}), top),
            "V = r M a_b^(r-2) says a_b = (V/(r M))^(1/(r-2)).",
        ),
        Identity(
            "bump: stationary",
            equal(V_TOP * top, put(slope(alpha ** (p + 2) * M, alpha), {alpha: top})),
            "There V alpha^2/2 - alpha^r M is stationary: the two slopes are equal ...",
        ),
        Identity(
            "bump: a maximum",
            equal(put(put(slope(bump, alpha, 2), {alpha: top}), {V: V_TOP}), -p * V_TOP),
            "... and its second derivative is -(r-2) V < 0.",
        ),
        Identity(
            "bump: height",
            equal(put(put(bump, {alpha: top}), {V: V_TOP}), p / (2 * (p + 2)) * V_TOP * top**2),
            "Its height is (r-2)/(2r) V alpha_b^2.",
        ),
        Identity(
            "bump: next order",
            equal(
                put(
                    slope(V * (1 + u * shift) + K * u / 2 + (p + 3) * C * u * V / ((p + 2) * M), u),
                    {shift: SHIFT},
                ),
                put(slope(V * (1 + u * shift) ** (p + 1), u), {u: sp.Integer(0), shift: SHIFT}),
            ),
            "The slope V alpha + K alpha^2/2 - r M alpha^(r-1) + (r+1) C alpha^r at alpha_b (1 + alpha_b "
            "delta), divided by alpha_b: the terms of first order in u = alpha_b (r M alpha_b^(r-2) = V) "
            "cancel for delta = [K/(2V) + (r+1) C/(r M)]/(r-2).",
        ),
    ),
    conclusion=(
        "bias alone at 0",
        "first order",
        "first order, centred",
        "balanced: no first order",
        "second order",
        "third order",
        "signal, order alpha^r",
        "signal, order alpha^(r+1)",
        "r = 2",
        *(f"r = {degree}" for degree in range(3, 5)),
        "M, one sample",
        "M > 0",
        "bump: place",
        "bump: stationary",
        "bump: a maximum",
        "bump: height",
        "bump: next order",
    ),
    counterexamples=(
        Counterexample(
            "balanced classes (for L'(0) = 0)",
            "Shares (1, 0), b = (1, -1): L'(0) = -1, the loss falls at once.",
            (equal(-(1 * (sp.Integer(1) - 0) + 0 * (-1 - 0)), -1),),
        ),
        Counterexample(
            "unequal biases",
            "b = 0, one class ahead by s_y - mean s = 1/2: L''(0) = V = 0 and the loss does not rise; with "
            "r = 3, k = 2, s = (1, 0) it is log(1 + e^(-alpha^3)), at 1/2 below log 2.",
            (greater(sp.log(2), sp.log(1 + sp.exp(-sp.Rational(1, 8)))),),
        ),
        Counterexample(
            "r >= 3",
            "r = 2, b = (1, -1), signal +-2 in favour of the label: V = 1, M = 2, L''(0) = V - 2M = -3 < 0.",
            (equal(sp.Integer(1) - 2 * 2, -3),),
        ),
        Counterexample(
            "balanced classes (for M > 0)",
            "Only label 0, b = (2, 0), s = (0, 1): correct at the end (2 > 1) with M = -1/2.",
            (greater(sp.Integer(2), 1), greater(0, sp.Integer(0) - sp.Rational(1, 2))),
        ),
    ),
)
