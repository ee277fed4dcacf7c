"""T2's expressions: evaluated in rationals against the numerical plateau, and manipulated."""

from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory import DomainError, plateau, symbolic_plateau

integers = st.integers(-9, 9)


@settings(max_examples=20)  # sympy takes some 200 ms each
@given(
    rows=st.integers(2, 4).flatmap(
        lambda k: st.lists(st.lists(integers, min_size=k, max_size=k), min_size=1, max_size=2)
    ),
    bias=st.lists(integers, min_size=3, max_size=3),
    degree=st.integers(2, 5),
)
def test_T2_expressions_agree_with_the_closed_form(rows, bias, degree):
    k = len(rows[0])
    bias = [*bias[: k - 1], max(bias) + 1]
    symbolic = symbolic_plateau(k)
    ends = []
    for row in rows:
        values = dict(zip(symbolic.symbols.signal, row, strict=True))
        values |= dict(zip(symbolic.symbols.bias, bias, strict=True))
        beta, alpha, lower = (
            expression.subs(values).subs(symbolic.symbols.degree, degree)
            for expression in (symbolic.beta_end, symbolic.alpha_end, symbolic.lower_bound)
        )
        exits = [Fraction(bias[-1] - bias[i], row[i] - row[-1]) for i in range(k - 1) if row[i] > row[-1]]
        assert beta == (sympy.Rational(min(exits)) if exits else sympy.oo)
        assert lower <= alpha
        ends.append(float(alpha))
    found = plateau(rows, bias, [0] * len(rows), degree).end
    assert found == pytest.approx(min(ends), rel=1e-15) if min(ends) <= 1 else found == float("inf")


def test_T2_expressions_can_be_manipulated():
    symbolic = symbolic_plateau(2)
    (s0, s1), (b0, b1) = symbolic.symbols.signal, symbolic.symbols.bias
    r = symbolic.symbols.degree
    lead = sympy.Symbol("S", positive=True)
    end = sympy.simplify(symbolic.alpha_end.subs(s0, s1 + lead))
    assert sympy.simplify(end - ((b1 - b0) / lead) ** (1 / (r - 1))) == 0
    # The plateau fills the line as depth grows, for a fixed ratio (T2).
    ratio = sympy.Symbol("q", positive=True)
    assert sympy.limit(end.subs(b1, b0 + ratio * lead).subs(ratio, sympy.Rational(1, 7)), r, sympy.oo) == 1
    assert {*symbolic.symbols.signal, *symbolic.symbols.bias, r} == symbolic.alpha_end.free_symbols


@pytest.mark.parametrize("n_classes", [1, 0, -3, 2.0, True, "3"])
def test_bad_input_is_refused_with_its_value(n_classes):
    with pytest.raises(DomainError, match="T2 needs an integer n_classes >= 2, got"):
        symbolic_plateau(n_classes)


def test_T2_expressions_of_many_classes_are_right_and_compare_no_pairs(monkeypatch):
    def refuse(*_):
        raise AssertionError("a search over all pairs of terms")

    with monkeypatch.context() as patch:
        for kind in (sympy.Min, sympy.Max):
            patch.setattr(kind, "_is_connected", classmethod(refuse))
        symbolic = symbolic_plateau(60)
    k = 60
    signal, bias = [3 * i % 101 for i in range(k)], [i % 7 for i in range(k - 1)] + [9]
    values = dict(zip(symbolic.symbols.signal + symbolic.symbols.bias, signal + bias, strict=True))
    exits = [Fraction(9 - bias[i], signal[i] - signal[-1]) for i in range(k - 1) if signal[i] > signal[-1]]
    assert symbolic.beta_end.xreplace(values).doit() == sympy.Rational(min(exits))
    # The smallest gap over the largest lead.
    least = sympy.Rational(9 - 6, max(signal) - signal[-1])
    assert symbolic.lower_bound.xreplace({**values, symbolic.symbols.degree: 2}).doit() == least
