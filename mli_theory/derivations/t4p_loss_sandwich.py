"""T4': the loss between two explicit curves, at every alpha."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, i, j, k, n, positive, r, real, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Monotone, Tangent

__all__ = ["DERIVATION"]

t, x, low, s_y, b_y = real("t x low s_y b_y")
"""t stands for alpha^r; a label's logit is alpha b_y + t s_y."""
R, M, eta, power = positive("R M eta y")
b, s, z = (sp.IndexedBase(name, real=True) for name in ("b", "s", "z"))
f, g, slack, room = (sp.IndexedBase(name, nonnegative=True) for name in ("f", "g", "slack", "room"))
lam_j, gain_j, R_j = (sp.IndexedBase(name, real=True) for name in ("Lam", "M", "R"))
y = sp.IndexedBase("y", integer=True, positive=True)


def _moments(signal: sp.Expr, at: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Z and the mean of the signal under softmax(alpha b + t s)."""
    weight = sp.exp(alpha * b[i] + at * signal)
    return total(weight), total(signal * weight) / total(weight)


Z, mean_s = _moments(s[i], t)
Z0, mean_0 = _moments(s[i], sp.Integer(0))
Zf, mean_f = _moments(low + f[i], t)
Zf0, mean_f0 = _moments(low + f[i], sp.Integer(0))
spread = sp.exp(alpha * b[i] + t * (low + f[i]))
logits = alpha * b[i] + t * s[i]
mean_z = total(z[i] * sp.exp(x * z[i])) / total(sp.exp(x * z[i]))

DERIVATION = Derivation(
    name="T4'",
    title="Sandwich",
    statement=(
        "With p = softmax(alpha b), M_alpha = mean(s_y - sum_c p_c s_c), R_j = range of sample j's signal: "
        "Lam - alpha^r M_alpha <= L <= Lam - alpha^r M_alpha + alpha^(2r) mean(R_j^2)/8, for all alpha, r, "
        "biases and shares. Balanced: L >= log k - alpha^r M, so L >= log k - eta for alpha <= "
        "(eta/M)^(1/r)."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis(
            "z = alpha b + t s, t = alpha^r, any real b, s and number of classes", (alpha, t, b, s, k)
        ),
        Hypothesis("range of the signal: s_i = low + f_i, f_i >= 0 and g_i = R - f_i >= 0", (f, low, R)),
        Hypothesis(
            "balanced classes (last part): the mean of b over labels is its mean over classes",
            (y, n),
            equal(total(b[y[j]], j, n) / n, total(b[i]) / k),
            "balanced classes",
        ),
        Hypothesis("M > 0 and eta > 0 (last part)", (M, eta)),
    ),
    steps=(
        Tangent(
            "from below",
            at_least(sp.log(Z), sp.log(Z0) + t * mean_0),
            "log sum exp(alpha b + t s) is convex in t (its second derivative is the variance of s under "
            "the softmax) and lies above its tangent at t = 0.",
            variable=t,
            point=sp.Integer(0),
            curvature=total((s[i] - mean_s) ** 2 * sp.exp(logits)) / Z,
        ),
        Deduction(
            "one sample, from below",
            at_least(sp.log(Z) - alpha * b_y - t * s_y, sp.log(Z0) - alpha * b_y - t * (s_y - mean_0)),
            "Less the label's logit: loss >= loss of the bias alone - t (s_y - sum p_c s_c).",
            by=(By("from below"),),
        ),
        Tangent(
            "from above",
            at_least(t**2 * R**2 / 8 - sp.log(Zf), -sp.log(Zf0) - t * mean_f0),
            "A variance within a range R is at most R^2/4: R^2/4 - Var = mean of f g + (mean f - R/2)^2, g "
            "= R - f. So t^2 R^2/8 - log sum exp is convex too (Hoeffding's lemma).",
            where={g[i]: R - f[i]},
            variable=t,
            point=sp.Integer(0),
            curvature=total(f[i] * g[i] * spread) / Zf + (total(f[i] * spread) / Zf - R / 2) ** 2,
        ),
        Deduction(
            "one sample, from above",
            at_least(
                sp.log(Zf0) - alpha * b_y - t * (s_y - mean_f0) + t**2 * R**2 / 8,
                sp.log(Zf) - alpha * b_y - t * s_y,
            ),
            "Less the label's logit: the upper curve.",
            where={g[i]: R - f[i]},
            by=(By("from above"),),
        ),
        Deduction(
            "mean over samples",
            at_least(
                total(lam_j[j] - t * gain_j[j] + slack[j], j, n) / n,
                total(lam_j[j], j, n) / n - t * total(gain_j[j], j, n) / n,
            ),
            "Samples' losses are Lam_j - t M_j + slack_j, slack_j >= 0 by the lower curve: so is the mean "
            "over samples.",
            remainder=total(slack[j], j, n) / n,
        ),
        Deduction(
            "mean over samples, from above",
            at_least(
                total(lam_j[j] - t * gain_j[j] + (t * R_j[j]) ** 2 / 8, j, n) / n,
                total(lam_j[j] - t * gain_j[j] + (t * R_j[j]) ** 2 / 8 - room[j], j, n) / n,
            ),
            "They are also Lam_j - t M_j + t^2 R_j^2/8 - room_j, room_j >= 0 by the upper curve: in the mean "
            "L is at most Lam - alpha^r M_alpha + alpha^(2r) mean(R_j^2)/8.",
            remainder=total(room[j], j, n) / n,
        ),
        Tangent(
            "from below, uniform",
            at_least(sp.log(total(sp.exp(x * z[i]))), sp.log(k) + x * total(z[i]) / k),
            "The tangent at equal logits instead (x scales them from 0 to 1) ...",
            variable=x,
            point=sp.Integer(0),
            curvature=total((z[i] - mean_z) ** 2 * sp.exp(x * z[i])) / total(sp.exp(x * z[i])),
        ),
        Deduction(
            "uniform, one sample",
            at_least(
                sp.log(total(sp.exp(logits))) - alpha * b_y - t * s_y,
                sp.log(k) - t * (s_y - total(s[i]) / k) + alpha * (total(b[i]) / k - b_y),
            ),
            "... gives loss >= log k - t (s_y - mean s) + alpha (mean b - b_y).",
            where={z[i]: logits},
            by=(By("from below, uniform", values={x: sp.Integer(1)}),),
        ),
        Deduction(
            "balanced",
            at_least(
                total(sp.log(k) - t * gain_j[j] + alpha * (total(b[i]) / k - b[y[j]]) + slack[j], j, n) / n,
                sp.log(k) - t * total(gain_j[j], j, n) / n,
            ),
            "In the mean over samples of balanced classes the biases cancel: L >= log k - alpha^r M.",
            by=(By("balanced classes", -alpha),),
            remainder=total(slack[j], j, n) / n,
        ),
        Monotone(
            "plateau: power",
            at_least(eta / M, alpha**r),
            "alpha <= (eta/M)^(1/r) means alpha^r <= eta/M ...",
            given={"early": at_least((eta / M) ** (1 / r), alpha)},
            of=By("early"),
            function=power**r,
            variable=power,
        ),
        Deduction(
            "plateau",
            at_least(sp.log(k) - alpha**r * M, sp.log(k) - eta),
            "... and there the loss has fallen by eta at most.",
            given={"early": at_least((eta / M) ** (1 / r), alpha)},
            by=(By("plateau: power", M),),
        ),
    ),
    conclusion=(
        "one sample, from below",
        "one sample, from above",
        "mean over samples",
        "mean over samples, from above",
        "balanced",
        "plateau",
    ),
    counterexamples=(
        Counterexample(
            "balanced classes (last part)",
            "Only label 0 of two, b = (1, 0), s = 0: L(1) = log(1 + 1/e) < log 2 although M = 0.",
            (equal(sp.Integer(0) - sp.Rational(0, 2), 0), greater(sp.log(2), sp.log(1 + sp.exp(-1)))),
        ),
        Counterexample(
            "R_j the full range (a smaller factor than 1/8 fails)",
            "b = 0, s = (1, 0), t = 1, label 1: L - Lam + t M_alpha = log(cosh(1/2)) is above R^2/9 = 1/9.",
            (greater(sp.log((sp.exp(sp.S.Half) + sp.exp(-sp.S.Half)) / 2), sp.Rational(1, 9)),),
        ),
    ),
)
