"""Rounded roots against powers of the rounded number, in rational numbers and, for huge orders, in mpmath."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mli_theory import correct_interval
from mli_theory.homogeneous_path.float_roots import ceil_root, floor_root

positive = st.floats(5e-324, 1.7e308).map(Fraction)


@example(power=Fraction(1, 4), order=2)
@example(power=Fraction(5e-324) ** 3, order=3)
@example(power=Fraction(5e-324) / Fraction(1.7e308), order=1)
@given(power=st.builds(Fraction.__truediv__, positive, positive), order=st.integers(1, 40))
def test_the_power_of_a_rounded_root_brackets_the_power(power, order):
    below, above = floor_root(power, order), ceil_root(power, order)
    assert Fraction(below) ** order <= power <= (math.inf if math.isinf(above) else Fraction(above) ** order)
    assert above in (below, math.nextafter(below, math.inf))
    assert (above == below) == (Fraction(below) ** order == power)


@example(base=1.0, order=2**53 - 1, nudge=-1)
@example(base=0.75, order=700, nudge=0)
@given(
    base=st.floats(0.5, 1).map(lambda v: float(np.float16(v))),
    order=st.integers(1, 90),
    nudge=st.integers(-1, 1),
)
def test_exact_roots_are_told_from_their_neighbours(base, order, nudge):
    power = Fraction(base) ** (order if base != 1 else 1) + Fraction(nudge, 2**3000)
    expected = base if nudge >= 0 else math.nextafter(base, 0)
    assert floor_root(power, order) == expected
    assert ceil_root(power, order) == (base if nudge <= 0 else math.nextafter(base, 2))


@example(power=Fraction(5e-324), order=2**53 - 1)
@given(power=positive.filter(lambda p: p < 1), order=st.integers(1000, 2**53 - 1))
def test_huge_orders_are_rounded_as_mpmath_says(power, order):
    with mpmath.workdps(400):
        root = mpmath.exp(mpmath.log(mpmath.mpf(power.numerator) / power.denominator) / order)
        below = floor_root(power, order)
        assert mpmath.mpf(below) <= root < mpmath.mpf(math.nextafter(below, 2))


@given(
    s=st.lists(st.floats(-1e308, 1e308), min_size=2, max_size=2, unique=True),
    b=st.lists(st.floats(-1e308, 1e308), min_size=2, max_size=2, unique=True),
    degree=st.sampled_from([1025, 10**5, 2**53 - 1]),
)
def test_T1_at_huge_degrees_is_the_rounded_root_of_mpmath(s, b, degree):
    (lo,), (hi,) = correct_interval([s], b, [0], degree)
    with mpmath.workdps(800):
        d, c = mpmath.mpf(s[0]) - s[1], mpmath.mpf(b[1]) - b[0]
        tie = mpmath.power(c / d, mpmath.mpf(1) / (degree - 1)) if c / d > 0 else mpmath.mpf(0)
        if d > 0 and tie >= 1:  # overtakes at 1 or later
            assert np.isnan(lo)
        elif d > 0:
            assert lo == pytest.approx(float(tie), rel=3e-16)
            assert lo <= tie
            assert hi == math.inf
        elif c < 0:  # ahead until the tie
            assert (hi == math.inf) == (tie > 1)
            assert hi == math.inf or (hi >= tie and hi == pytest.approx(float(tie), rel=3e-16))
        else:
            assert np.isnan(lo)
