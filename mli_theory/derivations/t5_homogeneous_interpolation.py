"""T5: a bias interpolated with the signal's degree leaves the error constant, the loss convex in alpha^r."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, i, j, k, n, positive, q, r, real, slope, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction, Tangent

__all__ = ["DERIVATION"]

s_y, s_i, b_y, b_i, u, v, z_y, t, a, bias = real("s_y s_i b_y b_i u v z_y t a b_l")
c, gap = positive("c g")
m, layer, width = sp.symbols("m l width", integer=True, positive=True)
scale = sp.Function("scale", positive=True)
W, x, z, tilt, slack = (
    sp.IndexedBase("W", real=True),
    sp.IndexedBase("x", real=True),
    sp.IndexedBase("z", real=True),
    sp.IndexedBase("slope", real=True),
    sp.IndexedBase("slack", nonnegative=True),
)
e = sp.IndexedBase("e", positive=True)
others = sp.Symbol("k_1", integer=True, positive=True)


def _loss(at: sp.Expr) -> sp.Expr:
    """One sample's loss where all logits are t times those at the end."""
    return sp.log(total(sp.exp(at * z[i]))) - at * z_y


def _gradient(at: sp.Expr) -> sp.Expr:
    return total(z[i] * sp.exp(at * z[i])) / total(sp.exp(at * z[i])) - z_y


mean_z = total(z[i] * sp.exp(t * z[i])) / total(sp.exp(t * z[i]))
Z_right = sp.exp(z_y) + total(sp.exp(z_y - e[i]), i, others)

DERIVATION = Derivation(
    name="T5",
    title="Homogeneous interpolation removes the plateau",
    statement=(
        "Bias interpolated as alpha^r b (layer l's as alpha^l b_l): z(alpha) = alpha^r z(1), E is constant "
        "on (0, 1]. L is convex in t = alpha^r: dL/dt <= 0 on all of [0, 1] iff dL/dt(1) = mean <p - e_y, "
        "z(1)> <= 0, in particular when all samples are correct. The same with no bias."
    ),
    claimed="proved",
    hypotheses=(
        Hypothesis(
            "s homogeneous of integer degree r = 1 + q >= 2, alpha > 0", (alpha, q, s_y, s_i, b_y, b_i)
        ),
        Hypothesis(
            "or: layer l computes max(0, W_l x + b_l), any width, of alpha W_l and alpha^l b_l",
            (W, x, bias, layer),
        ),
        Hypothesis(
            "z = z(1) the logits at the end, any number k of classes; t = 1 - g < 1", (z, k, z_y, gap)
        ),
        Hypothesis(
            "in particular: all correct at the end, z_i = z_y - e_i, e_i > 0 for the other classes", (e,)
        ),
    ),
    steps=(
        Identity(
            "logits",
            equal(
                (alpha**r * s_y + alpha**r * b_y) - (alpha**r * s_i + alpha**r * b_i),
                alpha**r * ((s_y + b_y) - (s_i + b_i)),
            ),
            "Every margin is alpha^r > 0 times the margin at the end: the prediction and E do not change on "
            "(0, 1]. With b = 0 this is the case without bias.",
        ),
        Identity(
            "affine layer",
            equal(
                total(alpha * W[m, i] * alpha**layer * x[i], i, width) + alpha ** (layer + 1) * bias,
                alpha ** (layer + 1) * (total(W[m, i] * x[i], i, width) + bias),
            ),
            "With a bias in every layer: an input alpha^l x to layer l + 1 comes out as alpha^(l+1) times "
            "what x gives.",
        ),
        Deduction(
            "ReLU",
            equal(sp.Max(c * u, c * v), c * sp.Max(u, v)),
            "A maximum (ReLU: v = 0; max-pooling too) commutes with a positive factor.",
            split=((u, v),),
        ),
        Induction(
            "layer by layer",
            equal(scale(m), alpha**m),
            "By induction over the layers the factor in front of layer m's output is alpha^m: alpha^r at "
            "the logits.",
            variable=m,
            first={scale(1): alpha},
            following={scale(m + 1): alpha * scale(m)},
        ),
        Tangent(
            "convexity",
            at_least(_loss(t), _loss(a) + _gradient(a) * (t - a)),
            "A sample's loss is convex in t (second derivative: the variance of z under the softmax) and "
            "lies above each of its tangents.",
            variable=t,
            point=a,
            curvature=total((z[i] - mean_z) ** 2 * sp.exp(t * z[i])) / total(sp.exp(t * z[i])),
        ),
        Identity(
            "slope",
            equal(slope(_loss(t), t), _gradient(t)),
            "Its slope is <p - e_y, z(1)>.",
        ),
        Deduction(
            "slopes increase",
            at_least(_gradient(sp.Integer(1)), _gradient(1 - gap)),
            "Two tangents, at 1 - g and at 1, give slope(1) >= slope(t) for every t = 1 - g < 1 ...",
            by=(
                By("convexity", 1 / gap, {t: 1 - gap, a: sp.Integer(1)}),
                By("convexity", 1 / gap, {t: sp.Integer(1), a: 1 - gap}),
            ),
        ),
        Deduction(
            "mean over samples",
            at_least(total(tilt[j], j, n) / n, total(tilt[j] - slack[j], j, n) / n),
            "... hence dL/dt(1) >= dL/dt(t) for the mean (slack_j = sample j's excess >= 0): dL/dt <= 0 on "
            "all of [0, 1] if, and taking t = 1 only if, it is at the end.",
            remainder=total(slack[j], j, n) / n,
        ),
        Deduction(
            "all correct",
            greater(
                z_y,
                (z_y * sp.exp(z_y) + total((z_y - e[i]) * sp.exp(z_y - e[i]), i, others)) / Z_right,
            ),
            "A sample correct at the end has <p, z(1)> < z_y, a slope < 0.",
            remainder=total(e[i] * sp.exp(z_y - e[i]), i, others) / Z_right,
        ),
    ),
    conclusion=(
        "logits",
        "affine layer",
        "ReLU",
        "layer by layer",
        "convexity",
        "slope",
        "slopes increase",
        "mean over samples",
        "all correct",
    ),
    counterexamples=(
        Counterexample(
            "the bias interpolated with degree r",
            "Linear interpolation, r = 2, s_y - s_i = 2, b_y - b_i = -1: the margin 2 alpha^2 - alpha is < "
            "0 at 1/4, > 0 at 1: the error changes.",
            (greater(0, 2 * sp.Rational(1, 16) - sp.Rational(1, 4)), greater(2 - 1, 0)),
        ),
        Counterexample(
            "dL/dt(1) <= 0",
            "Two samples of the same logits z = (2, 0), labels 0 and 1: dL/dt(1) = mean of <p, z> - z_y = "
            "2/(1 + e^-2) - 1 > 0, and L(1) > L(0) = log 2.",
            (
                greater(2 / (1 + sp.exp(-2)) - 1, 0),
                greater((sp.log(1 + sp.exp(-2)) + sp.log(1 + sp.exp(2))) / 2, sp.log(2)),
            ),
        ),
        Counterexample(
            "all correct (in particular)",
            "One sample, wrong at the end by z_i - z_y = 1: slope = e/(1 + e) > 0.",
            (greater(sp.E / (1 + sp.E), 0),),
        ),
    ),
)
