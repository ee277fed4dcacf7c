"""T13: the signal's degree in alpha at the trained end, layer by layer."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, i, j, positive, put, real, slope, total
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import Deduction, Identity

__all__ = ["DERIVATION"]

layers, outputs, parameters = sp.symbols("r N P", integer=True, positive=True)
"""r layers, N outputs (probes times classes), P parameters of a layer."""
layer = sp.Symbol("l", integer=True, positive=True)
(norm,) = positive("n_s")
"""<s(1), s(1)>, assumed not 0."""
velocity, bend, before, signal, gradient, start, end, rho = (
    sp.IndexedBase(name, real=True) for name in ("ds", "c", "D", "s", "J", "theta_0", "theta_1", "rho")
)
(c,) = positive("c")
s_end, x, G, bend_g = real("s x G b")
network = sp.Function("s", real=True)
NORM = {norm: total(signal[j] ** 2, j, outputs)}
near_end = signal[j] + (alpha - 1) * velocity[j] + (alpha - 1) ** 2 * bend[j]
"""Output j near alpha = 1; the last coefficient may be anything bounded."""


def _chain_rule(depth: int) -> Identity:
    """The derivative of a function of one place on the line for each layer, all places equal to alpha."""
    from_, to = (real(" ".join(f"{name}_{m}" for m in range(1, depth + 1))) for name in ("u", "v"))
    places = real(" ".join(f"a_{m}" for m in range(1, depth + 1)))

    def on_line(where: tuple[sp.Expr, ...]) -> sp.Expr:
        return network(*((1 - at) * u + at * v for at, u, v in zip(where, from_, to, strict=True)))

    one_moves = [
        put(
            slope(on_line((alpha,) * m + (places[m],) + (alpha,) * (depth - m - 1)), places[m]),
            {places[m]: alpha},
        )
        for m in range(depth)
    ]
    return Identity(
        f"chain rule, {depth} layers",
        equal(slope(on_line((alpha,) * depth), alpha), sp.Add(*one_moves)),
        f"{depth} layers: ds/dalpha is the sum of the derivatives in which one layer moves and the others "
        "stay: one Jacobian-vector product a layer.",
    )


DERIVATION = Derivation(
    name="T13",
    title="Effective degree at the trained end",
    statement=(
        "d log g/d log alpha at alpha = 1 is r_eff = sum_l <ds/dtheta_l (theta1_l - theta0_l), s>/<s, s>, "
        "for any network. For a signal homogeneous of degree 1 in each of r layers it is r - sum_l rho_l, "
        "rho_l = <ds/dW_l [W0_l], s>/<s, s>."
    ),
    claimed="proved",
    scope=(
        "chain rule over r = 2 to 4 layers, one generic parameter a layer; otherwise any r, any numbers of "
        "outputs and parameters"
    ),
    hypotheses=(
        Hypothesis(
            "g(alpha) = <s(alpha), s(1)>/<s(1), s(1)> over N outputs, n_s = <s(1), s(1)> > 0", (signal, norm)
        ),
        Hypothesis(
            "s is differentiable at alpha = 1 (no pre-activation exactly 0) with derivative ds: written to "
            "second order, with any coefficient c there",
            (velocity,),
        ),
        Hypothesis(
            "theta = (1 - alpha) theta_0 + alpha theta_1; J the derivative of an output",
            (start, end, gradient),
        ),
        Hypothesis(
            "second half: s(c W_l) = c s(W_l) for each of r layers; D_l = ds/dW_l [W0_l]", (before, layers)
        ),
    ),
    steps=(
        Deduction(
            "g at the end",
            equal(total(signal[j] ** 2, j, outputs) / norm, 1),
            "g(1) = 1.",
            where=NORM,
        ),
        Identity(
            "slope of g",
            equal(
                put(slope(total(near_end * signal[j], j, outputs), alpha), {alpha: sp.Integer(1)}) / norm,
                total(velocity[j] * signal[j], j, outputs) / norm,
            ),
            "g'(1) = <ds/dalpha, s>/<s, s>.",
        ),
        Identity(
            "logarithmic slope",
            equal(
                put(
                    slope(sp.log(1 + (sp.exp(x) - 1) * G + (sp.exp(x) - 1) ** 2 * bend_g), x),
                    {x: sp.Integer(0)},
                ),
                G,
            ),
            "With g(1) = 1, g'(1) = G and x = log alpha: d log g/dx = G at x = 0.",
        ),
        *(_chain_rule(depth) for depth in range(2, 5)),
        Identity(
            "a layer's derivative is linear",
            equal(
                total(gradient[i] * (end[i] - start[i]), i, parameters),
                total(gradient[i] * end[i], i, parameters) - total(gradient[i] * start[i], i, parameters),
            ),
            "In the direction theta1 - theta0 it is that along theta1 less that along theta0.",
        ),
        Identity(
            "Euler",
            equal(slope(c * s_end, c), s_end),
            "Homogeneous of degree 1 in the layer: the derivative along W1_l itself, d/dc s(c W1_l) at c = "
            "1, is that of c s: it is s.",
        ),
        Deduction(
            "one layer",
            equal(
                total((signal[j] - before[layer, j]) * signal[j], j, outputs) / norm,
                1 - total(before[layer, j] * signal[j], j, outputs) / norm,
            ),
            "So layer l adds <s - D_l, s>/<s, s> = 1 - rho_l ...",
            where=NORM,
        ),
        Identity(
            "r - sum rho",
            equal(total(1 - rho[layer], layer, layers), layers - total(rho[layer], layer, layers)),
            "... and all r layers r - sum rho_l.",
        ),
    ),
    conclusion=(
        "g at the end",
        "slope of g",
        "logarithmic slope",
        "a layer's derivative is linear",
        "one layer",
        "r - sum rho",
    ),
    counterexamples=(
        Counterexample(
            "homogeneous of degree 1 in each layer (second half)",
            "One layer with a bias that is trained: s = w x + b, x = 1, (w, b) from (0, 0) to (1, 1), s(1) "
            "= 2: r_eff = 1 = r, rho = 0; but from (0, 1) to (1, 1): r_eff = 1/2, rho_w = 0, r - rho = 1.",
            (
                equal((1 * sp.Integer(1) + sp.Integer(1)) / sp.Integer(2), 1),
                greater(1, (1 * sp.Integer(1) + sp.Integer(0)) / sp.Integer(2)),
            ),
        ),
        Counterexample(
            "no pre-activation exactly 0",
            "s = max(0, alpha - 1) + 1: the slope is 0 from the left of 1 and 1 from the right.",
            (
                equal((sp.Max(0, sp.Rational(-1, 10)) + 1 - 1) / sp.Rational(-1, 10), 0),
                equal((sp.Max(0, sp.Rational(1, 10)) + 1 - 1) / sp.Rational(1, 10), 1),
            ),
        ),
    ),
)
