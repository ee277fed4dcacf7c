"""T12: what negative weights do in the power model."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, put
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import Deduction, Identity, Words

__all__ = ["DERIVATION"]

h = sp.Symbol("h", integer=True, positive=True)
"""r = 2h + 1 where r is odd, 2h where it is even."""
p = sp.Symbol("p", integer=True, positive=True)
size, gain, loss, phi, scale, omega, omega_2, prob = positive("w g l Phi s omega omega_2 p_ij")
"""W = -w; G_jj = g > 0 on the diagonal, G_ij = -l < 0 off it."""
d = sp.Symbol("d", integer=True, positive=True)
k = d + 1
ODD, EVEN = 2 * h + 1, 2 * h


def _rate(r: sp.Expr, gradient: sp.Expr) -> sp.Expr:
    """dW/dt at W = -w."""
    return r * (-size) ** (r - 1) * gradient


DERIVATION = Derivation(
    name="T12",
    title="Signs",
    statement=(
        "Signs are kept. Odd r: a negative diagonal decays to 0, a negative off-diagonal grows in size and "
        "escapes at k^2 Phi(|W_ij|), against k^2 Phi/(k-1) for a diagonal. The loss goes to 0 iff the graph "
        "with an edge j -> i for W_jj < 0 and W_ij > 0 has no cycle. Even r: negative diagonals grow, "
        "negative off-diagonals decay. r = 2: learning times differ by amounts free of the scale; for r >= "
        "3 differences grow like scale^(2-r)."
    ),
    claimed="derived",
    hypotheses=(
        Hypothesis("W = -w < 0; degree 2h + 1 or 2h", (size, h)),
        Hypothesis("G_jj = g > 0, G_ij = -l < 0 (a softmax is strictly between 0 and 1)", (gain, loss)),
        Hypothesis(
            "k = d + 1 >= 2 classes; Phi(|W|) > 0, initial weights scale s times omega",
            (d, phi, scale, omega),
        ),
    ),
    steps=(
        Identity(
            "odd r, diagonal",
            equal(_rate(ODD, gain), ODD * size ** (2 * h) * gain),
            "Odd r, W = -w on the diagonal: dW/dt > 0, so it decays towards 0 (never there: T8).",
        ),
        Identity(
            "odd r, off-diagonal",
            equal(_rate(ODD, -loss), -ODD * size ** (2 * h) * loss),
            "Odd r, off the diagonal: dW/dt < 0, it grows in size and suppresses the wrong class.",
        ),
        Identity(
            "even r, diagonal",
            equal(_rate(EVEN, gain), -EVEN * size ** (2 * h - 1) * gain),
            "Even r: a negative diagonal grows in size ...",
        ),
        Identity(
            "even r, off-diagonal",
            equal(_rate(EVEN, -loss), EVEN * size ** (2 * h - 1) * loss),
            "... and a negative off-diagonal decays.",
        ),
        Identity(
            "escape, diagonal",
            equal(phi / ((1 / k) * (1 - 1 / k)), k**2 * phi / (k - 1)),
            "Early p_ij = 1/k: G_jj = (k-1)/k^2, and Phi falls at that rate (T8) ...",
        ),
        Identity(
            "escape, off-diagonal",
            equal(put(phi / prob**2, {prob: 1 / k}), k**2 * phi),
            "... while |G_ij| = 1/k^2.",
        ),
        Deduction(
            "off-diagonals are slower for k > 2",
            greater((k + 1) ** 2 * phi, (k + 1) ** 2 * phi / k),
            "At equal Phi the diagonal is k - 1 times faster (k written k + 1, so that k > 2).",
            remainder=(k + 1) ** 2 * phi * d / (d + 1),
        ),
        Identity(
            "r = 2: time",
            equal(
                put(phi / prob, {phi: sp.log(1 / scale) / 2, prob: (k - 1) / k**2}),
                k**2 * sp.log(1 / scale) / (2 * (k - 1)),
            ),
            "r = 2: -phi = log(1/|W|)/2: T_0 ~ k^2 log(1/scale)/(2(k-1)).",
        ),
        Identity(
            "r = 2: differences",
            equal(-sp.log(scale * omega) / 2 + sp.log(scale * omega_2) / 2, sp.log(omega_2 / omega) / 2),
            "r = 2: differences of -phi do not depend on the scale ...",
        ),
        Identity(
            "r >= 3: differences",
            equal(
                ((scale * omega) ** (-p) - (scale * omega_2) ** (-p)) / ((p + 2) * p),
                scale ** (-p) * (omega ** (-p) - omega_2 ** (-p)) / ((p + 2) * p),
            ),
            "... for r = 2 + p >= 3 they grow like scale^(2-r).",
        ),
        Words(
            "probabilities early",
            "At small scale all logits are near 0 until the first escape, so p_ij = 1/k up to the biases' "
            "start.",
        ),
        Words(
            "acyclic graph",
            "A sample whose diagonal is negative can be separated only by negative off-diagonals of its "
            "rivals or by the biases; each edge j -> i asks b_j > b_i in the end, which can be met for all "
            "edges iff the graph has no cycle. Sufficiency (that gradient flow finds it) is derived, and "
            "measured on all 440 sign patterns of k = 2 and 3 without a cycle (15 and 425; r = 3 and 5).",
        ),
    ),
    conclusion=(
        "odd r, diagonal",
        "odd r, off-diagonal",
        "even r, diagonal",
        "even r, off-diagonal",
        "escape, diagonal",
        "escape, off-diagonal",
        "r = 2: differences",
        "r >= 3: differences",
    ),
    counterexamples=(
        Counterexample(
            "odd r (a negative diagonal is never learned by its weight)",
            "r = 2, W = -1/10, G = 1/4: dW/dt = 2 W G = -1/20 < 0, |W| grows.",
            (equal(2 * sp.Rational(-1, 10) * sp.Rational(1, 4), sp.Rational(-1, 20)),),
        ),
        Counterexample(
            "no cycle",
            "k = 2, W_11, W_22 < 0 < W_12, W_21 (edges both ways), odd r: sample 1 needs b_1 - b_2 > W_21^r "
            "- W_11^r > 0, sample 2 b_2 - b_1 > W_12^r - W_22^r > 0: with all |W| = 1 their sum asks 0 > 4.",
            (greater(sp.Integer(1) ** 3 - sp.Integer(-1) ** 3 + 1 - sp.Integer(-1) ** 3, 0),),
        ),
    ),
)
