"""T4 where floats overflow or cancel: values from mpmath and from rational numbers, by the definitions."""

import math
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli.testing import degrees, labels
from mli_theory import DomainError, loss_bump, loss_expansion, loss_sandwich

offsets = st.sampled_from([0.0, 1e8, -1e15, 1e40])
sizes = st.sampled_from([1e-300, 1e-160, 1e-8, 1.0, 1e8, 1e49])


@st.composite
def problems(draw):
    """(signal, bias, labels, degree): all sizes up to 1e50, what all classes share far above the rest."""
    k, n = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    row = st.lists(st.floats(-1, 1).map(lambda v: float(np.float32(v))), min_size=k, max_size=k)
    biases = np.array(draw(row)) * draw(sizes) + draw(offsets)
    signal = [np.array(draw(row)) * draw(sizes) + draw(offsets) for _ in range(n)]
    return (
        np.array(signal),
        biases,
        draw(labels(n, k)),
        draw(degrees(40)),
    )


def exact_moments(signal, bias, labels):
    """(M, C, V) in rational numbers, by theory.md's definitions."""
    rows, b = [[Fraction(v) for v in row] for row in signal.tolist()], [Fraction(v) for v in bias.tolist()]
    k, n = len(b), len(rows)
    mean = sum(b) / k
    margin = sum(row[y] - sum(row) / k for row, y in zip(rows, labels, strict=True)) / n
    covariance = sum(
        sum((x - mean) * (v - sum(row) / k) for x, v in zip(b, row, strict=True)) / k for row in rows
    )
    return margin, covariance / n, sum((x - mean) ** 2 for x in b) / k


def series_of_log(moments):
    """Coefficients of log f from those of f, f(0) = 1, in rational numbers: (log f)' f = f'."""
    log = [Fraction(0)] * len(moments)
    for m in range(1, len(moments)):
        inner = sum((j * log[j] * moments[m - j] for j in range(1, m)), Fraction(0))
        log[m] = moments[m] - inner / m
    return log


def as_float(value):
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def close(found, true, size):
    """Equal to 1e-12 of `size`, the largest of the terms that `true` is summed from."""
    return found == as_float(true) or abs(Fraction(found) - true) <= Fraction(10) ** -12 * size + Fraction(
        5e-324
    )


@example(problem=(np.array([[1e8] * 3]), np.array([1e8 + 0.1, 1e8, 1e8]), [0], 3))
@example(problem=(np.array([[1.0, 0], [0, 1]]), np.array([1e10, 0]), [0, 1], 40))
@example(problem=(np.array([[0.0] * 6]), np.array([1e49, -1e49, 0, 0, 0, 0]), [0], 12))  # its kappa_4 is 0
@given(problem=problems())
@settings(max_examples=60)
def test_T4_numbers_are_those_of_rational_arithmetic(problem):
    signal, bias, labels, r = problem
    expansion = loss_expansion(*problem)
    margin, covariance, variance = exact_moments(signal, bias, labels)
    spread = Fraction(float(np.ptp(signal, axis=1).max()))
    width = Fraction(float(np.ptp(bias)))
    assert close(expansion.margin, margin, spread)
    assert close(expansion.covariance, covariance, spread * width)
    assert close(expansion.variance, variance, width**2)
    b = [Fraction(v) - Fraction(bias.tolist()[0]) for v in bias.tolist()]
    moments = [sum(x**m for x in b) / Fraction(len(b) * math.factorial(m)) for m in range(r + 2)]
    exact = series_of_log(moments)
    for m in range(2, r):
        assert expansion.coefficients[m] == pytest.approx(as_float(exact[m]), rel=1e-15, abs=5e-324)
    assert not np.isnan(expansion.coefficients).any()


@example(problem=(np.array([[1e8] * 3]), np.array([1e8 + 0.1, 1e8, 1e8]), [0], 3), alpha=1.0)
@given(problem=problems(), alpha=st.floats(0, 1))
@settings(max_examples=60)
def test_T4_expansion_and_bounds_are_those_of_mpmath(problem, alpha):
    signal, bias, labels, r = problem
    with mpmath.workdps(150):
        margin, covariance, _ = (mpmath.mpf(v.numerator) / v.denominator for v in exact_moments(*problem[:3]))
        a, b = mpmath.mpf(alpha), [mpmath.mpf(v) for v in bias.tolist()]
        alone = mpmath.log(sum(mpmath.exp(a * (v - max(b))) for v in b))
        alone += a * sum(max(b) - b[y] for y in labels) / len(labels)
        total = alone - margin * a**r + covariance * a ** (r + 1)
        size = alone + np.ptp(signal, axis=1).max() * (1 + np.ptp(bias)) * a**r
        loss = sum(
            mpmath.log(sum(mpmath.exp(x - z[y]) for x in z))
            for y, z in (
                (y, [a**r * mpmath.mpf(s) + a * c for s, c in zip(row, b, strict=True)])
                for row, y in zip(signal.tolist(), labels, strict=True)
            )
        ) / len(labels)
        (found,) = loss_expansion(*problem).evaluate([alpha])
        assert abs(found - total) <= 1e-12 * size
        (lower,), (upper,) = loss_sandwich(*problem, [alpha])
        assert lower - 1e-12 * size <= loss <= upper + 1e-12 * size


