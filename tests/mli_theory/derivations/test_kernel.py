"""The kernel refuses what is not proved: each rule is given something false, or true but unsupported."""

import pytest
import sympy as sp

from mli_theory.derivations import Counterexample, Derivation, Hypothesis, ProofError
from mli_theory.derivations.comparison import Comparison, Coordinate, FirstCrossing
from mli_theory.derivations.decisions import identical, nonnegative, positive, undefined_part
from mli_theory.derivations.notation import i, k, total
from mli_theory.derivations.relations import at_least, equal, greater
from mli_theory.derivations.steps import By, Deduction, Identity, Induction, Monotone, Secant, Tangent, Words

x, y = sp.symbols("x y", real=True)
p, q = sp.symbols("p q", positive=True)
b = sp.IndexedBase("b", real=True)
m = sp.Symbol("m", integer=True, positive=True)
f, u = (sp.Function(name, real=True) for name in ("f", "u"))
g = sp.IndexedBase("g", positive=True)
size = sp.Symbol("size", integer=True)


def _check(*steps, hypotheses=()):
    checked = [step.name for step in steps if not isinstance(step, Words)]
    return Derivation("T0", "", "", "proved", hypotheses, steps, tuple(checked[-1:])).check()


@pytest.mark.parametrize(
    "step",
    [
        Identity("s", equal((x + y) ** 2, x**2 + y**2)),
        Identity("s", equal(sp.sqrt(x**2), x)),
        Identity("s", equal(x / y * y, x + sp.Integer(0) / y + 1)),
        Identity("s", equal(1 / x + 1, 1 + 1 / x)),  # true, but not defined at x = 0
        Identity("s", equal(sp.log(x), sp.log(x))),
        Deduction("s", greater(x**2, -1), remainder=x**2),
        Deduction("s", greater(x**2 + x, x), remainder=x**2),  # only >=
        Deduction("s", at_least(x, y), by=(By("g", sp.Integer(-1)),), given={"g": at_least(y, x)}),
        Deduction("s", equal(x, y), by=(By("g"),), given={"g": at_least(x, y)}),
        Deduction("s", equal(y, 2), by=(By("g", 1 / x),), given={"g": equal(x * y, 2 * x)}),  # x may be 0
        Deduction("s", equal(sp.Max(x, y), x), split=((x, y),)),
        Deduction("s", at_least(x, y), by=(By("nothing"),)),
        Monotone("s", greater(x**2, y**2), of=By("g"), given={"g": greater(x, y)}, function=x**2, variable=x),
        Monotone(
            "s", greater(p**-1, q**-1), of=By("g"), given={"g": greater(p, q)}, function=1 / p, variable=p
        ),
        Tangent(
            "s", at_least(-(x**2), -2 * x + 1), variable=x, point=sp.Integer(1), curvature=sp.Integer(-2)
        ),
        Tangent("s", at_least(x**2, 2 * x), variable=x, point=sp.Integer(1), curvature=sp.Integer(2)),
        Induction("s", equal(f(m), m + 1), variable=m, first={f(1): 1}, following={f(m + 1): f(m) + 1}),
        Induction(
            "s", equal(f(m), m), variable=m, first={f(1): sp.Integer(1)}, following={f(m + 1): f(m) + 2}
        ),
        # A sum over i = 1 .. size with size < 0 may be negative.
        Deduction("s", greater(2 + total(g[i], i, size), 1), remainder=1 + total(g[i], i, size)),
        Deduction("s", greater(sp.Symbol("z") + 1, sp.Symbol("z")), remainder=sp.Integer(1)),
        Identity("s", equal(sp.Subs(sp.Derivative(sp.Abs(x), x), x, 0) + 1, 1)),
        Monotone(
            "s",
            greater(sp.tan(x), sp.tan(y)),  # false across a pole
            of=By("g"),
            given={"g": greater(x, y)},
            function=sp.tan(x),
            variable=x,
        ),
        Monotone(
            "s",
            greater(total(g[i] * p), total(g[i + 1] * p)),
            of=By("g"),
            given={"g": greater(g[i], g[i + 1])},
            function=total(q * p),
            variable=q,
        ),
        Deduction("s", equal(total(x * b[i]), total(b[i] ** 2)), where={x: b[i]}),
        Induction(
            "s",
            equal(f(m), x),
            variable=m,
            first={f(1): x},
            following={f(m + 1): sp.Max(f(m), u(m + 1))},
            values_at_m={u(m + 1): x},
        ),
        Induction(
            "s", equal(f(m), 2 * m), variable=m, first={f(1): 2}, following={f(m + 1): f(m) + 1, f(m): m + 1}
        ),
    ],
    ids=str,
)
def test_a_rule_refuses(step):
    with pytest.raises(ProofError, match="T0, step 's'"):
        _check(step)


