"""T11: the plateau law, from quasi-stationary errors of the learned classes and of the last one."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import positive, put, q, slope
from mli_theory.derivations.relations import equal, greater
from mli_theory.derivations.steps import Deduction, Identity, Words

__all__ = ["DERIVATION"]

r = 1 + q
v, c, k, eps, e_last, e_first, X, beta, y, phi_last, phi_before = positive(
    "v c k eps e_last e_first X beta y Phi_last Phi_before"
)
"""e_last and e_first: 1 - p of the sample held by the bias and of a learned one, e^-gap and e^-(v - gap)."""
gap, delta = sp.symbols("gap delta", real=True)
(m,) = positive("m")
rho_a, rho_b = 1 / (1 + c / 4), 1 / (1 + c / (2 * k))
C_OF_V = r**2 * v ** (2 - 2 / r)


def _last_two(errors: tuple[sp.Expr, sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
    """(a): k times d gap/dt and d(v - gap)/dt from the errors of the last sample and of the one before."""
    last, first = errors
    gap_rate = (last - first) - (first - last)
    return gap_rate, c * first - gap_rate


def _all_gaps(last: sp.Expr, first: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(b): the same where k - 1 learned classes have the error `first` each, the last one (k - 1) `last`."""
    gap_rate = ((k - 1) * last - (k - 1) * first) - (first - last)
    return gap_rate, c * first - gap_rate


