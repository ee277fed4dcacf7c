"""Isolation and refinement against sympy and against polynomials whose roots are written down."""

import signal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import sympy
from flint import fmpz_poly
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory import certify
from mli_theory.certificates import root_isolation
from mli_theory.certificates.exact_roots import compare, unit_roots
from mli_theory.certificates.root_isolation import isolate
from mli_theory.certificates.root_refinement import first_enclosure, narrow

# The example of faults.md: roots 1e-224 apart, over 25 s in one call of flint's complex_roots.
CLUSTER = ([[1e-100, 1], [5e-324, 1]], [0, 0], [[-2, 1], [0, 1]], [0, 0], 3)


def with_roots(roots, factor=(1,)):
    p = fmpz_poly(list(factor))
    for root in roots:
        p *= fmpz_poly([-root.numerator, root.denominator])
    return p


@st.composite
def clusters(draw):
    """Different rational roots in (0, 1): some 2^-m apart, some within 2^-m of 0 or 1, m to 800."""
    centre = draw(st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50))
    bits = draw(st.lists(st.integers(7, 800), min_size=1, max_size=4))
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=4, max_size=4))
    near = {centre + sign * Fraction(1, 2**m) for m, sign in zip(bits, signs, strict=False)}
    ends = draw(st.sets(st.integers(7, 800), max_size=2))
    tiny = {Fraction(1, 2**m) for m in ends}
    return sorted({centre, *near, *tiny, *(1 - t for t in tiny)})


@given(
    roots=clusters(), factor=st.sampled_from([(1,), (1, 0, 1), (-1, 0, 0, 3), (5, -4, 1), (0, 1), (-1, 1)])
)
@example(roots=[Fraction(1, 2)], factor=(-1, 2, 0, 5))
@settings(max_examples=60)
def test_written_down_roots_are_found_each_alone(roots, factor):
    p = with_roots(roots, factor)
    expected = sorted({*roots, *(r for r in [Fraction(1)] if sum(factor) == 0)})
    found = sorted((root for root, _ in unit_roots(p)), key=lambda root: root.lower)
    if factor == (-1, 0, 0, 3):  # its root is irrational, (1/3)^(1/3)
        found = [root for root in found if not (3 * root.lower**3 < 1 < 3 * root.upper**3)]
    elif factor == (-1, 2, 0, 5):
        found = [
            root
            for root in found
            if not (5 * root.lower**3 + 2 * root.lower < 1 < 5 * root.upper**3 + 2 * root.upper)
        ]
    assert [root.compare(value) for root, value in zip(found, expected, strict=True)] == [0] * len(expected)
    assert all(a.upper < b.lower for a, b in pairwise(found))
    assert all(0 < root.lower <= root.upper <= 1 for root in found)
    assert all(root.upper - root.lower <= root.lower / 2**64 for root in found)


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=9).filter(lambda c: any(c[1:])))
@example([1, -16, 96, -256, 256, 0, 0, 1])  # (1 - 4x)^4 + x^7
@settings(max_examples=60)
def test_intervals_hold_the_real_roots_of_sympy_one_each(coefficients):
    x = sympy.Symbol("x")
    exact = sympy.Poly(coefficients[::-1], x)
    squarefree = exact.quo(exact.gcd(exact.diff(x)))
    integers = [int(c) for c in squarefree.clear_denoms()[1].all_coeffs()[::-1]]
    found = isolate(fmpz_poly(integers))
    rationals = [[sympy.Rational(e.numerator, e.denominator) for e in ends] for ends in found]
    for lower, upper in rationals:
        if lower == upper:
            assert squarefree.eval(lower) == 0
        else:  # sympy counts roots in the closed interval
            at_ends = sum(squarefree.eval(end) == 0 for end in (lower, upper))
            assert squarefree.count_roots(lower, upper) - at_ends == 1
    inside = squarefree.count_roots(0, 1) - sum(squarefree.eval(end) == 0 for end in (0, 1))
    assert len(found) == inside
    assert all(a[1] <= b[0] for a, b in pairwise(found))


@given(power=st.integers(1, 900), target=st.integers(1, 900))
def test_refinement_keeps_an_irrational_root_between_its_ends(power, target):
    # sqrt(1/2) 2^-power: p = 2^(2 power + 1) x^2 - 1, alone in (0, 1).
    p = fmpz_poly([-1, 0, 2 ** (2 * power + 1)])
    lower, upper = first_enclosure(p, Fraction(0), Fraction(1))
    assert 0 < lower < upper < 1
    assert 2 ** (2 * power + 1) * lower**2 < 1 < 2 ** (2 * power + 1) * upper**2
    closer = narrow(p, lower, upper, Fraction(1, 2 ** (power + target)))
    assert closer[1] - closer[0] <= Fraction(1, 2 ** (power + target))
    assert 2 ** (2 * power + 1) * closer[0] ** 2 < 1 < 2 ** (2 * power + 1) * closer[1] ** 2


def test_a_wilkinson_cluster_of_equal_polynomials_is_one_root():
    p = with_roots([Fraction(i, 40) for i in range(1, 40)])
    a, b = (sorted((root for root, _ in unit_roots(q)), key=lambda r: r.lower) for q in (p, 7 * p))
    assert len(a) == 39
    assert [compare(x, y) for x, y in zip(a, b, strict=True)] == [0] * 39


class Steps:
    """Counts the tests of Descartes' rule, and raises SIGINT in one of them, as Ctrl-C would."""

    def __init__(self, monkeypatch, interrupt_at=None):
        self.seen, original = 0, root_isolation.sign_changes

        def counted(p):
            self.seen += 1
            if self.seen == interrupt_at:
                signal.raise_signal(signal.SIGINT)
            return original(p)

        monkeypatch.setattr(root_isolation, "sign_changes", counted)


def test_roots_1e_224_apart_take_tens_of_steps_not_seconds(monkeypatch):
    steps = Steps(monkeypatch)
    certificate = certify(*CLUSTER)
    assert steps.seen < 400  # halving alone would take over 2,000
    assert certificate.loss_monotone is False
    # Sample 0: 1e-100 - (2 + 1e-100) a against 5e-324 (1 - a), to the power 3: one meeting.
    (first,) = [change for change in certificate.changes if float(change.alpha) > 0]
    tiny, least = Fraction(1e-100), Fraction(5e-324)
    assert first.alpha.compare((tiny - least) / (2 + tiny - least)) == 0


def test_entries_over_the_whole_range_of_floats_take_tens_of_steps(monkeypatch):
    steps = Steps(monkeypatch)
    rng = np.random.default_rng(0)
    for _ in range(5):
        sizes = [10.0 ** rng.uniform(-308, 0, shape) for shape in ((3, 3), 3, (3, 3), 3)]
        certify(*sizes, 3)
    assert steps.seen < 5 * 400


@pytest.mark.parametrize("step", [1, 20, 50])
def test_control_c_works_between_any_two_steps_and_leaves_no_trace(monkeypatch, step):
    with monkeypatch.context() as patch:
        Steps(patch, interrupt_at=step)
        with pytest.raises(KeyboardInterrupt):
            certify(*CLUSTER)
    again, before = certify(*CLUSTER), certify(*CLUSTER)
    assert [(c.sample, c.at, c.alpha.lower) for c in again.changes] == [
        (c.sample, c.at, c.alpha.lower) for c in before.changes
    ]
