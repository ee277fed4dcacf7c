"""Loss and error curves: exact error at every float, loss against mpmath, T3 and T5 and their hypotheses."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mli.testing import homogeneous_problems
from mli_theory import DomainError, correct_interval, predict_curves
from mli_theory.homogeneous_path.path_loss import _ROWS
from tests.mli_theory.second_routes.exact_path import error_at, telling_alphas


def reference_loss(signal, bias, labels, degree, alpha, bias_degree):
    """The definition with 60 digits; the range of mpmath has no end."""
    with mpmath.workdps(60):
        a = mpmath.mpf(float(alpha))
        total = mpmath.mpf(0)
        for row, label in zip(signal, labels, strict=True):
            z = [a**degree * float(s) + a**bias_degree * float(b) for s, b in zip(row, bias, strict=True)]
            top = max(z)
            total += top + mpmath.log(sum(mpmath.exp(v - top) for v in z)) - z[label]
        # Where the label leads by more than 60 digits the difference above is 0: sum the others instead.
        if len(labels) == 1 and total < 1:
            total = mpmath.log1p(sum(mpmath.exp(v - z[label]) for i, v in enumerate(z) if i != label))
        return total / len(labels)


@given(homogeneous_problems(max_samples=4))
def test_error_is_exact_at_every_float_on_every_path(problem):
    signal, bias, labels, degree = problem
    alphas = telling_alphas(*correct_interval(signal, bias, labels, degree))
    for path, b, bias_degree in [("linear", bias, 1), ("homogeneous", bias, degree), ("none", 0 * bias, 1)]:
        curves = predict_curves(signal, bias, labels, degree, alphas, path)
        expected = [error_at(signal, b, labels, degree, a, bias_degree) for a in alphas]
        np.testing.assert_array_equal(curves.error, expected)


@given(
    alpha=st.floats(2.0**-10, 1.0, exclude_max=True),
    degree=st.integers(2, 12),
    size=st.floats(0.5, 2.0),
)
@example(alpha=0.5, degree=3, size=1.0)  # the tie is the float itself: an error there
def test_a_change_between_neighbouring_floats_is_seen(alpha, degree, size):
    # The first sample's tie lies in (alpha, next float): size^-1 bias is a rounding of that tie's power.
    bias = size * alpha ** (degree - 1)
    lo, _ = correct_interval([[size, 0.0]], [0.0, bias], [0], degree)
    beside = np.array([lo[0], np.nextafter(lo[0], 1)])
    curves = predict_curves([[size, 0.0]], [0.0, bias], [0], degree, beside)
    np.testing.assert_array_equal(curves.error, [1.0, 0.0])
    assert Fraction(lo[0]) ** (degree - 1) * Fraction(size) <= Fraction(bias)
    assert Fraction(beside[1]) ** (degree - 1) * Fraction(size) > Fraction(bias)


@given(homogeneous_problems(max_samples=1, max_classes=5, kind="plain"), st.floats(1e-3, 1))
@settings(max_examples=100)  # mpmath with 60 digits
def test_loss_of_one_sample_keeps_its_stated_relative_accuracy(problem, alpha):
    signal, bias, labels, degree = problem
    for path, b, bias_degree in [("linear", bias, 1), ("homogeneous", bias, degree), ("none", 0 * bias, 1)]:
        found = predict_curves(signal, bias, labels, degree, [alpha], path).loss[0]
        true = reference_loss(signal, b, labels, degree, alpha, bias_degree)
        size = alpha**degree * np.ptp(signal) + alpha**bias_degree * np.ptp(b)
        assert abs(mpmath.mpf(float(found)) - true) <= 2.0**-52 * (5 + size) * true


def test_loss_far_below_machine_precision_is_not_lost():
    curves = predict_curves([[300.0, 0.0]], [0.0, 0.0], [0], 2, [0.5, 1.0])
    np.testing.assert_allclose(curves.loss, [np.exp(-75.0), np.exp(-300.0)], rtol=1e-13)
    assert (curves.loss > 0).all()


@pytest.mark.parametrize("size", [690.0, 705.0, 715.0, 2800.0, 1e5])
def test_loss_of_a_wrong_sample_beyond_the_range_of_exp_is_its_log_odds(size):
    curves = predict_curves([[0.0, size], [size, 0.0]], [0.0, 0.0], [0, 0], 2, [1.0, 2.0**-0.5])
    np.testing.assert_allclose(curves.loss, [size / 2, size / 4], rtol=1e-15)


@given(homogeneous_problems(max_samples=3, kind="any"), st.floats(1e-3, 1))
@example((np.array([[-1e308, 1e308]]), np.array([0.0, 0.0]), np.array([0]), 2), 0.5)  # 2e308 times 1/4
@example((np.array([[-1e308, 1e308]]), np.array([1e308, -1e308]), np.array([0]), 2), 1.0)  # inf - inf: log 2
@example((np.array([[-1e308, 1e308]]), np.array([0.0, 0.0]), np.array([0]), 2), 1.0)  # above every float
@example(  # one sample's loss is above every float, the mean is not
    (np.array([[-1e308, 0, 0], [0, 0, 0], [0, 0, 0]]), np.array([-7.98e307, 0, 0]), np.zeros(3, int), 2), 1.0
)
@settings(max_examples=100)  # mpmath with 60 digits
def test_loss_of_any_floats_is_never_nan_and_right(problem, alpha):
    signal, bias, labels, degree = problem
    found = predict_curves(signal, bias, labels, degree, [alpha]).loss[0]
    assert not np.isnan(found)
    with mpmath.workdps(700):  # logits of 1e308 beside ones of order 1
        a = mpmath.mpf(alpha)
        true, size = mpmath.mpf(0), mpmath.mpf(0)
        for row, label in zip(signal, labels, strict=True):
            z = [a**degree * float(s) + a * float(b) for s, b in zip(row, bias, strict=True)]
            top = max(z)
            true += (top + mpmath.log(sum(mpmath.exp(v - top) for v in z)) - z[label]) / len(labels)
            size = max(size, max(abs(a**degree * float(s)) for s in row))
        size += max(abs(a * float(b)) for b in bias)
    if np.isinf(found):
        assert true > mpmath.mpf("1.79e308")
    else:
        assert abs(mpmath.mpf(float(found)) - true) <= 2.0**-51 * (5 + size * 2 + true)


@pytest.mark.parametrize("n", [_ROWS - 1, _ROWS, _ROWS + 1])
def test_mean_over_blocks_is_the_mean_over_samples(n):
    rng = np.random.default_rng(n)
    signal, bias, labels = 5 * rng.normal(size=(n, 4)), rng.normal(size=4), rng.integers(0, 4, n)
    alphas = np.array([0.3, 1.0])
    curves = predict_curves(signal, bias, labels, 3, alphas)
    z = alphas[:, None, None] ** 3 * signal + alphas[:, None, None] * bias
    direct = np.log(np.exp(z).sum(axis=2)) - z[:, np.arange(n), labels]
    np.testing.assert_allclose(curves.loss, direct.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("path", ["linear", "homogeneous", "none"])
@pytest.mark.parametrize("k", [2, 3, 1000])
def test_at_alpha_zero_error_is_one_and_loss_log_k(path, k):
    curves = predict_curves(np.eye(k)[:2], np.zeros(k), [0, 1], 2, [0.0, 1.0], path)
    assert curves.error[0] == 1.0
    assert curves.loss[0] == np.log(k)
    assert curves.error[1] == 0.0


@given(homogeneous_problems(max_samples=6, kind="plain"), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_T3_error_rises_by_at_most_the_final_error(problem, alphas):
    signal, bias, labels, degree = problem
    ends = np.concatenate(correct_interval(signal, bias, labels, degree))
    grid = np.unique([*alphas, *ends[np.isfinite(ends)], 1.0])
    grid = grid[grid > 0]
    error = predict_curves(signal, bias, labels, degree, grid).error
    rise = (error - np.minimum.accumulate(error)).max()
    assert rise <= error[-1] + 1e-12  # shares of n samples differ by at least 1/6, or by rounding


@given(homogeneous_problems(max_samples=6))
def test_T3_error_never_rises_when_all_samples_end_correct(problem):
    signal, bias, _, degree = problem
    labels = np.array([max(range(len(bias)), key=lambda i: exact_logit(row, bias, i)) for row in signal])
    lo, hi = correct_interval(signal, bias, labels, degree)
    assume(np.isinf(hi).all())
    grid = telling_alphas(lo)
    assert (np.diff(predict_curves(signal, bias, labels, degree, grid).error) <= 0).all()


def exact_logit(row, bias, i):
    return Fraction(float(row[i])) + Fraction(float(bias[i]))


def test_T3_needs_samples_correct_at_the_end():
    # Label 0 has the bias, class 1 the signal: right, then wrong. The rise equals E(1): the bound is tight.
    error = predict_curves([[0.0, 4.0]], [1.0, 0.0], [0], 2, [0.1, 0.5]).error
    np.testing.assert_array_equal(error, [0.0, 1.0])


@given(homogeneous_problems(max_samples=5, kind="plain"))
def test_T5_homogeneous_loss_decreases_iff_its_final_slope_is_not_positive(problem):
    signal, bias, labels, degree = problem
    z = signal + bias
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    slope = ((p * z).sum(axis=1) - z[np.arange(len(z)), labels]).mean()  # in t = alpha^r
    alphas = np.linspace(0, 1, 41) ** (1 / degree)  # even in t; alpha^r is t up to rounding
    curves = predict_curves(signal, bias, labels, degree, alphas, "homogeneous")
    assert len(np.unique(curves.error[1:])) == 1
    noise = 1e-11 * (1 + np.abs(z).max())
    if slope <= 0:
        assert (np.diff(curves.loss) <= noise).all()
    else:  # L''(t) = mean variance of z <= mean range^2/4, so the rise over the last h is at least slope h/2
        h = min(1.0, 4 * slope / max((np.ptp(z, axis=1) ** 2).mean(), 1e-300))
        before = predict_curves(signal, bias, labels, degree, [(1 - h) ** (1 / degree)], "homogeneous").loss[
            0
        ]
        assert curves.loss[-1] - before >= slope * h / 2 - noise
    # Convexity in t: second differences of an even grid.
    assert (np.diff(curves.loss, 2) >= -noise).all()


def test_T5_a_confident_mistake_makes_the_homogeneous_loss_rise_at_the_end():
    # Three right samples pull the loss down at first; the wrong one's logits then grow against it.
    curves = predict_curves(
        [[2.0, 0.0]] * 3 + [[2.0, 0.0]], [0.0, 0.0], [0, 0, 0, 1], 2, [0.5, 0.74, 1.0], "none"
    )
    assert curves.loss[1] < curves.loss[0]
    assert curves.loss[2] > curves.loss[1]


@given(homogeneous_problems(kind="plain"))
def test_the_grid_is_returned_and_inputs_are_left_alone(problem):
    signal, bias, labels, degree = problem
    before = signal.copy(), bias.copy(), labels.copy()
    alphas = np.array([1.0, 0.0, 0.5])
    curves = predict_curves(signal, bias, labels, degree, alphas)
    np.testing.assert_array_equal(curves.alphas, alphas)
    assert curves.alphas is not alphas
    for array, kept in zip((signal, bias, labels), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    ordered = predict_curves(signal, bias, labels, degree, np.sort(alphas))
    np.testing.assert_array_equal(ordered.error, curves.error[[1, 2, 0]])
    np.testing.assert_array_equal(ordered.loss, curves.loss[[1, 2, 0]])


def test_refuses_alphas_outside_the_line_and_unknown_paths():
    problem = ([[1.0, 0.0]], [0.0, 0.5], [0], 2)
    predict_curves(*problem, [0.0, 1.0])
    with pytest.raises(DomainError, match=r"alphas\[1\] = 1\.0000000000000002"):
        predict_curves(*problem, [0.0, np.nextafter(1, 2)])
    with pytest.raises(DomainError, match=r"alphas\[0\] = -5e-324"):
        predict_curves(*problem, [-5e-324])
    with pytest.raises(DomainError, match="linear, homogeneous, none, got 'sideways'"):
        predict_curves(*problem, [0.5], "sideways")
    with pytest.raises(DomainError, match="alphas must be finite"):
        predict_curves(*problem, [np.nan])
