"""T9, T11, T11' and T14 where floats overflow, underflow or tie, by rational numbers, mpmath and the flow."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory import (
    DomainError,
    bias_gap_bounds,
    escape_gap,
    escape_schedule,
    plateau_law,
    plateau_start,
    quadratic_plateau_law,
)
from tests.mli_theory.second_routes.reduced_flow import reduced_flow

anything = st.floats(-1.7e308, 1.7e308)


def schedule_by_fractions(diagonal, degree, shares):
    """T9's rule in rational numbers, classes that tie in order of their share, then of their weight."""
    left = {
        j: 1 / (Fraction(w) ** (degree - 2) * degree * (degree - 2))
        for j, w in enumerate(map(float, diagonal))
    }
    pi = [Fraction(float(p)) for p in shares]
    times, now = [math.inf] * len(left), Fraction(0)
    while len(left) > 1:
        total = sum(pi[j] for j in left)
        rate = {j: pi[j] * (total - pi[j]) / total for j in left}
        first = min(left, key=lambda j: (left[j] / rate[j], -pi[j], -diagonal[j]))
        wait = left[first] / rate[first]
        now += wait
        gone = [j for j in left if (diagonal[j], pi[j]) == (diagonal[first], pi[first])]
        left = {j: left[j] - rate[j] * wait for j in left if j not in gone}
        for j in gone:
            times[j] = float(now)
    return times


# Quarters and eighths make exact ties of unequal shares common.
@example(pairs=[(0.25, 0.25), (0.25, 0.75)], degree=3)
@example(pairs=[(0.125, 0.25), (0.125, 0.25), (0.125, 0.5)], degree=3)
@example(pairs=[(0.3, 0.1), (0.3, 0.2), (0.3, 0.7)], degree=5)
@example(pairs=[(0.3, 0.1), (np.nextafter(0.3, 0), 0.9)], degree=3)
@given(
    pairs=st.lists(
        st.tuples(st.sampled_from([0.0625, 0.1, 0.125, 0.25, 0.3]), st.integers(1, 8).map(float)),
        min_size=2,
        max_size=5,
    ),
    degree=st.integers(3, 6),
)
def test_T9_order_at_ties_is_that_of_rational_numbers(pairs, degree):
    diagonal, sizes = map(np.array, zip(*pairs, strict=True))
    shares = sizes / sizes.sum()
    found = escape_schedule(diagonal, degree, shares)
    expected = np.array(schedule_by_fractions(diagonal, degree, shares))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_T9_many_classes_take_no_longer_than_they_should():
    diagonal = 0.1 + 0.1 * np.random.default_rng(0).uniform(size=3000)
    assert np.isinf(escape_schedule(diagonal, 3)).sum() == 1


@pytest.mark.parametrize("call", [escape_schedule, escape_gap])
def test_a_potential_below_the_least_float_is_refused(call):
    with pytest.raises(DomainError, match="nearer to 1"):
        call([1e300, 1e299], 5)


@example(sizes=[1e-154] * 100, degree=4, eps=1e-5)
@given(
    sizes=st.lists(st.floats(1e-150, 1e150), min_size=2, max_size=5),
    degree=st.integers(3, 5),
    eps=st.sampled_from([5e-324, 1e-300, 1e-5, 0.1]),
)
def test_T11_prime_bounds_are_those_of_mpmath(sizes, degree, eps):
    spent = [mpmath.mpf(w) ** (2 - degree) / (degree * (degree - 2)) for w in sizes]
    if max(spent) > 1.7e308 or min(spent) < 2.3e-308:
        with pytest.raises(DomainError, match="beyond float64"):
            bias_gap_bounds(np.diag(sizes), degree, eps)
        return
    bounds = bias_gap_bounds(np.diag(sizes), degree, eps)
    with mpmath.workdps(60):
        spent = [mpmath.mpf(w) ** (2 - degree) / (degree * (degree - 2)) for w in sizes]
        gap = max(spent) + sum(spent) - min(spent)
        margin = -mpmath.log(mpmath.expm1(len(sizes) * mpmath.mpf(eps)))
        beta = gap / (gap + margin)
        assert bounds.gap == (math.inf if gap > 1.79e308 else pytest.approx(float(gap), rel=1e-12))
        assert bounds.beta == pytest.approx(float(beta), rel=1e-12)
        assert bounds.plateau_end == pytest.approx(float(beta ** (mpmath.mpf(1) / (degree - 1))), rel=1e-12)