def test_a_claim_with_0_on_the_right_is_not_built():
    with pytest.raises(ValueError, match="must not be 0"):
        Identity("s", equal(x - x, 0))


def test_an_earlier_claim_is_used_only_where_its_conditions_hold():
    lemma = Deduction("lemma", greater(p * x, p * y), by=(By("g", p),), given={"g": greater(x, y)})
    at_2 = {p: sp.Integer(2)}
    good = Deduction("s", greater(2 * x, 2 * y), by=(By("lemma", values=at_2),), given={"g": greater(x, y)})
    assert _check(lemma, good).checked == 2
    with pytest.raises(ProofError, match="the condition"):
        _check(lemma, Deduction("s", greater(2 * x, 2 * y), by=(By("lemma", values=at_2),)))
    minus = By("lemma", values={p: sp.Integer(-2)})
    bad = Deduction("s", greater(-2 * x, -2 * y), by=(minus,), given={"g": greater(x, y)})
    with pytest.raises(ProofError, match="as p is"):
        _check(lemma, bad)


def test_a_claim_that_rests_on_a_hypothesis_is_not_moved_to_other_values():
    hypothesis = Hypothesis("x > y", (x, y), greater(x, y), "order")
    lemma = Deduction("lemma", greater(x + 1, y + 1), by=(By("order"),))
    moved = Deduction(
        "s", greater(sp.Integer(1), 8), by=(By("lemma", values={x: sp.Integer(0), y: sp.Integer(7)}),)
    )
    with pytest.raises(ProofError, match="the condition"):
        _check(lemma, moved, hypotheses=(hypothesis,))


def test_a_value_is_not_captured_by_a_sum():
    """x is free in the lemma; at x = b_i the sum over i would take it in, which is false."""
    lemma = Identity("lemma", equal(total(x * b[i]), x * total(b[i])))
    step = Deduction("s", equal(total(b[i] ** 2), b[i] * total(b[i])), by=(By("lemma", values={x: b[i]}),))
    with pytest.raises(ProofError, match="which i is meant"):
        _check(lemma, step)


def _runs(name, start, pace):
    recursion = {"first": {f(1): sp.Integer(start)}, "following": {f(m + 1): f(m) + pace}}
    return Induction(name, equal(f(m), pace * m), variable=m, **recursion)


def test_a_recursion_is_a_condition_of_what_is_proved_by_it():
    """Two recursions for one sequence would prove m = 2 m."""
    step = Deduction("s", equal(m, 2 * m), by=(By("one", sp.Integer(-1)), By("two")))
    with pytest.raises(ProofError, match="the condition"):
        _check(_runs("one", 1, 1), _runs("two", 2, 2), step)


def test_words_are_counted_and_prove_nothing():
    words = Words("w", "clearly")
    assert _check(Identity("s", equal(p + p, 2 * p)), words).in_words == 1
    with pytest.raises(ProofError, match="no earlier checked step"):
        _check(words, Deduction("s", at_least(x, y), by=(By("w"),)))
    with pytest.raises(ProofError, match="conclusion"):
        Derivation("T0", "", "", "proved", (), (words,), ("w",)).check()


def test_a_theorem_that_fails_says_so_in_its_status():
    theorem = Derivation("T0", "", "", "proved", (), (Identity("s", equal(x, y)),), ("s",))
    assert theorem.status().startswith("NOT PROVED (T0, step 's'")


@pytest.mark.parametrize("expression", [x, x + p, -p, p - q, sp.exp(x) - 1, sp.log(p), x**3, total(b[i])])
def test_no_sign_is_claimed_where_none_holds(expression):
    assert not positive(expression)
    assert not nonnegative(expression)