@pytest.mark.filterwarnings(r"ignore:T4 \(the bump\) is good where:UserWarning")  # some biases are not tiny
@given(
    size=st.sampled_from([1e-320, 1e-200, 1e-155, 1e-3, 1.0]),
    degree=st.sampled_from([3, 4, 50, 3000, 10**9]),
    margin=st.sampled_from([1e-300, 1.0, 1e40]),
)
def test_T4_bump_of_tiny_biases_is_that_of_mpmath(size, degree, margin):
    bias, signal = np.array([3.0, -1.0, 0.5]) * size, np.eye(3) * margin
    with mpmath.workdps(50):
        b = [mpmath.mpf(v) for v in bias.tolist()]
        V = sum((v - sum(b) / 3) ** 2 for v in b) / 3
        ratio = V / (degree * mpmath.mpf(margin) * 2 / 3)
        if ratio >= 1:
            with pytest.raises(DomainError, match="V < r M"):
                loss_bump(signal, bias, [0, 1, 2], degree)
            return
        alpha = ratio ** (mpmath.mpf(1) / (degree - 2))
        height = mpmath.mpf(degree - 2) / (2 * degree) * V * alpha**2
    bump = loss_bump(signal, bias, [0, 1, 2], degree)
    tolerance = {"rel": 1e-12 if size > 1e-310 else 1e-3, "abs": 5e-324}  # subnormal biases have few digits
    assert bump.alpha == pytest.approx(float(alpha), **tolerance)
    assert bump.height == pytest.approx(float(height), **tolerance)


def test_T4_next_order_is_refused_by_its_small_parameter_and_leading_order_warns_of_it():
    problem = np.eye(5), [-3, 0.1, 0.1, 0.1, 0.1], range(5), 3
    with pytest.warns(UserWarning, match=r"\(the bump\) is good where .* here it is 1\.59: .* guesses"):
        bump = loss_bump(*problem)
    assert bump.small_parameter == pytest.approx(1.59, abs=0.01)
    loss = [_plain_loss(*problem, alpha) for alpha in np.linspace(0, 1, 401)]
    assert bump.height > 1.5 * (max(loss) - loss[0])  # a guess indeed
    with pytest.raises(DomainError, match=r"small parameter 1\.59"):
        loss_bump(*problem, next_order=True)  # it would be a height below 0


def _plain_loss(signal, bias, labels, degree, alpha):
    logits = [[alpha**degree * s + alpha * b for s, b in zip(row, bias, strict=True)] for row in signal]
    return sum(
        math.log(sum(map(math.exp, z))) - z[label] for z, label in zip(logits, labels, strict=True)
    ) / len(logits)


@pytest.mark.parametrize(("size", "warns"), [(0.999, False), (1.001, True)])
def test_T4_warns_from_a_small_parameter_of_1_on(size, warns):
    # V = 16, and alpha_b = V / (3 M) = size / 4 at degree 3 by this M.
    bias, degree = [-4.0, 4.0], 3
    signal = 16 * 4 / (3 * size) * (2 * np.eye(2) - 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bump = loss_bump(signal, bias, [0, 1], degree)
    assert bump.small_parameter == pytest.approx(size, rel=1e-12)
    assert bool(caught) == warns


@given(
    bias=st.lists(st.floats(-5, 5), min_size=3, max_size=3),
    noise=st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    degree=st.integers(3, 9),
)
def test_T4_next_order_rises_on_the_line_or_is_refused(bias, noise, degree):
    signal = 4 * np.eye(3) + np.reshape(noise, (3, 3))
    try:
        bump = loss_bump(signal, bias, [0, 1, 2], degree, next_order=True)
    except DomainError:
        return
    assert bump.height >= 0
    assert 0 <= bump.alpha <= 1
    assert bump.small_parameter < 1


def test_T4_lists_no_more_coefficients_than_it_can():
    with pytest.raises(DomainError, match="5,000, got 5001"):
        loss_expansion(np.eye(2), [0, 1], [0, 1], 5001)
