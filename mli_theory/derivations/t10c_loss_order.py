"""T10c: from zero biases the losses too are ordered as the weights were, at all times."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.comparison import FirstCrossing
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import i, positive, q, real, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Monotone

__all__ = ["DERIVATION"]

r = 1 + q
Z, S, A, Q, nu, W_i, W_j, y, a_i = positive("Z S A Q nu W_i W_j y a_i")
"""S = sum 1/(Z + a_l), A = sum x_l/(Z + a_l), Q = sum x_l^2/Z, nu = p_ii/(1 - p_ii) at a crossing."""
x_i, x_j, u_i, u_j, u_k, x_k, D, w_i, w_j, w_k, c_k, nu_k = positive(
    "x_i x_j u_i u_j u_k x_k D w_i w_j w_k c_k nu_k"
)
"""x = e^b, u = Z - x, w = 1/(Z + a)."""
R, slack, fall, below = sp.symbols("R slack d f", nonnegative=True)
x, w, c = (sp.IndexedBase(name, positive=True) for name in ("x", "w", "c"))
a = sp.IndexedBase("a", nonnegative=True)
g = sp.IndexedBase("g", nonnegative=True)
v_i, v_j, b_i, b_j, N, N_i, N_j = real("v_i v_j b_i b_j N N_i N_j")
others = sp.Symbol("k_2", integer=True, positive=True)
"""The k - 2 classes but i and j; with k = 2 the sums over them are absent and H = 0."""
t = sp.Symbol("t", nonnegative=True)
N_one, N_two = (sp.Function(name, real=True) for name in ("N_i", "N_j"))
V_i, V_j, B_i, B_j = real("V_i V_j B_i B_j")
factor, H, W_0, W_1, place = sp.symbols("f_u H W_i0 W_j0 w", nonnegative=True)
"""Rates of N at a crossing: V of the weights, B of the biases, B_i - B_j = f_u H."""
U_I, U_J = x_j + R, x_i + R
Z_PAIR = x_i + x_j + R


def _bias_part(w_: sp.Expr, u_: sp.Expr) -> sp.Expr:
    """K (Z db/dt - dZ/dt)/(Z u) of a class with 1/(Z + a) = w and Z - x = u."""
    return (Z * w_ - (Z - u_) * S - A + S * Q) / u_


LAST_P = R * U_I + slack
LAST_Q = (x_i**2 + x_j**2 + R * Z_PAIR - LAST_P) / Z_PAIR

DERIVATION = Derivation(
    name="T10c",
    title="Loss order",
    statement=(
        "Setting of T10 with b(0) = 0: for all t the per-sample losses are l_1 < ... < l_k and b_1 + v_1 > "
        "... > b_k + v_k: last by weight, by loss and by bias is one class."
    ),
    claimed="proved",
    scope="one pair of neighbours i, j = i + 1 among any number of classes",
    hypotheses=(
        Hypothesis(
            "as in T10: W_i > W_j, b_i <= b_j, degree r = 1 + q; x = e^b, u = Z - x",
            (W_i, W_j, q, x_i, x_j, Z),
        ),
        Hypothesis(
            "at a crossing p_ii = p_jj = nu/(1 + nu), the other classes being ordered", (nu, u_i, u_j)
        ),
        Hypothesis("losses and logits of p_ii, p_jj: l = log(1 + e^-N)", (N_i, N_j)),
    ),
    steps=(
        Identity(
            "denominator",
            equal(Z + x_i * (sp.exp(v_i) - 1), (Z - x_i) + x_i * sp.exp(v_i)),
            "Z + a_i = u_i + e^(b_i + v_i) ...",
        ),
        Identity(
            "at a crossing",
            equal(1 / (u_i + nu * u_i), 1 / (u_i * (1 + nu))),
            "... and N_i = b_i + v_i - log u_i = log nu says e^(b_i + v_i) = nu u_i: w_i = 1/(Z + a_i) = "
            "1/(u_i (1 + nu)).",
        ),
        Deduction(
            "weight part",
            equal(
                r * W_i ** (r - 1) * (r * W_i ** (r - 1) * u_i * w_i), r**2 * W_i ** (2 * r - 2) / (1 + nu)
            ),
            "k dv_i/dt = r W^(r-1) k dW/dt = r^2 W_i^(2r-2)/(1 + nu) at the crossing ...",
            given={"crossing": equal(w_i, 1 / (u_i * (1 + nu)))},
            by=(By("crossing", r**2 * W_i ** (2 * r - 2) * u_i),),
        ),
        Monotone(
            "weight part, order",
            greater(r**2 * W_i ** (2 * r - 2) / (1 + nu), r**2 * W_j ** (2 * r - 2) / (1 + nu)),
            "... which is larger for the larger weight ...",
            given={"W_i > W_j": greater(W_i, W_j)},
            of=By("W_i > W_j"),
            function=r**2 * y ** (2 * r - 2) / (1 + nu),
            variable=y,
        ),
        Deduction(
            "weight part, W_j = 0",
            greater(1 + r**2 * W_i ** (2 * r - 2) / (1 + nu), 1),
            "... also where W_j = 0.",
            remainder=r**2 * W_i ** (2 * r - 2) / (1 + nu),
        ),
        Identity(
            "bias part",
            equal(
                Z * (Z / (Z + a_i) - x_i * S) - total(x[i] * (Z / (Z + a[i]) - x[i] * S)),
                Z * (Z / (Z + a_i) - x_i * S - total(x[i] / (Z + a[i])) + S * total(x[i] ** 2) / Z),
            ),
            "dN_i/dt = dv_i/dt + (Z db_i/dt - dZ/dt)/u_i, with the rates of T10; times k the bracket is Z "
            "times (Z w_i - x_i S - A + S Q).",
        ),
        Identity(
            "difference of bias parts",
            equal(
                _bias_part(1 / (u_i * (1 + nu)), u_i) - _bias_part(1 / (u_j * (1 + nu)), u_j),
                (1 / u_j - 1 / u_i) * (A - S * Q + Z * S - Z / (u_i * (1 + nu)) - Z / (u_j * (1 + nu))),
            ),
            "The difference of the bias parts is a factor, >= 0 since x_i <= x_j makes u_i >= u_j, times H "
            "...",
        ),
        Identity(
            "H",
            equal(
                (x_i * w_i + x_j * w_j + total(x[i] * w[i], i, others))
                - (w_i + w_j + total(w[i], i, others)) * Q
                + Z * (w_i + w_j + total(w[i], i, others))
                - Z * w_i
                - Z * w_j,
                (x_i - Q) * w_i + (x_j - Q) * w_j + total((Z + x[i] - Q) * w[i], i, others),
            ),
            "... H = sum c_l w_l, c_l = Z 1[l != i, j] + x_l - Q.",
        ),
        Deduction(
            "Q < Z",
            greater(Z_PAIR, (x_i**2 + x_j**2 + R * Z_PAIR - slack) / Z_PAIR),
            "Q = sum x^2/Z < Z (slack = sum of x_l u_l over the others): all terms of H but those of i and "
            "j are > 0.",
            remainder=(x_i * (x_j + R) + x_j * (x_i + R) + slack) / Z_PAIR,
        ),
        Deduction(
            "H, j last",
            at_least(x_i / U_I + x_j / U_J, LAST_Q / U_I + LAST_Q / U_J),
            "j = k: then u_l >= u_i for the others, their sum of x_l u_l is R u_i + slack, and the terms of "
            "i and j alone are >= 0.",
            where={D: x_j - x_i},
            remainder=(R * D / U_I + slack * (1 / U_I + 1 / U_J)) / Z_PAIR,
        ),
        Deduction(
            "Q <= largest x",
            at_least(total(x[i]) * x_k, total(x[i] ** 2)),
            "j < k: Q <= x_k, the largest ...",
            where={g[i]: x_k - x[i]},
            remainder=total(x[i] * g[i]),
        ),
        Deduction(
            "weight of the last",
            at_least(1 / (u_k * (1 + nu_k)), 1 / (u_k * (1 + nu_k + fall))),
            "... the last class, of odds nu_k <= nu, has w_k >= 1/(u_k (1 + nu)) ...",
            remainder=fall / (u_k * (1 + nu_k) * (1 + nu_k + fall)),
        ),
        Deduction(
            "H, j not last",
            greater((u_k + below) * (1 / u_i + 1 / u_j) + (Z + below) / u_k, 2),
            "... and the terms of i, j and k are (Z - Q)(1/u_i + 1/u_j) - 2 + (Z + x_k - Q)/u_k, with Q = "
            "x_k - f, f >= 0, at least 2 y + 1/y - 2 > 0 for y = u_k/Z, u_i and u_j being below Z.",
            where={x_i: Z - u_i, x_j: Z - u_j},
            remainder=((u_k / Z - 1) ** 2 + (u_k / Z) ** 2) / (u_k / Z)
            + below * (1 / u_i + 1 / u_j)
            + below / u_k
            + u_k * (x_i / (Z * u_i) + x_j / (Z * u_j)),
        ),
        Deduction(
            "terms dropped",
            at_least(A + c_k * w_k + total(c[i] * w[i], i, others), A + c_k / (u_k * (1 + nu))),
            "The other terms are > 0 and may be dropped: H >= 0 in both cases.",
            given={"weight of the last class": at_least(w_k, 1 / (u_k * (1 + nu)))},
            by=(By("weight of the last class", c_k),),
            remainder=total(c[i] * w[i], i, others),
        ),
        Deduction(
            "rates at a crossing",
            greater(V_i + B_i, V_j + B_j),
            "So at a crossing N_i - N_j rises: the weight parts V are ordered, the bias parts B differ by a "
            "factor >= 0 times H >= 0.",
            given={
                "weight parts": greater(V_i, V_j),
                "bias parts": equal(B_i, B_j + factor * H),
            },
            by=(By("weight parts"), By("bias parts")),
            remainder=factor * H,
        ),
        Monotone(
            "order at the start",
            greater(W_0**r - sp.log(others + 1), W_1**r - sp.log(others + 1)),
            "At b(0) = 0 N_i = W_ii^r - log(k - 1), ordered as the distinct weights are.",
            given={"weights at the start": greater(W_0, W_1)},
            of=By("weights at the start"),
            function=place**r - sp.log(others + 1),
            variable=place,
        ),
        FirstCrossing(
            "no first crossing",
            greater(N_one(t), N_two(t)),
            "N_1 > ... > N_k at t = 0; at a first crossing two neighbours i, j = i + 1 have N_i = N_j, all "
            "others "
            "are still weakly ordered, and their difference rises: there is none.",
            given={
                "at the start": greater(N_one(0), N_two(0)),
                "weight parts": greater(V_i, V_j),
                "bias parts": equal(B_i, B_j + factor * H),
            },
            variable=t,
            start=By("at the start"),
            inward=By("rates at a crossing"),
            rates={N_one(t): V_i + B_i, N_two(t): V_j + B_j},
        ),
        Monotone(
            "losses",
            greater(-sp.log(1 + sp.exp(-N_i)), -sp.log(1 + sp.exp(-N_j))),
            "The loss log(1 + e^-N) falls with N: l_i < l_j.",
            given={"N_i > N_j": greater(N_i, N_j)},
            of=By("N_i > N_j"),
            function=-sp.log(1 + sp.exp(-N)),
            variable=N,
        ),
        Deduction(
            "logits",
            greater(N_i + sp.log(u_i), N_j + sp.log(u_j)),
            "b_i + v_i = N_i + log u_i, u_i >= u_j: the labels' logits are ordered too.",
            given={"N_i > N_j": greater(N_i, N_j), "log u": at_least(sp.log(u_i), sp.log(u_j))},
            by=(By("N_i > N_j"), By("log u")),
        ),
    ),
    conclusion=(
        "weight part, order",
        "difference of bias parts",
        "H",
        "H, j last",
        "H, j not last",
        "no first crossing",
        "losses",
        "logits",
    ),
    counterexamples=(
        Counterexample(
            "b(0) = 0",
            "k = 2, e^b = (1, 9), e^v = (3, 2): biases and weights ordered as in T10, but p_11 = 3/12 < "
            "p_22 = 18/19: the second sample has the smaller loss.",
            (greater(9, 1), greater(3, 2), greater(sp.Rational(18, 19), sp.Rational(3, 12))),
        ),
        Counterexample(
            "distinct weights",
            "W_11 = W_22, b = 0: the losses are equal at all times, not ordered (at t = 0, e^v = 2: both p "
            "are 2/3).",
            (equal(sp.Rational(2, 3), sp.Rational(2, 1 + 2)),),
        ),
    ),
)
