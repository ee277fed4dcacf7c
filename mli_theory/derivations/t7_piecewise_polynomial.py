"""T7: where no ReLU changes sign the logits are a polynomial in alpha of degree at most r."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import Deduction, Identity

__all__ = ["DERIVATION"]

W0, W1, b0, b1, D = sp.symbols("W_0 W_1 b_0 b_1 D", commutative=False)
"""Matrices and vectors of any size: symbols that do not commute, so an identity holds for all of them."""
X = sp.symbols("X:7", commutative=False)
pre = sp.symbols("U", nonnegative=True)


def _layer(depth: int) -> Identity:
    """Layer `depth`, whose input is a polynomial of degree depth - 1 with any coefficients."""
    matrix, bias = W0 + alpha * (W1 - W0), b0 + alpha * (b1 - b0)
    into = sum((alpha**m * X[m] for m in range(depth)), sp.Integer(0))
    coefficients = [D * W0 * X[m] for m in range(depth)] + [sp.Integer(0)]
    for m in range(depth):
        coefficients[m + 1] += D * (W1 - W0) * X[m]
    coefficients[0] += D * b0
    coefficients[1] += D * (b1 - b0)
    return Identity(
        f"layer {depth}",
        equal(
            sp.expand(D * (matrix * into + bias)),
            sum((alpha**m * coefficient for m, coefficient in enumerate(coefficients)), sp.Integer(0)),
        ),
        f"Affine layer {depth} on the line, then the fixed mask: a polynomial of degree {depth - 1} becomes "
        f"one of degree {depth}; the coefficients on the right are free of alpha.",
    )


def _lagrange(degree: int) -> Identity:
    nodes = [(1 - sp.cos(sp.pi * m / degree)) / 2 for m in range(degree + 1)]
    value = sp.Integer(0)
    for here in nodes:
        basis = sp.Integer(1)
        for there in nodes:
            if there != here:
                basis *= (alpha - there) / (here - there)
        value += here**degree * basis
    return Identity(
        f"interpolation, r = {degree}",
        equal(value, alpha**degree),
        f"Lagrange's interpolation in the {degree + 1} Chebyshev points, ends included, gives "
        f"alpha^{degree} back.",
    )


DERIVATION = Derivation(
    name="T7",
    title="Logits are piecewise polynomial",
    statement=(
        "On a piece of the line where no ReLU changes sign, the logits of a network with r affine layers "
        "(hidden biases allowed, normalisation not) are a polynomial of degree at most r in alpha; r + 1 "
        "Chebyshev points give it exactly."
    ),
    claimed="proved",
    scope="any widths; layers and depth r = 2 to 6, one step a layer; interpolation at r = 2, 3, 4",
    hypotheses=(
        Hypothesis(
            "layer l is D (W x + b), W = W_0 + alpha (W_1 - W_0), b likewise", (alpha, W0, W1, b0, b1)
        ),
        Hypothesis("no ReLU changes sign on the piece: the mask D (identity for the logits) is fixed", (D,)),
        Hypothesis(
            "the layer's input is the output of the one before, with coefficients X_m (input data: X_0)",
            X[:6],
        ),
    ),
    steps=(
        Deduction(
            "ReLU, active",
            equal(sp.Max(0, pre, evaluate=False), pre),
            "Where a pre-activation stays >= 0 the ReLU is the factor 1 ...",
        ),
        Deduction(
            "ReLU, inactive",
            equal(sp.Max(0, -pre, evaluate=False) - pre, -pre),
            "... and where it stays <= 0 the factor 0: a fixed mask D, diagonal.",
        ),
        *(_layer(depth) for depth in range(1, 7)),
        *(_lagrange(degree) for degree in (2, 3, 4)),
    ),
    conclusion=tuple(f"layer {depth}" for depth in range(1, 7))
    + tuple(f"interpolation, r = {degree}" for degree in (2, 3, 4)),
    counterexamples=(
        Counterexample(
            "no ReLU changes sign",
            "max(0, 2 alpha - 1): 0 at 0, 1/4 and 1/2, so a polynomial of degree 1 or 2 through these is 0, "
            "but 1 at 1.",
            (
                equal(sp.Max(0, 2 * sp.Rational(1, 4) - 1), 0),
                equal(sp.Max(0, 2 * sp.Rational(1, 2) - 1), 0),
                greater(sp.Max(0, sp.Integer(2) - 1), 0),
            ),
        ),
        Counterexample(
            "no normalisation",
            "u/|(u, v)| with u = 1 - alpha, v = alpha: at 0, 1/2, 1 it is 1, 1/sqrt 2, 0; a polynomial of "
            "degree 1 would be 1/2 in the middle.",
            (greater(1 / sp.sqrt(2), sp.Rational(1, 2)),),
        ),
    ),
)
