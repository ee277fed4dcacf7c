"""T6: from real initial weights, a window in which the bias provably decides."""

from __future__ import annotations

import sympy as sp

from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis
from mli_theory.derivations.notation import alpha, i, n, positive, real, total
from mli_theory.derivations.notation import slope as slope_of
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction

__all__ = ["DERIVATION"]

gap, x_norm, size, left, right, h = positive("gap x P lam mu h")
"""x is |x|, P the product of the layers' norm bounds at alpha."""
difference, f_x, f_y, f_m, slope, q1 = real("s f_x f_y f_m f_slope q_1")
start = sp.symbols("sigma_1:7", nonnegative=True)
more = sp.symbols("delta_1:7", nonnegative=True)
spot = sp.Symbol("a", nonnegative=True)
rest, q0, fall = sp.symbols("h_i q_0 q_2", nonnegative=True)
u, v = (sp.IndexedBase(name, real=True) for name in ("u", "v"))
size_u, size_v = sp.Symbol("U", nonnegative=True), sp.Symbol("V", positive=True)
inner = sp.Symbol("inner", real=True)
m = sp.Symbol("m", integer=True, positive=True)
bound, hidden, norm, lost = (sp.Function(name, nonnegative=True) for name in ("P", "h", "sigma", "l"))
"""Layer m: the product of the bounds up to it, the norm of its output, its own bound, what is lost."""
quadratic = q0 + q1 * alpha - fall * alpha**2


def _curvature(depth: int) -> Deduction:
    """The second derivative of a product of affine functions that all grow."""
    steps = more[:depth]
    factors = [norm + spot * step for norm, step in zip(start, steps, strict=False)]
    certificate = sp.Add(
        *(
            steps[one]
            * steps[two]
            * sp.prod(factors[other] for other in range(depth) if other not in (one, two))
            for one in range(depth)
            for two in range(depth)
            if one != two
        )
    )
    return Deduction(
        f"convex, r = {depth}",
        at_least(1 + slope_of(sp.prod(factors), spot, 2), 1),
        f"r = {depth}, all norms growing: the second derivative of the product is a sum of products of "
        "terms >= 0. All shrinking: the same with 1 - alpha in the place of alpha.",
        remainder=certificate,
    )


def _norms(at: sp.Rational) -> sp.Rational:
    """The product of the counterexample's norm bounds, less the right side."""
    pairs = (("12.685", "1.191"), ("0.147", "26.011"), ("0.726", "2.544"))
    product = sp.prod((1 - at) * sp.Rational(first) + at * sp.Rational(last) for first, last in pairs)
    return product - sp.Rational("306.5359") * at