@example(signal=[[1e300, 0.0]], bias=[0.0, 1e-100], degree=2, scale=1e-200)
@example(signal=[[1.0, 0.0]], bias=[-1.7e308, 1.7e308], degree=2, scale=1e-3)
@example(signal=[[1.7e308, -1.7e308], [1e308, 0.0]], bias=[0.0, 5e-324], degree=2**53 - 1, scale=0.5)
@given(
    signal=st.lists(st.lists(anything, min_size=3, max_size=3), min_size=1, max_size=3),
    bias=st.lists(anything, min_size=3, max_size=3, unique=True),
    degree=st.integers(2, 2**53 - 1) | st.integers(2, 9),
    scale=st.floats(5e-324, 1.7e308),
)
def test_T14_is_rounded_once_and_0_only_where_the_class_leads(signal, bias, degree, scale):
    found = plateau_start(signal, bias, degree, scale)
    held = bias.index(max(bias))
    slowest = max(
        (Fraction(row[i]) - Fraction(row[held])) / (Fraction(bias[held]) - Fraction(bias[i]))
        for row in signal
        for i in range(len(bias))
        if i != held
    )
    assert (found == 0) == (slowest <= 0)
    if slowest > 0:
        with mpmath.workdps(80):
            log = degree * mpmath.log(scale) + mpmath.log(mpmath.mpf(slowest.numerator) / slowest.denominator)
            if log < -744:
                assert found <= 1e-323
            elif log > 709.8:
                assert found > 1.7e308
            else:
                assert found == pytest.approx(float(mpmath.exp(log)), rel=1e-15, abs=5e-324)


@pytest.mark.parametrize(("ratio", "eps"), [(1e300, 1e-3), (1e100, 1e-8), (1.5, 0.3), (1.0001, 1e-3)])
def test_T11_at_degree_2_follows_the_flow_at_all_ratios(ratio, eps):
    scale = 1e-3
    flow = reduced_flow([scale, scale / ratio], 2, eps)
    law = quadratic_plateau_law(ratio, eps, init_scale=scale)
    assert law.bias_gap == pytest.approx(flow.gaps().max(), rel=1e-4, abs=1e-8)
    assert law.signal == pytest.approx(flow.weights[-1, 0] ** 2, rel=1e-5)


@given(
    excess=st.floats(2.3e-16, 1.7e308),
    eps=st.floats(5e-324, 0.69),
    scale=st.none() | st.floats(5e-324, 1.7e308),
)
# One class is learned at the start: the gap moves alone.
@example(excess=5389698.0, eps=0.0625, scale=6.0)
@example(excess=5389698.0, eps=0.25, scale=6.0)
@example(excess=1e300, eps=0.3, scale=20.0)
@settings(max_examples=40)
def test_T11_at_degree_2_ends_at_the_final_loss_or_is_refused(excess, eps, scale):
    ratio = 1 + excess
    try:
        law = quadratic_plateau_law(ratio, eps, init_scale=scale)
    except DomainError:
        return
    assert 0 < law.bias_gap < math.log(ratio)
    assert law.beta == pytest.approx(law.bias_gap / law.signal)
    with mpmath.workdps(400):
        v1, gap = mpmath.mpf(float(law.signal)), mpmath.mpf(float(law.bias_gap))
        v2 = v1 * mpmath.exp(2 * (gap - mpmath.log(ratio)))
        loss = (mpmath.log1p(mpmath.exp(gap - v1)) + mpmath.log1p(mpmath.exp(-gap - v2))) / 2
        assert float(mpmath.log(loss / eps)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("regime", ["small_scale", "small_loss"])
@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("r", [3, 10**6, 2**62])
@pytest.mark.parametrize("k", [2, 1000, 2**62])
def test_T11_solves_its_pair_of_equations_to_the_last_digits_or_is_refused(k, r, order, regime):
    m, n_active = (4, 1) if regime == "small_scale" else (2 * k, k - 1)
    with mpmath.workdps(60):
        q = 2 - mpmath.mpf(2) / r
        for eps in (5e-324, 1e-20, 1e-3, 1e-19):
            try:
                law = plateau_law(k, r, eps, regime, next_order=order)
            except DomainError:
                continue

            def gap(v, eps=eps):
                return mpmath.log(n_active * (1 + 1 / (1 + r**2 * v**q / m)) / (k * mpmath.mpf(eps)))

            def excess(v, gap=gap):
                x = r**2 * v**q / m
                later = mpmath.log1p(q * (x / (1 + x)) ** 2 / v) if order else 0
                return v - 2 * gap(v) - mpmath.log1p(x) + later

            v = mpmath.findroot(excess, mpmath.mpf(float(law.signal)))
            assert law.signal == pytest.approx(float(v), rel=1e-13)
            # k eps is rounded: what is left of 1 + 1e-14 has two digits.
            assert law.bias_gap == pytest.approx(float(gap(v)), rel=1e-11, abs=2.3e-16)
            assert law.bias_gap > 0
