"""`integrate`: what it promises about records, ends and times, and what it refuses."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from mli_theory import DomainError, power_model
from simulations.gradient_flow import FlowError, integrate
from simulations.gradient_flow.exchangeable import check_exchangeable, exchangeable_pairs
from simulations.gradient_flow.problem import Problem
from simulations.gradient_flow.solver.reachability import sign_cycle
from tests.simulations.gradient_flow.helpers.flow_in_many_digits import end_bias
from tests.simulations.gradient_flow.helpers.flow_starts import signs_without_a_cycle


def uniform(seed, scale, k, runs=None):
    shape = (k, k) if runs is None else (runs, k, k)
    return scale * np.random.default_rng(seed).uniform(0.5, 1, shape)


def end_of(flow):
    return flow.bias.values[..., -1, :], flow.weights.values[..., -1, :, :] ** flow.attrs["degree"]


def assert_same_end(one, other, atol):
    for a, b in zip(end_of(one), end_of(other), strict=True):
        np.testing.assert_allclose(a, b, atol=atol, rtol=0)


def admissible_signs(seed, k, degree):
    return signs_without_a_cycle(np.random.default_rng([seed, 1]), k, degree)


def shares_of(seed, k):
    shares = np.random.default_rng([seed, 2]).uniform(0.3, 1, k)
    return shares / shares.sum()


# Of starts over the whole range.
FLOWS = {
    "seed": st.integers(0, 10**6),
    "degree": st.integers(2, 10),
    "log_scale": st.floats(-4, -0.53),
    "log_loss": st.floats(-12, -1.5),
}


# One flow takes up to 0.5 s, so 12 examples; the grid over the whole range is in test_gradient_flow_range.
@settings(max_examples=12)
@given(
    **FLOWS,
    k=st.integers(2, 14),
    mixed=st.booleans(),
    equal=st.booleans(),
)
@example(seed=0, k=2, degree=2, log_scale=-4.0, log_loss=-12.0, mixed=False, equal=True)
@example(seed=1, k=3, degree=10, log_scale=-1.0, log_loss=-12.0, mixed=False, equal=True)
@example(seed=2, k=12, degree=3, log_scale=-2.0, log_loss=-12.0, mixed=True, equal=False)
@example(seed=427, k=14, degree=9, log_scale=-4.0, log_loss=-4.0, mixed=True, equal=False)  # two tied pairs
@example(seed=427, k=14, degree=9, log_scale=-3.0, log_loss=-2.0, mixed=True, equal=False)
def test_a_flow_keeps_the_laws_never_rises_and_ends_at_the_final_loss(
    seed, k, degree, log_scale, log_loss, mixed, equal
):
    weights, final_loss = uniform(seed, 10**log_scale, k), 10**log_loss
    if mixed:
        weights *= admissible_signs(seed, k, degree)
    shares = np.full(k, 1 / k) if equal else shares_of(seed, k)
    flow = integrate(weights, degree, final_loss, class_shares=shares, record=60)
    assert (np.diff(flow.loss) <= 1e-14 * flow.loss.values[:-1]).all()
    for weight in flow.weights.values[[0, -1]]:  # signs are kept
        np.testing.assert_array_equal(weight > 0, weights > 0)
    np.testing.assert_allclose(flow.weights.values[0], weights, rtol=1e-13)
    assert abs(np.log(flow.loss.values[-1] / final_loss)) < 1e-10
    # The recorded loss is that of the recorded weights, by code that shares nothing with the solver's.
    own = power_model.loss(flow.weights.values, flow.bias.values, degree, shares)
    np.testing.assert_allclose(flow.loss.values, own, rtol=1e-9)
    # A step rounds every U once, by at most half of 2^-52 |U|: so much may add up, and nothing more.
    for law in ("drift_rows", "drift_columns"):
        assert flow[law] <= 1e-11 + flow.n_steps * flow.drift_rounding
    # So with every b, whose rounding is measured against the largest of its run.
    assert flow.drift_bias_sum <= 1e-12 + flow.n_steps * k * 2.0**-53 * np.abs(flow.bias).max()
    p_half = flow.learning_record.values
    for j in np.flatnonzero(p_half > 0):
        z = flow.weights.values[p_half[j], :, j] ** degree + flow.bias.values[p_half[j]]
        others = np.delete(z, j)
        assert abs(z[j] - np.logaddexp.reduce(others)) < 1e-9


def lsoda_end(weights, degree, final_loss, shares):
    """The plain equations by scipy at tight tolerance."""
    k = len(weights)

    def rate(_, y):
        d_weights, d_bias = power_model.gradient(y[: k * k].reshape(k, k), y[k * k :], degree, shares)
        return -np.concatenate([d_weights.ravel(), d_bias])

    def event(_, y):
        return np.log(power_model.loss(y[: k * k].reshape(k, k), y[k * k :], degree, shares) / final_loss)

    event.terminal = True
    start = np.concatenate([weights.ravel(), np.zeros(k)])
    solution = solve_ivp(rate, (0, 1e9), start, method="LSODA", rtol=1e-11, atol=1e-13, events=event)
    end = solution.y_events[0][0]
    return solution.t_events[0][0], end[: k * k].reshape(k, k), end[k * k :]


@pytest.mark.parametrize(
    ("seed", "k", "degree", "scale", "final_loss", "shares", "sign"),
    [
        (0, 3, 3, 0.1, 1e-4, None, 1),
        (1, 2, 4, 0.2, 1e-6, None, 1),
        (2, 4, 2, 0.01, 1e-3, None, 1),
        (3, 3, 3, 0.15, 1e-3, (0.5, 0.3, 0.2), 1),
        (4, 3, 4, 0.2, 1e-3, None, 0),
    ],
)
def test_agrees_with_lsoda_at_tight_tolerance(seed, k, degree, scale, final_loss, shares, sign):
    weights = uniform(seed, scale, k)
    if not sign:
        weights *= np.random.default_rng(seed).choice([-1, 1], weights.shape)
    time, end_weights, end_bias = lsoda_end(weights, degree, final_loss, shares)
    flow = integrate(weights, degree, final_loss, class_shares=shares, rtol=1e-9)
    np.testing.assert_allclose(flow.bias.values[-1], end_bias, atol=2e-7)
    np.testing.assert_allclose(flow.weights.values[-1] ** degree, end_weights**degree, atol=2e-7)
    assert float(flow.time[-1]) == pytest.approx(time, rel=1e-6)


# What `end_bias` finds of the flow below at rtol 1e-3: biases and time. 18 CPU seconds, so recorded here;
# `make test-long` computes them anew.
IN_120_DIGITS = (
    (-2.352535125101648, 64.39995528903343, -28.169603630886915, -33.87781653304487),
    1.4857844921656997e29,
)


def two_tied_pairs():
    # Classes 0 and 1, and 2 and 3, share their samples' probability, the latter for 1e29: with the pulls on a
    # bias summed in 16 digits, the biases end 24 nats away.
    return uniform(35, 1e-4, 4) * admissible_signs(35, 4, 9), shares_of(35, 4)


def test_the_drift_of_two_tied_pairs_is_that_of_120_digits():
    weights, shares = two_tied_pairs()
    bias, time = IN_120_DIGITS
    flow = integrate(weights, 9, 1e-3, class_shares=shares)
    np.testing.assert_allclose(flow.bias.values[-1], bias, atol=1e-4)  # theirs is good to 2e-5
    assert float(flow.time[-1]) == pytest.approx(time, rel=1e-9)


@pytest.mark.slow
@pytest.mark.long
def test_the_recorded_drift_is_what_120_digits_find():
    weights, shares = two_tied_pairs()
    bias, time = end_bias(weights, 9, 1e-3, shares, rtol=1e-3)
    np.testing.assert_allclose(bias, IN_120_DIGITS[0], rtol=1e-12)
    assert time == pytest.approx(IN_120_DIGITS[1], rel=1e-12)


@pytest.mark.parametrize("driver", ["compiled", "numpy"])
@pytest.mark.parametrize("swap", [[1, 0, 2, 3], [0, 1, 3, 2]])
def test_classes_that_the_start_does_not_tell_apart_stay_equal(driver, swap):
    # For a wait of 1e20, in which one unit in the last place of U decides who is first.
    weights = uniform(0, 1e-3, 4)
    weights = np.maximum(weights, weights[np.ix_(swap, swap)])
    flow = integrate(weights, 9, 1e-3, driver=driver, record=10)
    np.testing.assert_allclose(flow.bias.values, flow.bias.values[:, swap], atol=1e-12)


@pytest.mark.parametrize("driver", ["compiled", "numpy"])
def test_equal_weights_keep_all_biases_at_zero(driver):
    flow = integrate(np.full((4, 4), 1e-4), 9, 1e-3, driver=driver, record=10)
    np.testing.assert_allclose(flow.bias.values, 0.0, atol=1e-12)


def alike(seed, k, degree, scale):
    """Weights of either sign without a cycle and shares, the same when two classes change places."""
    rng = np.random.default_rng([seed, 3])
    while True:
        a, b = rng.choice(k, 2, replace=False)
        swap = np.arange(k)
        swap[[a, b]] = b, a
        weights, shares = uniform(seed, scale, k) * rng.choice([-1.0, 1.0], (k, k)), rng.uniform(0.3, 1, k)
        number = np.arange(k * k).reshape(k, k)
        weights = np.where(number <= number[np.ix_(swap, swap)], weights, weights[np.ix_(swap, swap)])
        shares[b] = shares[a]
        if sign_cycle(np.sign(weights) ** degree) is None:
            return weights, shares / shares.sum(), swap


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), k=st.integers(3, 5), degree=st.sampled_from([3, 7, 9]))
@example(seed=0, k=4, degree=9)
@example(seed=3, k=4, degree=9)
def test_classes_that_the_start_does_not_tell_apart_are_so_to_the_end_or_it_is_an_error(seed, k, degree):
    # With either sign the sums of two such classes are formed in different orders, and a bit may decide.
    weights, shares, swap = alike(seed, k, degree, 1e-3)
    a, b = np.flatnonzero(swap != np.arange(k))
    try:
        flow = integrate(weights, degree, 1e-3, class_shares=shares, record=10)
    except FlowError as error:
        refused = str(error)
    else:
        refused = None
        np.testing.assert_allclose(flow.bias.values[-1], flow.bias.values[-1, swap], atol=1e-6)
    assert refused is None or f"does not tell classes {a} and {b} apart" in refused


def test_a_flow_that_tells_apart_what_its_start_does_not_is_refused():
    weights = np.array([[0.3, 0.1, 0.2], [0.1, 0.3, 0.2], [0.2, 0.2, 0.3]])
    problem = Problem.checked(np.stack([uniform(0, 0.1, 3), weights]), 3, None, None)
    flow = integrate(problem.weights, 3, 1e-2)
    check_exchangeable(flow, problem)
    assert [exchangeable_pairs(w, np.zeros(3), problem.shares) for w in problem.weights] == [[], [(0, 1)]]
    assert exchangeable_pairs(weights, np.array([0.0, 0.1, 0.0]), problem.shares) == []
    assert exchangeable_pairs(weights, np.zeros(3), np.array([0.3, 0.4, 0.3])) == []
    broken = flow.copy(deep=True)
    broken["bias"][1, -1, 0] += 1e-5
    with pytest.raises(FlowError, match=r"run 1: its start does not tell classes 0 and 1 apart.* 1e-05 nats"):
        check_exchangeable(broken, problem)


def test_agrees_with_mpmath_on_two_classes():
    weights, degree, final_loss = uniform(0, 0.2, 2), 3, 1e-2
    flow = integrate(weights, degree, final_loss, rtol=1e-10)
    with mpmath.workdps(20):

        def rate(y):
            w, b = y[:4], y[4:]
            # G_00 = -G_10 and G_11 = -G_01: half the probability each sample gives the wrong class.
            wrong = [
                1 / (1 + mpmath.exp(w[3 * j] ** 3 + b[j] - w[2 - j] ** 3 - b[1 - j])) / 2 for j in range(2)
            ]
            pull = [wrong[0], -wrong[1], -wrong[0], wrong[1]]
            return [3 * x * x * g for x, g in zip(w, pull, strict=True)] + [
                wrong[0] - wrong[1],
                wrong[1] - wrong[0],
            ]

        def runge_kutta(steps):
            h = mpmath.mpf(float(flow.time[-1])) / steps
            y = [mpmath.mpf(float(w)) for w in weights.ravel()] + [mpmath.mpf(0)] * 2
            for _ in range(steps):
                k1 = rate(y)
                k2 = rate([a + h / 2 * s for a, s in zip(y, k1, strict=True)])
                k3 = rate([a + h / 2 * s for a, s in zip(y, k2, strict=True)])
                k4 = rate([a + h * s for a, s in zip(y, k3, strict=True)])
                y = [
                    a + h / 6 * (p + 2 * q + 2 * u + v)
                    for a, p, q, u, v in zip(y, k1, k2, k3, k4, strict=True)
                ]
            return np.array([float(value) for value in y])

        coarse, fine = runge_kutta(500), runge_kutta(1000)
    assert np.abs(fine - coarse).max() < 1e-4
    exact = fine + (fine - coarse) / 15  # Richardson
    # The end times agree to the solver's accuracy, and at loss 1e-2 a time error moves b 100 times less.
    np.testing.assert_allclose(flow.weights.values[-1].ravel(), exact[:4], atol=2e-8)
    np.testing.assert_allclose(flow.bias.values[-1], exact[4:], atol=2e-8)


@pytest.mark.parametrize("driver", ["compiled", "numpy"])
def test_a_batch_is_its_runs_one_by_one(driver):
    weights = uniform(3, 0.05, 3, runs=5)
    bias = np.random.default_rng(3).normal(scale=0.1, size=(5, 3))
    batch = integrate(weights, 3, 1e-5, bias, record=50, driver=driver)
    for n in range(5):
        single = integrate(weights[n], 3, 1e-5, bias[n], record=50)
        assert_same_end(batch.isel(seed=n), single, atol=1e-9)
        np.testing.assert_allclose(batch.learning_time.values[n], single.learning_time.values, rtol=1e-9)
        assert int(batch.n_records[n]) == single.sizes["record"]


@settings(max_examples=20)  # two flows each
@given(
    **FLOWS,
    k=st.integers(2, 8),
    mixed=st.booleans(),
    bias_size=st.sampled_from([0.0, 1.0]),
)
@example(seed=0, k=4, degree=10, log_scale=-4.0, log_loss=-12.0, mixed=False, bias_size=0.0)
@example(seed=1, k=5, degree=3, log_scale=-1.0, log_loss=-4.0, mixed=True, bias_size=1.0)
def test_renaming_the_classes_renames_the_flow(seed, k, degree, log_scale, log_loss, mixed, bias_size):
    rng = np.random.default_rng([seed, 3])
    weights, shares = uniform(seed, 10**log_scale, k), shares_of(seed, k)
    bias, order = bias_size * rng.normal(size=k), rng.permutation(k)
    if mixed:
        weights *= admissible_signs(seed, k, degree)
    start = float(power_model.loss(weights, bias, degree, shares))
    final_loss = min(10**log_loss, 0.5 * start)
    one = integrate(weights, degree, final_loss, bias, class_shares=shares, record=10)
    other = integrate(
        weights[np.ix_(order, order)], degree, final_loss, bias[order], class_shares=shares[order], record=10
    )
    # Sums in another order round otherwise, and so steps differ: each end is within 1e-6 of the flow's.
    np.testing.assert_allclose(other.bias.values[-1], one.bias.values[-1][order], atol=2e-6, rtol=0)
    np.testing.assert_allclose(other.signal_time.values, one.signal_time.values[order], rtol=1e-6)


@settings(max_examples=20)  # two flows each, the second at a tighter tolerance
@given(
    **FLOWS,
    k=st.integers(2, 8),
    bias_size=st.floats(0, 10),
)
@example(seed=0, k=8, degree=10, log_scale=-4.0, log_loss=-12.0, bias_size=10.0)
def test_initial_biases_of_any_size_keep_the_laws_and_the_accuracy(
    seed, k, degree, log_scale, log_loss, bias_size
):
    weights, bias = (
        uniform(seed, 10**log_scale, k),
        bias_size * np.random.default_rng([seed, 4]).normal(size=k),
    )
    final_loss = 0.5 * 10**log_loss
    flow = integrate(weights, degree, final_loss, bias, record=30, max_end_error=1e-6)
    assert (np.diff(flow.loss) <= 1e-14 * flow.loss.values[:-1]).all()
    np.testing.assert_array_equal(flow.bias.values[0], bias)
    assert abs(np.log(flow.loss.values[-1] / final_loss)) < 1e-10
    assert flow.drift_bias_sum < 1e-10 * (1 + bias_size)


def test_a_resumed_flow_is_the_uninterrupted_one():
    weights = uniform(5, 0.1, 4)
    whole = integrate(weights, 4, 1e-8, rtol=1e-8)
    half = integrate(weights, 4, 1e-2, rtol=1e-8).isel(record=-1)
    resumed = integrate(half.weights.values, 4, 1e-8, half.bias.values, rtol=1e-8)
    assert_same_end(resumed, whole, atol=1e-7)
    assert float(half.time + resumed.time[-1]) == pytest.approx(float(whole.time[-1]), rel=1e-7)


def test_records_are_as_many_as_asked_ordered_and_hold_every_learning_time():
    flow = integrate(uniform(1, 0.01, 5), 3, 1e-4, record=40)
    assert flow.sizes["record"] == 40
    assert (np.diff(flow.time) > 0).all()
    learned = flow.learning_record.values
    assert (learned >= 0).all()
    np.testing.assert_allclose(flow.time.values[learned], flow.learning_time.values)
    assert int(flow.fitted_by_bias.sum()) == 1
    assert not flow.escaped
    assert flow.bias.values[-1].argmax() == flow.fitted_by_bias.values.argmax()


def test_records_stay_apart_where_time_itself_cannot():
    flow = integrate(uniform(0, 1e-4, 4), 10, 1e-2)
    pairs = list(zip(flow.arrival.values, flow.local_time.values, strict=True))
    assert len(set(pairs)) == len(pairs)
    assert len(set(flow.time.values)) < len(pairs), "the case no longer needs the pair"
    assert float(flow.time[-1]) > 1e30


def test_held_biases_stay_and_their_columns_are_separate():
    weights, bias = uniform(2, 0.1, 3), np.array([0.3, 0.0, -0.1])
    flow = integrate(weights, 3, 1e-3, bias, train_bias=False)
    np.testing.assert_array_equal(flow.bias.values, np.tile(bias, (flow.sizes["record"], 1)))
    changed = weights.copy()
    changed[:, 2] *= 0.5  # another sample's column
    other = integrate(changed, 3, 1e-3, bias, train_bias=False, class_shares=None)
    first = flow.signal_time.values[0]
    assert other.signal_time.values[0] == pytest.approx(first, rel=1e-5)
    assert other.signal_time.values[2] > 1.5 * flow.signal_time.values[2]


def test_held_biases_wait_long_from_a_corner_with_room_for_two_records():
    # The first steps of this wait move nothing to the last bit; they must not fill the records.
    weights = uniform(0, 1e-4, 4)
    flow = integrate(weights, 10, 1e-3, train_bias=False, record=2, rtol=1e-7)
    assert flow.sizes["record"] <= 2 * 4 + 2
    assert float(flow.time[-1]) > 1e30


def test_a_diagonal_start_keeps_its_zeros():
    flow = integrate(np.diag([0.2, 0.1, 0.0]), 2, 1e-3)
    off = ~np.eye(3, dtype=bool)
    assert (flow.weights.values[:, off] == 0).all()
    assert (flow.weights.values[:, 2, 2] == 0).all()
    assert np.isnan(flow.drift_rows)
    assert flow.drift_bias_sum < 1e-12


def test_an_end_error_that_is_too_large_is_refused():
    weights = uniform(0, 0.1, 3)
    flow = integrate(weights, 3, 1e-4, max_end_error=1e-6)
    assert 0 < float(flow.end_error) <= 1e-6
    with pytest.raises(FlowError, match="use a smaller rtol"):
        integrate(weights, 3, 1e-4, rtol=1e-3, max_end_error=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"degree": 1}, "degree >= 2, got 1"),
        ({"degree": 2.5}, "2.5"),
        ({"final_loss": 0.0}, "got 0.0"),
        ({"final_loss": 2.0}, "got 2.0"),
        ({"final_loss": float("nan")}, "got nan"),
        ({"weights": np.ones((2, 3))}, r"\(2, 3\)"),
        ({"weights": np.ones((1, 1))}, r"\(1, 1\)"),
        ({"weights": np.array([[1.0, 0.0], [1.0, 1.0]])}, r"weights\[0, 1\] = 0"),
        ({"weights": np.array([[1.0, np.inf], [1.0, 1.0]])}, "inf"),
        ({"weights": np.full((2, 2), 1e-200), "degree": 10}, "1e-200"),
        ({"bias": np.zeros(3)}, r"\(2\)"),
        ({"class_shares": [0.5, 0.6]}, "1.1"),
        ({"class_shares": [1.0, 0.0]}, "positive"),
        ({"rtol": 0.1}, "0.1"),
        ({"record": 1}, "1"),
    ],
)
def test_bad_input_is_refused_with_its_value(change, message):
    arguments = {"weights": uniform(0, 0.1, 2), "degree": 3, "final_loss": 1e-2} | change
    with pytest.raises(DomainError, match=message):
        integrate(**arguments)
