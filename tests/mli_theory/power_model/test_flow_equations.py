"""The power model: its gradient against 50 digits and sympy, T8's laws as identities of the vector field."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli.testing import power_model_states
from mli_theory import DomainError, correct_interval
from mli_theory.power_model.flow_equations import conserved_quantities, gradient, logits, loss

EPS = 2.0**-52


def exact_model(weights, bias, degree, shares):
    """(loss, dW, db, size of the logits) with mpmath: the definition, nothing shared with the package."""
    k = len(bias)
    w = [[mpmath.mpf(float(v)) for v in row] for row in weights]
    z = [[w[i][j] ** degree + mpmath.mpf(float(bias[i])) for j in range(k)] for i in range(k)]
    total, dw, db = mpmath.mpf(0), mpmath.matrix(k), mpmath.matrix(k, 1)
    for j in range(k):
        norm = mpmath.fsum(mpmath.exp(z[i][j]) for i in range(k))
        share = mpmath.mpf(float(shares[j]))
        total += share * (mpmath.log(norm) - z[j][j])
        for i in range(k):
            residual = share * (mpmath.exp(z[i][j]) / norm - (i == j))
            dw[i, j] = degree * w[i][j] ** (degree - 1) * residual
            db[i] += residual
    return total, dw, db, float(max(abs(v) for row in z for v in row))


def assert_model_is_exact(weights, bias, degree, shares, digits):
    with mpmath.workdps(digits):
        total, dw, db, size = exact_model(weights, bias, degree, shares)
        bound = EPS * (5 + (degree + 1) * size)
        found_w, found_b = gradient(weights, bias, degree, shares)
        assert abs(mpmath.mpf(float(loss(weights, bias, degree, shares))) - total) <= bound * total
        tiny = 1e-300  # below it floats are subnormal
        for i in range(len(bias)):
            for j in range(len(bias)):
                assert abs(mpmath.mpf(float(found_w[i, j])) - dw[i, j]) <= bound * abs(dw[i, j]) + tiny
            assert abs(mpmath.mpf(float(found_b[i])) - db[i]) <= bound * shares.sum()


@given(power_model_states())
@settings(max_examples=100)  # mpmath with 50 digits
def test_loss_and_gradient_keep_their_relative_accuracy(model):
    assert_model_is_exact(*model, digits=50)


@pytest.mark.parametrize("degree", [2, 3, 5])
def test_late_in_training_nothing_is_lost_below_machine_precision(degree):
    k = 4
    weights = 0.05 + np.diag(np.array([60.0, 80.0, 200.0, 300.0]) ** (1 / degree))
    bias = np.array([0.0, 0.1, 0.2, 0.3])
    assert_model_is_exact(weights, bias, degree, np.full(k, 0.25), digits=300)
    assert 0 < loss(weights, bias, degree) < 1e-24
    d_weights, _ = gradient(weights, bias, degree)
    # The exact gap is about -share k e^-300 r W^(r-1): 1 - p by subtraction would give 0.
    assert (np.diag(d_weights) < 0).all()


@given(power_model_states(max_classes=4, max_degree=6))
def test_gradient_is_the_slope_of_the_loss(model):
    weights, bias, degree, shares = model
    d_weights, d_bias = gradient(weights, bias, degree, shares)
    step = 1e-5
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=weights.shape), rng.normal(size=bias.shape)
    ahead, behind = (loss(weights + t * u, bias + t * v, degree, shares) for t in (step, -step))
    slope = (d_weights * u).sum() + (d_bias * v).sum()
    # Central difference: the third derivative times step^2 / 6, and rounding / step.
    assert (ahead - behind) / (2 * step) == pytest.approx(slope, abs=1e-6 * (1 + 1.6**degree) ** 3)


@pytest.mark.parametrize("degree", [2, 3, 4, 5])
def test_T8_laws_are_identities_of_the_vector_field(degree):
    # Symbols throughout: phi'(w) dw/dt = G for every sign and share, and columns of G sum to 0.
    k = 3
    w = sympy.Matrix(k, k, lambda i, j: sympy.Symbol(f"w{i}{j}", real=True, nonzero=True))
    b = sympy.Matrix(k, 1, lambda i, _: sympy.Symbol(f"b{i}", real=True))
    pi = sympy.symbols(f"pi0:{k}", positive=True)
    z = sympy.Matrix(k, k, lambda i, j: w[i, j] ** degree + b[i])
    total = sum(pi[j] * (sympy.log(sum(sympy.exp(z[i, j]) for i in range(k))) - z[j, j]) for j in range(k))
    flow_w = -sympy.Matrix(k, k, lambda i, j: sympy.diff(total, w[i, j]))
    flow_b = [-sympy.diff(total, b[i]) for i in range(k)]

    def phi_rate(i, j):
        x = w[i, j]
        phi = sympy.log(sympy.Abs(x)) / 2 if degree == 2 else x ** (2 - degree) / (degree * (2 - degree))
        slope = 1 / (2 * x) if degree == 2 else sympy.diff(phi, x)
        return slope * flow_w[i, j]

    for i in range(k):
        assert sympy.simplify(flow_b[i] - sum(phi_rate(i, j) for j in range(k))) == 0
        assert sympy.simplify(sum(phi_rate(j, i) for j in range(k))) == 0
    assert sympy.simplify(sum(flow_b)) == 0


@given(power_model_states(smallest=0.3))
@example((np.array([[-0.5, 0.7], [0.4, -0.9]]), np.array([0.0, 0.0]), 2, np.array([0.5, 0.5])))
def test_T8_quantities_stand_still_along_the_flow(model):
    # The directional derivative of the code's own quantities along minus the code's own gradient.
    weights, bias, degree, shares = model
    d_weights, d_bias = gradient(weights, bias, degree, shares)
    speed = np.abs(d_weights).max() + 1e-12
    step = 1e-4 * min(1.0, 1 / speed)
    after = conserved_quantities(weights - step * d_weights, bias - step * d_bias, degree)
    before = conserved_quantities(weights + step * d_weights, bias + step * d_bias, degree)
    terms = np.abs(weights ** (2.0 - degree)).max()
    # Central: step^2/6 phi''' dW^3 (|phi'''| <= r^2 |w|^(-1-r)) summed over k, and rounding of terms / step.
    k = len(bias)
    bound = k * (step**2 * degree**2 * (np.abs(weights).min() / 1.1) ** (-1.0 - degree) * speed**3)
    bound += 64 * k * EPS * (terms + 10) / step
    for ahead, behind in zip(after, before, strict=True):
        assert np.abs((ahead - behind) / (2 * step)).max() <= bound


def test_T8_the_laws_are_not_vacuous():
    # Each term alone moves by far more than the sums: the bias by itself is no conserved quantity.
    weights, bias = np.array([[0.9, 0.5], [0.4, 0.6]]), np.zeros(2)
    d_weights, d_bias = gradient(weights, bias, 3)
    assert np.abs(d_bias).min() > 0.01
    rows, columns = conserved_quantities(
        weights - 1e-3 * d_weights, bias + 1e-3 * d_bias, 3
    )  # bias the wrong way
    still = conserved_quantities(weights, bias, 3)
    assert np.abs(rows - still[0]).max() > 1e-5
    assert np.abs(columns - still[1]).max() < 1e-6


@given(power_model_states(smallest=0.3))
def test_T8_totals_give_the_third_law(model):
    weights, bias, degree, shares = model
    rows, columns = conserved_quantities(weights, bias, degree)
    terms = np.abs(columns).sum() + np.abs(rows).sum() + np.abs(weights ** (2.0 - degree)).sum()
    assert rows.sum() + columns.sum() == pytest.approx(bias.sum(), abs=16 * EPS * (terms + 10))
    _, d_bias = gradient(weights, bias, degree, shares)
    assert abs(d_bias.sum()) <= 16 * EPS


@given(power_model_states(smallest=0.3), st.randoms(use_true_random=False))
def test_relabelling_classes_and_samples_together_relabels_everything(model, random):
    weights, bias, degree, shares = model
    order = list(range(len(bias)))
    random.shuffle(order)
    both = np.ix_(order, order)
    d_weights, d_bias = gradient(weights, bias, degree, shares)
    moved_w, moved_b = gradient(weights[both], bias[order], degree, shares[order])
    np.testing.assert_allclose(moved_w, d_weights[both], rtol=1e-13)
    np.testing.assert_allclose(moved_b, d_bias[order], atol=1e-15)
    assert loss(weights[both], bias[order], degree, shares[order]) == pytest.approx(
        float(loss(weights, bias, degree, shares)), rel=1e-13
    )
    for moved, kept in zip(
        conserved_quantities(weights[both], bias[order], degree),
        conserved_quantities(weights, bias, degree),
        strict=True,
    ):
        np.testing.assert_allclose(moved, kept[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("degree", "sign"), [(2, 1), (3, -1), (4, 1), (5, -1)])
def test_negating_the_weights_negates_odd_powers_only(degree, sign):
    weights = np.array([[0.9, -0.5], [0.4, -0.6]])
    signal = logits(weights, np.zeros(2), degree)
    # numpy's vectorised pow of -x and x may differ in the last place.
    np.testing.assert_allclose(logits(-weights, np.zeros(2), degree), sign * signal, rtol=2 * EPS)
    rows, _ = conserved_quantities(weights, np.zeros(2), degree)
    flipped, _ = conserved_quantities(-weights, np.zeros(2), degree)
    np.testing.assert_allclose(flipped, sign * rows, rtol=16 * EPS)


def test_logits_are_samples_by_classes_and_feed_the_closed_form():
    weights, bias = np.array([[2.0, 0.5, 0.0], [0.0, 3.0, -1.0], [1.0, 0.0, 2.0]]), np.array([0.0, -1.0, 1.0])
    z = logits(weights, bias, 3)
    assert z[1, 0] == 0.5**3 + 0.0  # sample 1, class 0
    assert z[2, 1] == (-1.0) ** 3 - 1.0
    lo, hi = correct_interval(logits(weights, np.zeros(3), 3), bias, np.arange(3), 3)
    assert np.isinf(hi).all()
    # Sample 0: class 2 leads until (1 - 0)/(8 - 1); sample 1: until 2/27; sample 2 is held by the bias.
    np.testing.assert_allclose(lo, [(1 / 7) ** 0.5, (2 / 27) ** 0.5, 0.0], rtol=1e-15)


def test_a_batch_is_its_members():
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(2, 5, 3, 3)), rng.normal(size=(2, 5, 3))
    shares = np.array([0.5, 0.3, 0.2])
    batch = (
        logits(weights, bias, 3),
        loss(weights, bias, 3, shares),
        *gradient(weights, bias, 3, shares),
        *conserved_quantities(weights, bias, 3),
    )
    for index in np.ndindex(2, 5):
        w, b = weights[index], bias[index]
        alone = (
            logits(w, b, 3),
            loss(w, b, 3, shares),
            *gradient(w, b, 3, shares),
            *conserved_quantities(w, b, 3),
        )
        for together, one in zip(batch, alone, strict=True):
            np.testing.assert_allclose(together[index], one, rtol=1e-14, atol=1e-15)


def test_equal_shares_are_the_default_and_inputs_are_left_alone():
    weights, bias = np.array([[0.9, 0.5], [0.4, 0.6]]), np.array([0.1, -0.1])
    before = weights.copy(), bias.copy()
    assert loss(weights, bias, 3) == loss(weights, bias, 3, [0.5, 0.5])
    for default, given_shares in zip(
        gradient(weights, bias, 3), gradient(weights, bias, 3, [0.5, 0.5]), strict=True
    ):
        np.testing.assert_array_equal(default, given_shares)
    conserved_quantities(weights, bias, 3)
    np.testing.assert_array_equal(weights, before[0])
    np.testing.assert_array_equal(bias, before[1])


ALL = [logits, loss, gradient, conserved_quantities]


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
def test_bad_input_is_refused_by_name_and_value(function):
    good = np.ones((2, 2)), np.zeros(2), 2
    function(*good)
    for bad, message in [
        ((np.ones((2, 3)), np.zeros(2), 2), r"shape \(\.\.\., k, k\) with k >= 2, got \(2, 3\)"),
        ((np.ones((1, 1)), np.zeros(1), 2), r"got \(1, 1\)"),
        (
            ([[1, 2], [3]], np.zeros(2), 2),
            r"weights must be an array of real numbers, got \[\[1, 2\], \[3\]\]",
        ),
        ((np.ones(2), np.zeros(2), 2), r"weights must have shape \(any, any\), got \(2,\)"),
        ((np.ones((2, 2)), np.zeros(3), 2), r"bias must have shape \(2\), got \(3,\)"),
        ((np.ones((5, 2, 2)), np.zeros(2), 2), r"bias must have shape \(5, 2\), got \(2,\)"),
        ((np.array([[1.0, np.nan], [1, 1]]), np.zeros(2), 2), r"weights\[0, 1\] = nan"),
        ((np.ones((2, 2)), [0.0, np.inf], 2), r"bias\[1\] = inf"),
        ((np.ones((2, 2)), np.zeros(2), 1), "degree >= 2, got 1"),
    ]:
        with pytest.raises(DomainError, match=message):
            function(*bad)


def test_overflow_zero_weights_and_bad_shares_are_refused():
    big = np.array([[1.0, 1.0], [1e200, 1.0]])
    for function in (logits, loss, gradient):
        with pytest.raises(DomainError, match=r"outside the range of float64 at weights\[1, 0\] = 1e\+200"):
            function(big, np.zeros(2), 2)
    with pytest.raises(DomainError, match=r"T8 needs every weight non-zero, but weights\[0, 1\] = 0"):
        conserved_quantities(np.eye(2), np.zeros(2), 3)
    with pytest.raises(DomainError, match=r"phi is outside the range of float64 at weights\[0, 0\] = 1e-200"):
        conserved_quantities([[1e-200, 1], [1, 1]], np.zeros(2), 4)
    for shares in ([0.5, 0.6], [-0.5, 1.5], [0.5], [np.nan, 1.0]):
        for function in (loss, gradient):
            with pytest.raises(DomainError, match=r"class.shares"):
                function(np.ones((2, 2)), np.zeros(2), 2, shares)
