"""T1 and T2 against the definition in rational numbers, at the ends and at the floats beside them."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mli.testing import homogeneous_problems
from mli_theory import correct_interval, majority_exit, plateau
from mli_theory.homogeneous_path.intervals import _exact_row
from tests.mli_theory.second_routes.exact_path import correct_at, telling_alphas


def assert_exact_at_every_telling_float(signal, bias, labels, degree):
    lo, hi = correct_interval(signal, bias, labels, degree)
    empty = np.isnan(lo)
    assert lo.dtype == hi.dtype == np.float64
    assert np.array_equal(empty, np.isnan(hi))
    assert ((lo[~empty] >= 0) & (lo[~empty] < 1)).all()
    assert ((hi[~empty] > lo[~empty]) & ((hi[~empty] <= 1) | np.isinf(hi[~empty]))).all()
    for row, label, start, end in zip(signal, labels, lo, hi, strict=True):
        for alpha in telling_alphas(lo, hi):
            assert correct_at(row, bias, label, degree, alpha) == (start < alpha < end), (row, alpha)


@given(homogeneous_problems())
@example((np.array([[1e300, 0.0]]), np.array([0.0, 5e-324]), np.array([0]), 2))  # the tie underflows
@example((np.array([[1e300, 0.0]]), np.array([0.0, 5e-324]), np.array([0]), 64))
@example(
    (np.array([[1e308, -1e308]]), np.array([-1e308, 1e308]), np.array([0]), 3)
)  # both overflow, tie at 1
@example((np.array([[1e308, -1e308]]), np.array([-1.0, 1e308]), np.array([0]), 2))
@example((np.array([[4.0, 0.0]]), np.array([0.0, 1.0]), np.array([0]), 3))  # tie at 1/2, exactly a float
@example((np.array([[2.0, 0.0]]), np.array([0.0, 1.0]), np.array([0]), 3))  # at 2^-1/2, between floats
@example((np.array([[1.0, 0.0]]), np.array([0.0, 1.0]), np.array([0]), 2))  # label only catches up at 1
@example((np.array([[0.0, 1.0]]), np.array([1.0, 0.0]), np.array([0]), 2))  # label is caught up at 1
@example((np.array([[1.0, 1.0]]), np.array([0.0, 0.0]), np.array([0]), 2))  # tied everywhere
@example((np.array([[1.0, 1.0]]), np.array([1.0, 0.0]), np.array([0]), 2))  # equal signals, bias decides
@example(
    (np.array([[8.0, 0.0, 12.0]]), np.array([0.0, 2.0, -1.0]), np.array([0]), 2)
)  # meet in a point: empty
@example((np.array([[1.0, 0.0]]), np.array([0.0, 1 - 2.0**-53]), np.array([0]), 2))  # tie one float below 1
@example((np.array([[1.0, 0.0]]), np.array([0.0, 1.0 / 3]), np.array([0]), 5000))  # beyond the fast degrees
def test_T1_interval_decides_every_float_alpha(problem):
    assert_exact_at_every_telling_float(*problem)


positive = st.floats(0.1, 10)


@pytest.mark.parametrize("degree", [2, 3, 64])
def test_T1_near_ties_that_rounding_would_decide_wrongly_are_settled(degree):
    # Three lines through one point up to rounding: the last place decides whether any alpha is left between
    # the label's passing class 1 and class 2's passing the label. The offset makes the differences round.
    # Random bits on purpose: Hypothesis likes short fractions, whose differences are exact.
    rng = np.random.default_rng(degree)
    c, d, factor, offset = rng.uniform(0.1, 10, (4, 300))
    for i in range(300):
        signal = offset[i] + np.array([[0.0, -10 * d[i], d[i] * factor[i]]])
        bias = offset[i] / 3 + np.array([0.0, c[i], -c[i] * factor[i] / 10])
        assert_exact_at_every_telling_float(signal, bias, np.array([0]), degree)


@given(a=positive, b=positive, c=positive, steps=st.integers(-3, 3), degree=st.integers(2, 64))
def test_T1_near_ties_at_the_end_are_settled(a, b, c, steps, degree):
    # Signal and bias swap the lead within a few units in the last place of a tie at alpha = 1.
    last = b + c - a
    last += steps * np.spacing(last)
    signal, bias = np.array([[a, b]] * 2), np.array([last, c])
    assert_exact_at_every_telling_float(signal, bias, np.array([0, 1]), degree)


@given(homogeneous_problems(max_samples=2, max_classes=40, max_degree=8))
def test_T1_interval_decides_with_many_classes(problem):
    assert_exact_at_every_telling_float(*problem)


@given(homogeneous_problems(max_samples=6, kind="plain", max_degree=64))
def test_fast_route_and_integer_route_give_the_same_floats(problem):
    signal, bias, labels, degree = problem
    lo, hi = correct_interval(signal, bias, labels, degree)
    slow = np.array(
        [_exact_row(row, bias, int(label), degree) for row, label in zip(signal, labels, strict=True)]
    )
    np.testing.assert_array_equal(np.column_stack([lo, hi]), slow)


def test_fast_route_is_taken_and_agrees_on_a_thousand_ordinary_samples(monkeypatch):
    rng = np.random.default_rng(0)
    signal, bias = 4 * rng.normal(size=(1000, 10)), rng.normal(size=10)
    labels = np.where(rng.random(1000) < 0.8, signal.argmax(axis=1), rng.integers(0, 10, 1000))
    slow = [_exact_row(row, bias, int(label), 10) for row, label in zip(signal, labels, strict=True)]

    def refuse(*row):
        raise AssertionError(f"ordinary sample sent to the integers: {row}")

    monkeypatch.setattr("mli_theory.homogeneous_path.intervals._exact_row", refuse)
    lo, hi = correct_interval(signal, bias, labels, 10)
    np.testing.assert_array_equal(np.column_stack([lo, hi]), slow)
    assert np.isfinite(lo).any()
    assert np.isnan(lo).any()
    assert (hi < 1).any()


@pytest.mark.parametrize("n", [8191, 8192, 8193])
def test_blocks_of_rows_join_without_seam(n):
    rng = np.random.default_rng(n)
    signal, bias = rng.normal(size=(n, 3)), rng.normal(size=3)
    labels = rng.integers(0, 3, n)
    lo, hi = correct_interval(signal, bias, labels, 4)
    tail = correct_interval(signal[-3:], bias, labels[-3:], 4)
    np.testing.assert_array_equal((lo[-3:], hi[-3:]), tail)


@given(homogeneous_problems())
def test_T1_the_order_of_the_classes_does_not_matter(problem):
    signal, bias, labels, degree = problem
    order = np.random.default_rng(len(bias)).permutation(len(bias))
    permuted = correct_interval(signal[:, order], bias[order], np.argsort(order)[labels], degree)
    np.testing.assert_array_equal(permuted, correct_interval(signal, bias, labels, degree))


@given(homogeneous_problems(kind="plain"))
def test_T1_a_sample_correct_at_the_end_follows_its_simple_rule(problem):
    signal, bias, labels, degree = problem
    labels = (signal + bias).argmax(axis=1)
    lo, hi = correct_interval(signal, bias, labels, degree)
    for row, label, start, end in zip(signal, labels, lo, hi, strict=True):
        if not correct_at(row, bias, label, degree, 1.0):  # tied at 1
            continue
        assert end == np.inf
        rivals = bias > bias[label]
        assert (start == 0) == (not rivals.any())
        if rivals.any():
            ties = (bias[rivals] - bias[label]) / (row[label] - row[rivals])
            assert start == pytest.approx(ties.max() ** (1 / (degree - 1)), rel=1e-13)


def unique_largest(problem):
    bias = problem[1]
    return (bias == bias.max()).sum() == 1


@given(homogeneous_problems().filter(unique_largest))
@example((np.array([[1e308, -1e308]]), np.array([-1e308, 1e308]), np.array([0]), 2))  # exit at 1 counts
@example((np.array([[1e300, 0.0]]), np.array([0.0, 5e-324]), np.array([0]), 3))
@example((np.array([[2.0, 0.0]]), np.array([0.0, 1.0]), np.array([0]), 64))
def test_T2_exit_is_true_and_tight_at_every_float(problem):
    signal, bias, labels, degree = problem
    majority = int(bias.argmax())
    exits = majority_exit(signal, bias, degree)
    assert ((exits > 0) & ((exits <= 1) | np.isinf(exits))).all()
    for row, end in zip(signal, exits, strict=True):
        for alpha in telling_alphas(exits):
            assert correct_at(row, bias, majority, degree, alpha) == (alpha < end)
    found = plateau(signal, bias, labels, degree)
    assert found.end == exits.min()
    assert found.majority_class == majority
    assert found.error == np.mean(labels != majority)


@given(homogeneous_problems(kind="plain").filter(unique_largest))
def test_T2_gap_over_signal_bounds_the_end_from_below(problem):
    signal, bias, labels, degree = problem
    found = plateau(signal, bias, labels, degree)
    gap = bias.max() - np.sort(bias)[-2]
    largest = (signal - signal[:, [found.majority_class]]).max()
    if largest > 0:
        bound = (gap / largest) ** (1 / (degree - 1))
        assert found.end >= bound * (1 - 1e-13) or bound > 1
    else:
        assert found.end == np.inf


@given(degree=st.integers(2, 64), gap=st.floats(0.01, 10), ratio=st.floats(1.01, 100))
def test_T2_the_bound_is_attained_by_two_classes(degree, gap, ratio):
    found = plateau([[0.0, gap * ratio]], [gap, 0.0], [1], degree)
    assert found.end == pytest.approx((1 / ratio) ** (1 / (degree - 1)), rel=1e-13)


@pytest.mark.parametrize("beta", [0.9, 0.5, 0.1, 0.001])
def test_T2_depth_fills_the_line_at_rate_one_over_r(beta):
    degrees = np.array([64, 128, 256, 512, 1024])
    ends = np.array([plateau([[0.0, 1.0]], [beta, 0.0], [1], int(r)).end for r in degrees])
    leading = 1 - np.log(1 / beta) / (degrees - 1)
    rest = np.abs(ends - leading)
    # O(1/r^2) and no better: doubling r quarters the rest; next term log^2/(2 (r-1)^2).
    slopes = np.diff(np.log(rest)) / np.diff(np.log(degrees - 1))
    assert np.all(np.abs(slopes + 2) < 0.05)
    assert rest[-1] * (degrees[-1] - 1) ** 2 == pytest.approx(np.log(beta) ** 2 / 2, rel=0.01)


def test_T2_example_prediction_changes_before_the_error():
    signal, bias, labels = [[4, 1, -9], [-1, 2, -4], [-5, 8, 8]], [-3, -2, -1], [0, 1, 2]
    found = plateau(signal, bias, labels, 2)
    assert found.end == pytest.approx(1 / 10, rel=1e-15)
    assert (found.error, found.majority_class) == (2 / 3, 2)
    lo, hi = correct_interval(signal, bias, labels, 2)
    assert min(lo[0], lo[1]) == pytest.approx(1 / 6, rel=1e-15)
    assert np.isinf(hi).all()


@given(homogeneous_problems(kind="plain").filter(unique_largest))
def test_T2_error_plateau_is_never_shorter_when_all_end_correct(problem):
    signal, bias, _, degree = problem
    labels = (signal + bias).argmax(axis=1)
    lo, hi = correct_interval(signal, bias, labels, degree)
    others = labels != bias.argmax()
    if np.isinf(hi).all() and others.any():
        # lo is rounded down, the exit up: at most neighbours where the two are one tie.
        assert np.nextafter(lo[others].min(), 1) >= plateau(signal, bias, labels, degree).end
