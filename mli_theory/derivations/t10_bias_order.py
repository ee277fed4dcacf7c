"""T10: in the power model from a diagonal start the biases are ordered against the weights, at all times."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import Comparison, Coordinate
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, n, positive, put, q, real, slope, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone, Secant

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


t = sp.Symbol("t", positive=True)
"""Time, in units in which the share 1/k of a sample is 1."""
W_one, W_two = (sp.Function(name, nonnegative=True) for name in ("W_i", "W_j"))
b_one, b_two = (sp.Function(name, real=True) for name in ("b_i", "b_j"))
weight_0 = sp.Function("W", real=True)
distance = sp.Function("D", real=True)
loss = sp.Function("L", nonnegative=True)
(G, bend) = real("G_ii F_slope")
(rise,) = positive("exp_slope")
growth, y = sp.symbols("E_slope y", nonnegative=True)
z = sp.Symbol("z", real=True)
moved, pull = sp.IndexedBase("theta", real=True), sp.IndexedBase("g", real=True)
X_I, X_J = sp.exp(b_one(t)), sp.exp(b_two(t))
Z_T = X_I + X_J + others
WAY_I = (X_J + others) + X_I * sp.exp(W_one(t) ** r)
WAY_J = (X_I + others) + X_J * sp.exp(W_two(t) ** r)
"""Z + a of the pair at time t, without a subtraction."""


def _pace(w: sp.Expr, x: sp.Expr, rest: sp.Expr) -> sp.Expr:
    """K dW/dt at a weight w, e^b = x, and `rest` = Z - x."""
    return r * w ** (r - 1) * rest / (rest + x * sp.exp(w**r))


FLOW_RATES = {
    W_one(t): _pace(W_one(t), X_I, X_J + others),
    W_two(t): _pace(W_two(t), X_J, X_I + others),
    b_one(t): Z_T / WAY_I - X_I * S,
    b_two(t): Z_T / WAY_J - X_J * S,
}
STARTS = {
    "weights at the start": greater(W_one(0), W_two(0)),
    "biases at the start": at_least(b_two(0), b_one(0)),
}
SLOPES = {
    "mean slope of F": equal(
        _pace(W_one(t), X_I, X_J + others) - _pace(W_two(t), X_I, X_J + others),
        bend * (W_one(t) - W_two(t)),
    ),
    "mean slope of exp": equal(X_J - X_I, rise * (b_two(t) - b_one(t))),
    "mean slope of E": equal(sp.exp(W_one(t) ** r) - sp.exp(W_two(t) ** r), growth * (W_one(t) - W_two(t))),
}
MIXED = (X_J + others) + X_I * sp.exp(W_two(t) ** r)
"""Z + a of a class with the bias of i and the weight of j."""
FLOW = {f"rate {place}": equal(slope(f, t), rate) for place, (f, rate) in enumerate(FLOW_RATES.items())}
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
        Comparison(
            "a weight > 0 stays > 0",
            greater(1 + weight_0(t), 1),
            "dW_ii/dt = (r W^(r-2) G_ii) W: a factor times W itself ...",
            given={"at the start": greater(1 + weight_0(0), 1)},
            variable=t,
            rates={weight_0(t): r * weight_0(t) ** (r - 1) * G},
            decay=-r * weight_0(t) ** (q - 1) * G,
            start=By("at the start"),
        ),
        Comparison(
            "a weight 0 stays 0",
            equal(1 + weight_0(t), 1),
            "... so a weight 0 stays 0.",
            given={"at the start": equal(1 + weight_0(0), 1)},
            variable=t,
            rates={weight_0(t): r * weight_0(t) ** (r - 1) * G},
            decay=-r * weight_0(t) ** (q - 1) * G,
            start=By("at the start"),
        ),
        Secant(
            "mean slope of F",
            SLOPES["mean slope of F"],
            "F(w), the rate of a weight w at the e^b of class i, is smooth: F(W_i) - F(W_j) is W_i - W_j "
            "times the mean of F' in between, which is continuous in time.",
            slope=bend,
            function=_pace(y, x_i, step_x + others).subs({x_i: X_I, step_x: X_J}),
            variable=y,
            ends=(W_one(t), W_two(t)),
        ),
        Secant(
            "mean slope of exp",
            SLOPES["mean slope of exp"],
            "Likewise for e^b, whose mean slope is > 0 ...",
            slope=rise,
            function=sp.exp(z),
            variable=z,
            ends=(b_two(t), b_one(t)),
        ),
        Secant(
            "mean slope of E",
            SLOPES["mean slope of E"],
            "... and for e^v = e^(w^r), whose mean slope is >= 0.",
            slope=growth,
            function=sp.exp(y**r),
            variable=y,
            ends=(W_one(t), W_two(t)),
        ),
        Comparison(
            "the weights stay ordered",
            greater(W_one(t), W_two(t)),
            "Along the flow W_i - W_j and b_j - b_i obey a linear system whose couplings are >= 0 (the two "
            "faces above): the cone is not left, and the strict order of the weights is kept.",
            given=STARTS,
            variable=t,
            rates=FLOW_RATES,
            decay=-bend,
            start=By("weights at the start"),
            weights=(r * W_two(t) ** (r - 1) * Z_T * sp.exp(W_two(t) ** r) * rise / (MIXED * WAY_J),),
            companions=(
                Coordinate(
                    at_least(b_two(t), b_one(t)),
                    decay=rise * (S + Z_T * (sp.exp(W_two(t) ** r) - 1) / (WAY_I * WAY_J)),
                    weights=(Z_T * X_I * growth / (WAY_I * WAY_J),),
                    start=By("biases at the start"),
                    equations=(
                        By("mean slope of exp", -(S + Z_T * (sp.exp(W_two(t) ** r) - 1) / (WAY_I * WAY_J))),
                        By("mean slope of E", Z_T * X_I / (WAY_I * WAY_J)),
                    ),
                ),
            ),
            equations=(
                By("mean slope of F"),
                By(
                    "mean slope of exp",
                    r * W_two(t) ** (r - 1) * Z_T * sp.exp(W_two(t) ** r) / (MIXED * WAY_J),
                ),
            ),
        ),
        Monotone(
            "e^v is ordered",
            greater(sp.exp(W_one(t) ** r), sp.exp(W_two(t) ** r)),
            "With the weights e^v is ordered, strictly, also where W_j = 0 ...",
            given={**STARTS, **FLOW},
            of=By("the weights stay ordered"),
            function=sp.exp(y**r),
            variable=y,
        ),
        Comparison(
            "the biases are ordered",
            greater(b_two(t), b_one(t)),
            "... so that the bias of j is pushed above that of i at every t > 0.",
            given={**STARTS, **FLOW},
            variable=t,
            rates=FLOW_RATES,
            decay=rise * (S + Z_T * (sp.exp(W_two(t) ** r) - 1) / (WAY_I * WAY_J)),
            start=By("biases at the start"),
            supported=(By("e^v is ordered", Z_T * X_I / (WAY_I * WAY_J)),),
            equations=(By("mean slope of exp", -(S + Z_T * (sp.exp(W_two(t) ** r) - 1) / (WAY_I * WAY_J))),),
        ),
        Comparison(
            "no blow-up",
            at_least(loss(0) * sp.exp(t), distance(t) + loss(t)),
            "Gradient flow d theta/dt = g, dL/dt = -|g|^2, L >= 0: D = |theta - theta(0)|^2 stays below "
            "L(0) e^t. A solution that is bounded on every finite interval exists for all times.",
            given={
                "distance": equal(distance(t), total(moved[i] ** 2, i, n)),
                "at the start": at_least(loss(0), distance(0) + loss(0)),
            },
            variable=t,
            rates={
                distance(t): 2 * total(moved[i] * pull[i], i, n),
                loss(t): -total(pull[i] ** 2, i, n),
            },
            decay=sp.Integer(-1),
            forcing=loss(t) + total((moved[i] - pull[i]) ** 2, i, n),
            start=By("at the start"),
            equations=(By("distance"),),
        ),
    ),
    conclusion=(
        "off-diagonals stay 0",
        "own probability",
        "bias rate",
        "face b_i = b_j",
        "face W_i = W_j",
        "the weights stay ordered",
        "the biases are ordered",
    ),
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
