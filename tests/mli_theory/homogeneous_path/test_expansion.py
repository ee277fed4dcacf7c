"""T4 and T4' against the loss in mpmath: Taylor coefficients, bounds true and tight, the bump."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mli.testing import homogeneous_problems
from mli_theory import DomainError, loss_bump, loss_expansion, loss_sandwich, predict_curves


def problems(most_samples=4, most_classes=5):
    return homogeneous_problems(
        max_samples=most_samples, max_classes=most_classes, max_degree=9, kind="plain"
    )


def exact_loss(signal, bias, labels, degree, alpha):
    """The definition, in mpmath at the digits in force."""
    a, total = mpmath.mpf(alpha), mpmath.mpf(0)
    for row, label in zip(signal, labels, strict=True):
        z = [a**degree * mpmath.mpf(s) + a * mpmath.mpf(b) for s, b in zip(row, bias, strict=True)]
        total += mpmath.log(sum(mpmath.exp(x) for x in z)) - z[label]
    return total / len(labels)


flat = ([[0.0, 0.0]], [0.0, 0.0], [0], 2)


@settings(max_examples=60)  # 50-digit derivatives, about 20 ms each
@example(problem=flat)
@given(problem=problems(most_samples=2, most_classes=4))
def test_T4_coefficients_are_the_taylor_coefficients(problem):
    expansion = loss_expansion(*problem)
    with mpmath.workdps(50):
        taylor = mpmath.taylor(lambda a: exact_loss(*problem, a), 0, problem[3] + 1)
    size = max(1, np.abs(problem[0]).max(), np.abs(problem[1]).max())
    # The m-th coefficient is of the order of size^m; numerical derivatives keep far more digits than 1e-9.
    for order, (found, true) in enumerate(zip(expansion.coefficients, taylor, strict=True)):
        assert abs(found - float(true)) <= 1e-9 * (2 * size) ** max(order, 1)


@example(problem=flat, share=1.0)
@example(problem=([[20.0, -20.0]], [20.0, -20.0], [0], 2), share=1.0)
@given(problem=problems(), share=st.floats(0, 1))
def test_T4_remainder_is_below_a_thousandth_up_to_valid_to(problem, share):
    expansion = loss_expansion(*problem)
    alpha = share * expansion.valid_to
    with mpmath.workdps(50):
        off = abs(exact_loss(*problem, alpha) - mpmath.mpf(float(expansion.evaluate([alpha])[0])))
    assert off <= 1e-3 + 1e-13


def test_T4_valid_to_is_tight():
    # k = 2, no bias, signals +-R/2: Hoeffding's variance R^2/4 is attained, so the remainder is the bound.
    problem = ([[1.5, -1.5]], [0.0, 0.0], [0], 3)
    expansion = loss_expansion(*problem)
    at = expansion.valid_to * np.array([1.0, 1.02])
    off = [abs(float(exact_loss(*problem, a)) - e) for a, e in zip(at, expansion.evaluate(at), strict=True)]
    assert 0.98e-3 < off[0] <= 1e-3 < off[1]
    assert loss_expansion([[1e-3, -1e-3]], [0.01, 0.0], [0], 2).valid_to == 1.0


@example(problem=flat, alpha=1.0)
@example(problem=([[20.0, -20.0]], [20.0, -20.0], [1], 2), alpha=1.0)
@given(problem=problems(), alpha=st.floats(0, 1))
def test_T4_prime_sandwich_is_true(problem, alpha):
    lower, upper = loss_sandwich(*problem, [alpha])
    with mpmath.workdps(50):
        loss = float(exact_loss(*problem, alpha))
    assert lower[0] - 1e-12 <= loss <= upper[0] + 1e-12


def test_T4_prime_sandwich_is_tight_on_both_sides():
    # Lower: equal to the loss where no sample prefers a class. Upper: two classes, half each, small alpha.
    constant = ([[3.0, 3.0, 3.0], [-1.0, -1.0, -1.0]], [1.0, 0.0, -2.0], [0, 2], 3)
    at = np.array([0.1, 0.5, 1.0])
    lower, upper = loss_sandwich(*constant, at)
    true = [float(exact_loss(*constant, a)) for a in at]
    assert_allclose(lower, true, rtol=1e-14)
    assert_allclose(upper, true, rtol=1e-14)
    halves = ([[1.0, -1.0]], [0.0, 0.0], [0], 2)
    lower, upper = loss_sandwich(*halves, [0.2])
    share = (float(exact_loss(*halves, 0.2)) - lower[0]) / (upper[0] - lower[0])
    assert 0.999 < share < 1


@given(problem=problems(), eta=st.floats(1e-3, 5))
def test_T4_prime_balanced_loss_has_a_plateau_without_a_small_parameter(problem, eta):
    signal, bias, _, degree = problem
    k = len(bias)
    signal, labels = [signal[0]] * k, list(range(k))
    signal = np.array(signal) + 5 * np.eye(k)
    M = loss_expansion(signal, bias, labels, degree).margin
    assert pytest.approx(5 * (k - 1) / k) == M
    alpha = min(1.0, (eta / M) ** (1 / degree))
    with mpmath.workdps(50):
        assert exact_loss(signal, bias, labels, degree, alpha) >= mpmath.log(k) - eta - mpmath.mpf(1e-12)


@given(problem=problems())
def test_T4_agrees_with_the_closed_form_curve(problem):
    alphas = np.linspace(0, loss_expansion(*problem).valid_to, 5)
    curve = predict_curves(*problem, alphas).loss
    assert_allclose(loss_expansion(*problem).evaluate(alphas), curve, atol=1.0001e-3, rtol=0)


def balanced(size, degree, seed=0):
    """Four classes, all correct at the end, biases of the given size."""
    rng = np.random.default_rng(seed)
    return 6 * np.eye(4) + rng.normal(size=(4, 4)), size * rng.normal(size=4), [0, 1, 2, 3], degree


def exact_bump(signal, bias, labels, degree, guess):
    with mpmath.workdps(40):
        slope = lambda a: mpmath.diff(lambda x: exact_loss(signal, bias, labels, degree, x), a)  # noqa: E731
        alpha = mpmath.findroot(slope, guess)
        height = exact_loss(signal, bias, labels, degree, alpha) - mpmath.log(len(bias))
    return float(alpha), float(height)


@pytest.mark.parametrize("degree", [3, 4, 6])
def test_T4_bump_is_right_to_its_order_in_the_small_parameter(degree):
    # Halving the small parameter halves the relative error of the leading order and quarters the next one's.
    errors = {False: [], True: []}
    smalls = []
    for small in (0.02, 0.01):
        signal, bias, labels, _ = balanced(1.0, degree)
        # alpha_b and so the small parameter grow like size^(2/(r-2) + 1).
        unit = loss_bump(signal, 1e-3 * bias, labels, degree)
        size = 1e-3 * (small / unit.small_parameter) ** ((degree - 2) / degree)
        problem = signal, size * bias, labels, degree
        smalls.append(loss_bump(*problem).small_parameter)
        true = exact_bump(*problem, loss_bump(*problem).alpha)
        for order, kept in errors.items():
            bump = loss_bump(*problem, next_order=order)
            kept.append([abs(bump.alpha / true[0] - 1), abs(bump.height / true[1] - 1)])
    assert_allclose(smalls, [0.02, 0.01], rtol=1e-9)
    for order, power in ((False, 1), (True, 2)):
        slopes = np.log2(np.array(errors[order][0]) / np.array(errors[order][1]))
        assert_allclose(slopes, power, atol=0.25)
    assert np.max(errors[True]) < np.min(errors[False]) / 5


@pytest.mark.parametrize(
    ("small", "least", "most"), [(0.003, 1e-4, 3e-4), (0.39, 0.01, 0.04), (1.46, 0.001, 0.2)]
)
@pytest.mark.filterwarnings(r"ignore:T4 \(the bump\) is good where.* 1\.46:UserWarning")
def test_T4_small_parameter_tells_the_accuracy(small, least, most):
    # theory.md's three values ("4 digits", "1-4 % off", "33 % off") without its inputs: eight draws, r = 4.
    errors = []
    for seed in range(8):
        signal, bias, labels, degree = balanced(1.0, 4, seed)
        unit = loss_bump(signal, 1e-3 * bias, labels, degree)
        size = 1e-3 * (small / unit.small_parameter) ** ((degree - 2) / degree)
        problem = signal, size * bias, labels, degree
        bump = loss_bump(*problem)
        assert bump.small_parameter == pytest.approx(small)
        errors.append(abs(bump.alpha / exact_bump(*problem, bump.alpha)[0] - 1))
    assert least < min(errors)
    assert max(errors) < most


@pytest.mark.parametrize("bias", [2.0, 0.1])  # the sum of three 0.1, over 3, is not 0.1
def test_T4_equal_biases_have_no_bump(bias):
    bump = loss_bump(6 * np.eye(3), [bias] * 3, [0, 1, 2], 19)
    assert (bump.alpha, bump.height, bump.small_parameter) == (0, 0, 0)


@pytest.mark.parametrize("call", [loss_expansion, loss_sandwich, loss_bump], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("signal", "bias", "labels", "degree", "shown"),
    [
        (np.eye(2), [0, 1], [0, 1], 1, "got 1"),
        (np.eye(2), [0, 1], [0, 1], True, "got True"),
        (np.eye(2), [0, np.inf], [0, 1], 3, r"bias\[1\] = inf"),
        ([[np.nan, 1], [0, 1]], [0, 1], [0, 1], 3, r"signal\[0, 0\] = nan"),
        (np.eye(2), [0, 1, 2], [0, 1], 3, r"shape \(2\), got \(3,\)"),
        (np.eye(2), [0, 1], [0, 2], 3, r"labels\[1\] = 2"),
        (np.eye(2), [0, 1], [0.0, 1.0], 3, "integers"),
        ([[1.0]], [1.0], [0], 3, "2 classes"),
        (1e60 * np.eye(2), [0, 1], [0, 1], 3, r"1e\+60"),
    ],
)
def test_bad_input_is_refused_with_its_value(call, signal, bias, labels, degree, shown):
    extra = ([0.5],) if call is loss_sandwich else ()
    with pytest.raises(DomainError, match=shown):
        call(signal, bias, labels, degree, *extra)


def test_T4_bump_refuses_what_has_none():
    with pytest.raises(DomainError, match=r"T4 .* degree >= 3, got 2"):
        loss_bump(np.eye(2), [0, 1], [0, 1], 2)
    with pytest.raises(DomainError, match="balanced classes, got between 1 and 2"):
        loss_bump(np.eye(2)[[0, 1, 1]], [0, 1], [0, 1, 1], 3)
    with pytest.raises(DomainError, match=r"M = -0\.5"):
        loss_bump(-np.eye(2), [0, 1], [0, 1], 3)
    with pytest.raises(DomainError, match=r"V = 4 and r M = 1\.5"):
        loss_bump(np.eye(2), [-2, 2], [0, 1], 3)


def test_alphas_outside_the_line_are_refused():
    with pytest.raises(DomainError, match=r"alphas\[1\] = 1.5"):
        loss_sandwich(np.eye(2), [0, 1], [0, 1], 3, [0.5, 1.5])
    with pytest.raises(DomainError, match=r"alphas\[0\] = -0.5"):
        loss_expansion(np.eye(2), [0, 1], [0, 1], 3).evaluate([-0.5])