@pytest.mark.parametrize(
    "expression", [p + q, p * q, x**2 + p, sp.exp(x), sp.exp(p) - 1, total(sp.exp(b[i])), sp.Max(x, p)]
)
def test_signs_that_hold(expression):
    assert positive(expression)


def test_sums_of_any_length_are_compared():
    mean = total(b[i]) / k
    assert identical(total((b[i] - mean) ** 2), total(b[i] ** 2) - k * mean**2)
    assert not identical(total(b[i]) ** 2, total(b[i] ** 2))


@pytest.mark.parametrize("expression", [1 / x, sp.log(x), sp.sqrt(x), x**-2 + p])
def test_what_may_be_undefined_is_found(expression):
    assert undefined_part(expression) is not None


def test_a_false_counterexample_is_refused():
    with pytest.raises(ProofError, match="could not decide"):
        Counterexample("", "", (greater(sp.Rational(1, 3), sp.Rational(1, 2)),)).check()


time = sp.Symbol("t", nonnegative=True)
later = sp.Symbol("t", positive=True)
z, other = (sp.Function(name, real=True) for name in ("z", "z_2"))
START = {"start": at_least(z(0), 1)}


def comparison(**changed):
    """Z' = -a (z - 1) + p, z(0) >= 1: z >= 1."""
    right = {
        "claim": at_least(z(time), 1), "given": START, "variable": time,
        "rates": {z(time): -x * (z(time) - 1) + p},
        "decay": x, "forcing": p, "start": By("start"),
    }  # fmt: skip
    return Comparison("s", **{**right, **changed})


def test_a_comparison_proves_what_the_integrating_factor_does():
    assert _check(comparison()).checked == 1
    assert _check(
        comparison(claim=greater(z(later), 1), variable=later, rates={z(later): p}, decay=p * 0)
    ).checked
    strict = {"start": greater(z(0), 1)}
    free = comparison(
        claim=greater(z(time), 1), given=strict, rates={z(time): -x * (z(time) - 1)}, forcing=sp.Integer(0)
    )
    assert _check(free).checked == 1
    rest = {"start": equal(z(0), sp.Integer(1))}
    still = {"rates": {z(time): -x * (z(time) - 1)}, "forcing": sp.Integer(0)}
    assert _check(comparison(claim=equal(z(time), 1), given=rest, **still)).checked == 1


PAIR = {
    "given": {"start": at_least(z(0), 1), "other": at_least(other(0), 2)},
    "rates": {z(time): q * (other(time) - 2), other(time): x * (other(time) - 2) + p * (z(time) - 1)},
    "decay": sp.Integer(0), "forcing": sp.Integer(0), "weights": (q,),
}  # fmt: skip


def companion(**changed):
    right = {"claim": at_least(other(time), 2), "decay": -x, "weights": (p,), "start": By("other")}
    return (Coordinate(**{**right, **changed}),)


def test_a_coupled_pair_keeps_the_positive_cone():
    assert _check(comparison(**PAIR, companions=companion())).checked == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"forcing": -p},  # a wrong identity
        {"rates": {z(time): -x * (z(time) - 1) - p}, "forcing": -p},  # pushed down
        {"rates": {z(time): -x * z(time) + p}},  # decays to 0, below 1
        {"given": {"start": at_least(z(0), sp.Rational(1, 2))}},
        {"given": {"start": at_least(1, z(0))}},
        {"claim": greater(z(time), 1)},  # at time 0 it may be 1
        {
            "claim": greater(z(later), 1),
            "variable": later,
            "rates": {z(later): 0 * p},
            "decay": 0 * p,
            "forcing": 0 * p,
        },
        {"claim": equal(z(time), 1)},
        {"rates": {}},
        {"variable": sp.Symbol("t", real=True)},
        {"decay": 1 / x, "rates": {z(time): -(z(time) - 1) / x + p}},
        {"decay": sp.Heaviside(x), "rates": {z(time): -sp.Heaviside(x) * (z(time) - 1) + p}},
        {"claim": at_least(sp.Abs(z(time)) + 1, 1)},
        {"supported": (By("start", -p),)},
        {**PAIR},  # the other coordinate is not claimed
        {**PAIR, "companions": companion(decay=x)},
        {**PAIR, "companions": companion(start=By("start"))},
        {**PAIR, "companions": companion(weights=(-p,))},
        {**PAIR, "companions": companion(weights=())},
        {
            **PAIR,
            "rates": {
                z(time): -q * (other(time) - 2),
                other(time): x * (other(time) - 2) + p * (z(time) - 1),
            },
            "weights": (-q,),
            "companions": companion(),
        },
    ],
    ids=str,
)
def test_a_comparison_refuses(changed):
    with pytest.raises(ProofError, match="T0, step 's'"):
        _check(comparison(**changed))