DERIVATION = Derivation(
    name="T11",
    title="Plateau law",
    statement=(
        "r >= 3, small scale, last class held by the bias; c = r^2 v^(2-2/r), beta = gap/v, alpha_2 = "
        "beta_min^(1/(r-1)). (a) scale -> 0 first: rho = 1/(1 + c/4), gap = log((1 + rho)/(k eps)), v = 2 "
        "gap + log(1 + c/4). (b) loss small first: rho = 1/(1 + c/(2k)), gap = log((k-1)(1 + rho)/(k eps)), "
        "v = 2 gap + log(1 + c/(2k)). Next order: subtract log(1 + (2-2/r)(c/(m+c))^2/v), m = 4 or 2k. Both "
        "beta tend to 1/2. Ends near gap = (k/(k-1))(Phi_last - Phi_before)."
    ),
    claimed="derived",
    hypotheses=(
        Hypothesis(
            "degree r = 1 + q (the words need r >= 3), c = r^2 v^(2-2/r), k classes, training loss eps",
            (q, v, c, k, eps),
        ),
        Hypothesis("errors e_last = e^-gap, e_first = e^-(v - gap), rho = e_first/e_last", (gap, e_last)),
        Hypothesis(
            "Phi_last > Phi_before: inverse initial weights of the last two classes", (phi_last, phi_before)
        ),
    ),
    steps=(
        Identity(
            "rate of v",
            equal(
                (r * y ** (r - 1) * (r * y ** (r - 1))).subs(y, v ** (1 / r)) * e_first / k,
                C_OF_V * e_first / k,
            ),
            "W = v^(1/r): dv/dt = r W^(r-1) dW/dt = c e_first/k, c = r^2 v^(2-2/r).",
        ),
        Words(
            "who matters",
            "In (a) the errors of all classes but the last two are negligible at scale -> 0. In (b) all "
            "learned classes have had time to share the same error. In both the last class's weight is "
            "still negligible (r >= 3: it grows only after the escape), and softmax masses other than on "
            "the label and the last class are of higher order.",
        ),
        Words(
            "quasi-stationary",
            "The ratio rho of the two errors relaxes faster than c drifts (by a factor v), so d gap/dt = "
            "d(v - gap)/dt to leading order in 1/v.",
        ),
        Identity(
            "(a) balance",
            equal(_last_two((e_last, rho_a * e_last))[0], _last_two((e_last, rho_a * e_last))[1]),
            "(a): k d gap/dt = 2 (e_last - e_first), k dv/dt = c e_first: gap and v - gap grow alike iff "
            "e_first = rho e_last with rho = 1/(1 + c/4).",
        ),
        Identity(
            "(b) balance",
            equal(_all_gaps(e_last, rho_b * e_last)[0], _all_gaps(e_last, rho_b * e_last)[1]),
            "(b): k d gap/dt = k (e_last - e_first): alike iff rho = 1/(1 + c/(2k)).",
        ),
        Identity(
            "v from gap",
            equal(gap - sp.log(rho_a * sp.exp(-gap)), 2 * gap + sp.log(1 + c / 4)),
            "v = gap + (v - gap), e^-(v - gap) = rho e^-gap: (a). ...",
        ),
        Identity(
            "v from gap, (b)",
            equal(gap - sp.log(rho_b * sp.exp(-gap)), 2 * gap + sp.log(1 + c / (2 * k))),
            "... and (b).",
        ),
        Identity(
            "loss (a)",
            equal(put(e_last * (1 + rho_a), {e_last: k * eps / (1 + rho_a)}), k * eps),
            "(a): k eps = e_last + e_first = e^-gap (1 + rho), so gap = log((1 + rho)/(k eps)).",
        ),
        Identity(
            "loss (b)",
            equal(
                ((k - 1) * e_last + (k - 1) * rho_b * e_last)
                .subs(e_last, sp.exp(-(sp.log((k - 1) * (1 + rho_b)) - sp.log(k * eps))))
                .subs(k, k + 1),
                (k * eps).subs(k, k + 1),
            ),
            "(b): k eps = (k-1)(e_last + e_first), so gap = log((k-1)(1 + rho)/(k eps)) (k written k + 1, "
            "so that k - 1 > 0).",
        ),
        Identity("k = 2", equal(put(rho_b, {k: sp.Integer(2)}), rho_a), "For k = 2 the two laws are one."),
        Identity(
            "next order: drift of rho",
            equal(
                slope(sp.log(m / (m + C_OF_V)), v),
                -(2 - 2 / r) * C_OF_V / ((m + C_OF_V) * v),
            ),
            "log rho drifts with v at the rate -(2 - 2/r) c/((m + c) v) ...",
        ),
        Identity(
            "next order: balance",
            equal(
                -m * delta + (2 - 2 / r) * c / ((m + c) * v) * c * (m / (m + c)) * (1 + delta),
                -m * (delta - (2 - 2 / r) * (c / (m + c)) ** 2 / v * (1 + delta)),
            ),
            "... which the imbalance m - (m + c) rho = -m delta of rho = m (1 + delta)/(m + c) must supply, "
            "as dv/dt is proportional to c rho: delta = X (1 + delta) with X = (2 - 2/r)(c/(m + c))^2/v.",
        ),
        Identity(
            "next order: v",
            equal(sp.Limit((-sp.log(1 - X) - sp.log(1 + X)) / X**2, X, 0), 1),
            "1 + delta = 1/(1 - X) is 1 + X to first order (the logarithms differ by X^2): subtract log(1 + "
            "X) from v.",
        ),
        Identity(
            "limit",
            equal(sp.Limit((v - sp.log(1 + C_OF_V / m)) / (2 * v), v, sp.oo), sp.Rational(1, 2)),
            "Both laws say gap = (v - log(1 + c/m))/2, m = 4 or 2k. As eps -> 0 gap grows without bound, and "
            "v with it: beta = gap/v -> 1/2 ...",
        ),
        Identity(
            "limit of alpha_2",
            equal(sp.Limit(beta ** (1 / q), beta, sp.Rational(1, 2), "-"), sp.Rational(1, 2) ** (1 / q)),
            "... and alpha_2 = beta^(1/(r-1)) is continuous in beta: its limit is 2^(-1/(r-1)).",
        ),
        Deduction(
            "escape, k = 2",
            equal(
                2 * ((phi_last - 0) - (phi_before - 0)),
                put(k / (k - 1) * (phi_last - phi_before), {k: sp.Integer(2)}),
            ),
            "At the escape both weights are large, Phi(t) = 0, and T11' gives the gap for k = 2.",
        ),
        Words(
            "escape, k > 2",
            "For k > 2 the schedule of T9 gives (k/(k-1))(Phi_last - Phi_before) by the time the last stage "
            "takes; the biases gained before are neglected, which measured 5 to 50 % low.",
        ),
    ),
    conclusion=(
        "rate of v",
        "(a) balance",
        "(b) balance",
        "v from gap",
        "v from gap, (b)",
        "loss (a)",
        "loss (b)",
        "limit",
        "escape, k = 2",
    ),
    counterexamples=(
        Counterexample(
            "scale -> 0 first (k > 2)",
            "(a) and (b) differ for k = 10: at c = 4, rho is 1/2 in (a) and 5/6 in (b).",
            (
                equal(rho_a.subs(c, 4), sp.Rational(1, 2)),
                greater(rho_b.subs({c: 4, k: 10}), sp.Rational(1, 2)),
            ),
        ),
        Counterexample(
            "r >= 3",
            "r = 2, k = 2, W_11(0) = 2 W_22(0): gap = log 2 + log(v_2/v_1)/2 < log 2 at all times (T8), "
            "while the law's gap is more than log(1/(2 eps)) = 199 log 2 at eps = 2^-200.",
            (greater(199 * sp.log(2), sp.log(2)),),
        ),
        Counterexample(
            "last class still held by the bias",
            "Where its weight has escaped, d gap/dt changes: T11' bounds gap at fixed scale while (a) lets "
            "it grow as log(1/eps): Phi = 20, 40 (k = 2) gives gap <= 80, law (a) more than log(1/(2 eps)) "
            "= 199 log 2 at eps = 2^-200.",
            (greater(199 * sp.log(2), 80),),
        ),
    ),
)
