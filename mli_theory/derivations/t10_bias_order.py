"""T10: in the power model from a diagonal start the biases are ordered against the weights, at all times."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, put, q
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import Deduction, Identity, Words

__all__ = ["DERIVATION"]

r = 1 + q
v_i, E, others = sp.symbols("v_i E R", nonnegative=True)
"""v_i = W_ii^r, E = e^v - 1, R the sum of e^b over the classes but the pair."""
x_i, step_x, weight, lead, Z, S, a_i = positive("x_i d w m Z S a_i")
"""x = e^b, x_j = x_i + d; S = sum over samples of 1/(Z + a_j)."""
Z_PAIR = x_i + (x_i + step_x) + others


def _weight_rate(x: sp.Expr) -> sp.Expr:
    """K dW/dt of a class with e^b = x."""
    return r * weight ** (r - 1) * (Z_PAIR - x) / (Z_PAIR + x * E)


def _bias_rate(extra: sp.Expr) -> sp.Expr:
    """K db/dt of a class with e^v - 1 = E + extra."""
    return Z / (Z + x_i * (E + extra)) - x_i * S


DERIVATION = Derivation(
    name="T10",
    title="The bias order is the learning order",
    statement=(
        "Diagonal start, equal classes, any scale, r >= 2: W_11(0) > ... > W_kk(0) >= 0 and b_1(0) <= ... "
        "<= b_k(0) imply, for all t > 0, W_11 > ... > W_kk and b_1 < ... < b_k."
    ),
    claimed="proved",
    scope="one pair i, j of any number of classes, which is all the claim needs",
    hypotheses=(
        Hypothesis(
            "W off the diagonal 0, equal classes; Z = sum e^b, a_i = e^(b_i) (e^(v_i) - 1), x = e^b",
            (x_i, Z, S),
        ),
        Hypothesis(
            "W_ii >= 0, v_i = W_ii^r, E = e^v - 1; integer degree r = 1 + q >= 2; w a weight > 0",
            (E, q, weight),
        ),
        Hypothesis(
            "on the face W_i = W_j: x_j = x_i + d, d > 0; R >= 0 the other classes' e^b", (step_x, others)
        ),
        Hypothesis("on the face b_i = b_j: W_i > W_j, e^(v_i) = e^(v_j) + m, m > 0", (lead,)),
    ),
    steps=(
        Identity(
            "off-diagonals stay 0",
            equal(S + put(r * v_i ** (r - 1) * S, {v_i: sp.Integer(0)}), S),
            "dW_ij/dt = r W_ij^(r-1) G_ij is 0 at W_ij = 0 (v_i and S stand for W_ij and G_ij).",
        ),
        Identity(
            "own probability",
            equal(1 - x_i * sp.exp(v_i) / (Z + a_i), (Z + a_i - x_i * sp.exp(v_i)) / (Z + a_i)),
            "Sample i's logits are b, b_i + v_i its own: its softmax has the denominator Z - x_i + x_i "
            "e^(v_i) = Z + a_i ...",
        ),
        Identity(
            "weight rate",
            equal(Z + x_i * (sp.exp(v_i) - 1) - x_i * sp.exp(v_i), Z - x_i),
            "... so 1 - p_ii = (Z - x_i)/(Z + a_i) and k dW_ii/dt = r W_ii^(r-1) (Z - x_i)/(Z + a_i).",
        ),
        Identity(
            "bias rate",
            equal((Z - x_i) / (Z + a_i) - x_i * (S - 1 / (Z + a_i)), Z / (Z + a_i) - x_i * S),
            "For the other samples j p_ij = x_i/(Z + a_j): k db_i/dt = Z/(Z + a_i) - x_i S.",
        ),
        Deduction(
            "face b_i = b_j",
            greater(_bias_rate(sp.Integer(0)), _bias_rate(lead)),
            "Where b_i = b_j and W_i > W_j the bias of j (left) grows faster than that of i (right).",
            remainder=Z * x_i * lead / ((Z + x_i * E) * (Z + x_i * (E + lead))),
        ),
        Deduction(
            "face W_i = W_j",
            greater(_weight_rate(x_i), _weight_rate(x_i + step_x)),
            "Where W_i = W_j = w > 0 and b_i < b_j the weight of i (left) grows faster than that of j "
            "(right).",
            remainder=r
            * weight ** (r - 1)
            * Z_PAIR
            * step_x
            * (1 + E)
            / ((Z_PAIR + x_i * E) * (Z_PAIR + (x_i + step_x) * E)),
        ),
        Words(
            "the cone is not left",
            "Both faces of {W_i >= W_j, b_i <= b_j} push inwards, so a solution that starts in the cone "
            "with W_i > W_j is in its interior for all t > 0. The corner W_i = W_j, b_i = b_j is invariant "
            "forwards and backwards (the two classes are then the same; uniqueness of solutions), so it is "
            "not reached.",
        ),
        Words(
            "weights at 0, and for all times",
            "A weight 0 stays 0 and one > 0 stays > 0 (uniqueness), so the face W_i = W_j is met with w > 0 "
            "only. No blow-up in finite time: L >= 0 decreases along the flow, so the path has finite "
            "length on every finite interval.",
        ),
    ),
    conclusion=("off-diagonals stay 0", "own probability", "bias rate", "face b_i = b_j", "face W_i = W_j"),
    counterexamples=(
        Counterexample(
            "equal classes",
            "k = 2 at W = b = 0: db_1/dt = pi_1 - 1/2. With pi = (1/4, 3/4) class 2, the frequent one, "
            "gains bias, whichever weight is smaller.",
            (
                greater(0, sp.Rational(1, 4) - sp.Rational(1, 2)),
                greater(sp.Rational(3, 4) - sp.Rational(1, 2), 0),
            ),
        ),
        Counterexample(
            "b_1(0) <= ... <= b_k(0)",
            "r = 2, k = 2, e^b = (3, 1), e^v = 1 + E with E = 0 for both (small weights): k dW/dt = 2 w (Z "
            "- x)/Z is 2 w/4 for class 1 and 2 w 3/4 for class 2: the smaller weight catches up.",
            (greater(2 * sp.Rational(3, 4), 2 * sp.Rational(1, 4)),),
        ),
        Counterexample(
            "W off the diagonal 0",
            "r = 3, k = 2, b = 0, W_11 = 1 > W_22 = 1/2, W_21 = 2, W_12 = 0: the samples' logits are (1, 8) "
            "and (0, 1/8), and k db_1/dt = 1 - p_11 - p_12 = 1 - 1/(1 + e^7) - 1/(1 + e^(1/8)) > 0: the "
            "larger weight gains the larger bias.",
            (greater(1 - 1 / (1 + sp.exp(7)) - 1 / (1 + sp.exp(sp.Rational(1, 8))), 0),),
        ),
    ),
)
