"""T9b: the bounds against mpmath's quadrature and flows, and each hypothesis dropped."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli.testing import degrees, diagonal_starts
from mli_theory import DomainError, first_learning_time_bounds
from simulations.gradient_flow import integrate


def by_quadrature(diagonal, r):
    with mpmath.workdps(30):
        k, w = len(diagonal), mpmath.mpf(max(diagonal))
        spent = w ** (2 - r) / (r * (r - 2)) - mpmath.mpf(1) / (r * (r - 2))
        waiting = mpmath.quad(lambda x: mpmath.expm1(x**r) * x ** (1 - r) / r, [w, 1])
        simple = (mpmath.e - 1) * k * (1 - w**2) / (2 * r * (k - 1))
        first = mpmath.mpf(k) ** 2 / (k - 1) * spent
        return first, first + mpmath.mpf(k) / (k - 1) * waiting, first + simple


@settings(max_examples=20)
@given(diagonal=st.lists(st.floats(1e-3, 1, exclude_max=True), min_size=2, max_size=6), degree=degrees(9, 3))
@example(diagonal=[np.nextafter(1.0, 0), 0.0], degree=3)
@example(diagonal=[0.5, 0.5], degree=3)
@example(diagonal=[1e-30, 0.0, 0.0], degree=3)
def test_the_bounds_are_the_printed_ones(diagonal, degree):
    found = first_learning_time_bounds(diagonal, degree)
    lower, upper, simple = by_quadrature(diagonal, degree)
    assert float(lower) * (1 - 4e-14) <= found.lower <= lower
    assert upper * (1 - mpmath.mpf("1e-30")) <= found.upper <= float(upper) * (1 + 4e-14)
    assert simple <= found.simple_upper <= float(simple) * (1 + 4e-14)
    assert found.upper <= found.simple_upper * (1 + 1e-13)


def first_time(weights, degree, **more):
    return float(integrate(weights, degree, 1e-2, **more).signal_time.min())


@settings(max_examples=5)
@given(diagonal=diagonal_starts(max_classes=5, sizes=(0.05, 0.9), zero_last=True), degree=degrees(7, 3))
@example(diagonal=np.array([0.3, 0.3]), degree=3)
def test_a_flow_learns_its_first_class_between_the_bounds(diagonal, degree):
    found = first_learning_time_bounds(diagonal, degree)
    # The solver's time is right to its tolerance.
    assert found.lower * (1 - 1e-5) <= first_time(np.diag(diagonal), degree) <= found.upper * (1 + 1e-5)


DIAGONAL = [0.3, 0.2, 0.1]


@pytest.mark.parametrize(
    ("weights", "more"),
    [
        (np.diag(DIAGONAL), {"class_shares": [0.8, 0.1, 0.1]}),
        (np.diag(DIAGONAL), {"bias": [3.0, 0.0, -3.0]}),
        (np.diag(DIAGONAL) + 0.9 * (1 - np.eye(3)), {}),
    ],
    ids=["equal classes", "b(0) = 0", "weights off the diagonal 0"],
)
def test_a_dropped_hypothesis_breaks_the_bounds(weights, more):
    found = first_learning_time_bounds(DIAGONAL, 3)
    time = first_time(weights, 3, **more)
    assert not found.lower <= time <= found.upper


def test_what_is_beyond_float64_is_infinite():
    found = first_learning_time_bounds([1e-30, 0.0], 40)
    assert found.lower == found.upper == np.inf


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (([0.1, 0.2], 2), "T9b needs an integer degree >= 3, got 2"),
        (([0.1], 3), "at least 2 classes"),
        (([0.1, -0.2], 3), r"diagonal\[1\] = -0\.2"),
        (([1.0, 0.2], 3), r"between 0 and 1, got 1\.0"),
        (([0.0, 0.0], 3), r"between 0 and 1, got 0\.0"),
        (([np.nan, 0.2], 3), r"diagonal\[0\] = nan"),
    ],
)
def test_outside_the_theorem_it_and_the_value_are_named(arguments, shown):
    with pytest.raises(DomainError, match=shown):
        first_learning_time_bounds(*arguments)