DERIVATION = Derivation(
    name="T6",
    title="Certified window",
    statement=(
        "Bias-free-trunk ReLU network, zero initial bias, gap > 0: whenever sqrt(2) |x| prod_l ((1 - alpha) "
        "sigma0_l + alpha sigma1_l) < alpha gap, x is predicted as i*. The certified set is one interval if "
        "all sigma1_l >= sigma0_l, or all <=, or r = 2."
    ),
    claimed="proved",
    scope="one interval: r = 2 to 6",
    hypotheses=(
        Hypothesis(
            "operator norms sigma_l >= 0 and sigma_l + delta_l, delta_l >= 0, at the two ends",
            start[:2] + more[:2],
        ),
        Hypothesis("b_{i*} - b_i = gap + h, h >= 0, bias alpha b on the line", (alpha, gap)),
        Hypothesis("x of norm |x|; P the product of the norm bounds at alpha", (x_norm, size)),
    ),
    steps=(
        Deduction(
            "Cauchy-Schwarz",
            at_least(size_u, inner**2 / size_v),
            "|u|^2 - <u, v>^2/|v|^2 is a sum of squares, of u_i - (<u, v>/|v|^2) v_i (v != 0; at v = 0 both "
            "sides of "
            "<u, v>^2 <= |u|^2 |v|^2 are 0).",
            given={
                "|u|^2": equal(size_u, total(u[i] ** 2, i, n)),
                "|v|^2": equal(total(v[i] ** 2, i, n), size_v),
                "<u, v>": equal(total(u[i] * v[i], i, n), inner),
            },
            by=(By("|u|^2"), By("|v|^2", -(inner**2) / size_v**2), By("<u, v>", 2 * inner / size_v)),
            remainder=total((u[i] - inner / size_v * v[i]) ** 2, i, n),
        ),
        Deduction(
            "triangle inequality",
            at_least((left + right) ** 2, size_u),
            "So |u + v|^2 = |u|^2 + 2 <u, v> + |v|^2 <= (|u| + |v|)^2: of matrices too, since |A u + B u| "
            "<= (|A| + "
            "|B|) |u|. |(1 - alpha) W0 + alpha W1| <= (1 - alpha) sigma0 + alpha sigma1.",
            given={
                "square of a sum": equal(left**2 + 2 * inner + right**2, size_u),
                "Cauchy-Schwarz": at_least(left * right, inner),
            },
            by=(By("square of a sum"), By("Cauchy-Schwarz", sp.Integer(2))),
        ),
        Identity(
            "a ReLU keeps what is positive",
            equal(1 + sp.Max(0, rest) ** 2, 1 + rest**2),
            "|max(0, u)| <= |u|, entry by entry: equal where u_i >= 0 ...",
        ),
        Deduction(
            "a ReLU drops what is negative",
            at_least(1 + rest**2, 1 + sp.Max(0, -rest) ** 2),
            "... and 0 where u_i = -h_i <= 0.",
            remainder=rest**2,
        ),
        Induction(
            "layers",
            at_least(x_norm * bound(m), hidden(m)),
            "|W u| <= |W| |u|, the definition of the norm, and the two steps before it, layer by layer "
            "(what they lose "
            "is l_m >= 0): the output's norm is at most |x| times the product P of the layers' bounds.",
            variable=m,
            first={bound(1): norm(1), hidden(1): norm(1) * x_norm - lost(1)},
            following={
                bound(m + 1): norm(m + 1) * bound(m),
                hidden(m + 1): norm(m + 1) * hidden(m) - lost(m + 1),
            },
            base=lost(1),
            weight=norm(m + 1),
            remainder=lost(m + 1),
        ),
        Deduction(
            "norm bound",
            at_least(sp.sqrt(2) * x_norm * size, difference),
            "s_i - s_{i*} is the output's product with e_i - e_{i*}, of norm sqrt(2): by Cauchy-Schwarz it "
            "is at most "
            "sqrt(2) times the output's norm h.",
            given={
                "Cauchy-Schwarz": at_least(sp.sqrt(2) * h, difference),
                "layers": at_least(x_norm * size, h),
            },
            by=(By("Cauchy-Schwarz"), By("layers", sp.sqrt(2))),
        ),
        Deduction(
            "i* is predicted",
            greater(alpha * (gap + rest), difference),
            "Where sqrt(2) |x| P < alpha gap the bias difference exceeds the signal difference, for every i.",
            given={
                "norm bound": at_least(sp.sqrt(2) * x_norm * size, difference),
                "certified": greater(alpha * gap, sp.sqrt(2) * x_norm * size),
            },
            by=(By("norm bound"), By("certified")),
            remainder=alpha * rest,
        ),
        *(_curvature(depth) for depth in range(2, 7)),
        Deduction(
            "convex: between",
            greater(0, f_m),
            "A convex f = sqrt(2) |x| P - alpha gap, above its tangent at a point in the middle, negative "
            "at lam to its left and at mu to its right, is negative there: the certified set is one "
            "interval.",
            given={
                "tangent, left": at_least(f_x, f_m - slope * left),
                "tangent, right": at_least(f_y, f_m + slope * right),
                "negative, left": greater(0, f_x),
                "negative, right": greater(0, f_y),
            },
            by=(
                By("tangent, left", right / (left + right)),
                By("tangent, right", left / (left + right)),
                By("negative, left", right / (left + right)),
                By("negative, right", left / (left + right)),
            ),
        ),
        Deduction(
            "r = 2, concave",
            greater(0, quadratic.subs(alpha, alpha + h)),
            "r = 2 with one norm growing, one shrinking: f = q_0 + q_1 alpha - q_2 alpha^2 with q_0, q_2 >= "
            "0; once negative it stays so.",
            given={"negative": greater(0, quadratic)},
            by=(By("negative", (alpha + h) / alpha),),
            remainder=q0 * h / alpha + fall * h * (alpha + h),
        ),
        Identity(
            "r = 2, coefficients",
            equal(
                (start[0] + alpha * more[0]) * (start[1] + (1 - alpha) * more[1]),
                start[0] * (start[1] + more[1])
                + alpha * (more[0] * (start[1] + more[1]) - start[0] * more[1])
                - alpha**2 * more[0] * more[1],
            ),
            "The product then has q_0 >= 0 and q_2 = delta_1 delta_2 >= 0.",
        ),
    ),
    conclusion=(
        "layers",
        "norm bound",
        "i* is predicted",
        *(f"convex, r = {depth}" for depth in range(2, 7)),
        "convex: between",
        "r = 2, concave",
        "r = 2, coefficients",
    ),
    counterexamples=(
        Counterexample(
            "all norms growing, all shrinking, or r = 2",
            "sigma0 = (12.685, 0.147, 0.726), sigma1 = (1.191, 26.011, 2.544), right side 306.5359 alpha: "
            "certified at 1/10, not at 3/10, certified again at 1/2: two intervals.",
            tuple(
                greater(sign * _norms(sp.Rational(at)), 0)
                for at, sign in (("1/10", -1), ("3/10", 1), ("1/2", -1))
            ),
        ),
        Counterexample(
            "zero initial bias",
            "Initial bias (5, 0), trained bias (0, 10), |x| = 1, a layer of norm 1/10 at both ends: at alpha "
            "= 1/20 sqrt(2)/10 < alpha gap = 1/2, but with no signal the logits are 19/20 * 5 and 1/20 * 10.",
            (
                greater(sp.Rational(1, 2), sp.sqrt(2) / 10),
                greater(sp.Rational(19, 20) * 5, sp.Rational(1, 20) * 10),
            ),
        ),
        Counterexample(
            "gap > 0",
            "b = (0, 0), s = (1, 0) and (0, 1): no class is predicted for both samples, at any alpha.",
            (greater(alpha, 0),),
        ),
    ),
)