def crossing(inward, **changed):
    right = {
        "claim": greater(z(time), other(time)),
        "given": {"start": greater(z(0), other(0)), "rates": greater(x, y)},
        "variable": time, "start": By("start"), "inward": By(inward), "rates": {z(time): x, other(time): y},
    }  # fmt: skip
    return FirstCrossing("s", **{**right, **changed})


def test_a_first_crossing_needs_a_strict_start_and_strict_rates():
    lemma = Deduction("lemma", greater(x + 1, y + 1), by=(By("rates"),), given={"rates": greater(x, y)})
    assert _check(lemma, crossing("lemma")).checked == 2
    for changed in (
        {"given": {"start": at_least(z(0), other(0)), "rates": greater(x, y)}},
        {"given": {"start": greater(z(0), other(0))}},  # the lemma's condition is not met
        {"rates": {z(time): y, other(time): x}},
        {"rates": {z(time): x}},
        {"claim": at_least(z(time), other(time))},
    ):
        with pytest.raises(ProofError, match="T0, step 's'"):
            _check(lemma, crossing("lemma", **changed))


mean = sp.Symbol("mean", positive=True)


@pytest.mark.parametrize(
    ("slope", "function", "right"),
    [
        (mean, x**2, mean * (x - y)),  # the slope of x^2 is not > 0
        (sp.Symbol("mean", real=True), sp.Abs(x), sp.Symbol("mean", real=True) * (x - y)),
        (mean, sp.exp(x), mean * (y - x)),
        (sp.Symbol("mean", integer=True), sp.exp(x), sp.Symbol("mean", integer=True) * (x - y)),
        (x, sp.exp(x), x * (x - y)),
    ],
)
def test_a_mean_slope_is_refused(slope, function, right):
    claim = equal(function.subs(x, sp.Symbol("u", real=True)) - function.subs(x, y), right)
    with pytest.raises(ProofError):
        _check(
            Secant(
                "s", claim, slope=slope, function=function, variable=x, ends=(sp.Symbol("u", real=True), y)
            )
        )


def test_a_mean_slope_is_a_new_symbol():
    u = sp.Symbol("u", real=True)

    def secant(name, function):
        claim = equal(function.subs(x, u) - function.subs(x, y), mean * (u - y))
        return Secant(name, claim, slope=mean, function=function, variable=x, ends=(u, y))

    assert _check(secant("one", sp.exp(x))).checked == 1
    with pytest.raises(ProofError, match="has a meaning already"):
        _check(secant("one", sp.exp(x)), secant("two", 2 * sp.exp(x)))


def test_a_function_that_rises_from_0_on_is_monotone_there():
    u, w = sp.symbols("u w", nonnegative=True)
    square = {"of": By("g"), "given": {"g": greater(u, w)}, "function": u**2, "variable": u}
    assert _check(Monotone("s", greater(u**2, w**2), **square)).checked == 1


def test_an_induction_of_an_inequality():
    a, b = (sp.Function(name, nonnegative=True) for name in ("a", "b"))
    right = {
        "variable": m, "first": {a(1): p, b(1): sp.Integer(0)},
        "following": {a(m + 1): q * a(m), b(m + 1): q * b(m)},
        "base": p, "weight": q,
    }  # fmt: skip
    claim = at_least(a(m), b(m))
    assert _check(Induction("s", claim, **right)).checked == 1
    for changed in ({"base": -p}, {"weight": p}, {"following": {a(m + 1): q * a(m), b(m + 1): 2 * q * b(m)}}):
        with pytest.raises(ProofError, match="T0, step 's'"):
            _check(Induction("s", claim, **{**right, **changed}))
