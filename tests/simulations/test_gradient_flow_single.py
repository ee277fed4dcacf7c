"""The driver of one small run against the batch driver, whose code for steps and events it does not share."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulations.gradient_flow import FlowError
from simulations.gradient_flow.dense import StageInverse
from simulations.gradient_flow.linear import Linearised
from simulations.gradient_flow.mirror import MirrorFlow
from simulations.gradient_flow.single import integrate_single, suits_single
from simulations.gradient_flow.stepper import integrate_batch


def problem(seed, k, degree, scale, train_bias=True):
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.5, 1, k)
    weights = scale * rng.uniform(0.5, 1, (1, k, k))
    bias = 0.1 * rng.normal(size=(1, k))
    return MirrorFlow.from_weights(weights, bias, degree, shares / shares.sum(), train_bias)


@settings(max_examples=10)  # two flows each, 1 to 4 s
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 4),
    degree=st.integers(2, 6),
    log_scale=st.floats(-3, -0.6),
    train_bias=st.booleans(),
)
@example(seed=0, k=6, degree=4, log_scale=-1.0, train_bias=True)
@example(seed=0, k=4, degree=10, log_scale=-4.0, train_bias=True)
@example(seed=0, k=4, degree=2, log_scale=-4.0, train_bias=False)
def test_one_run_is_the_batch_of_one(seed, k, degree, log_scale, train_bias):
    flow, state = problem(seed, k, degree, 10**log_scale, train_bias)
    assert suits_single(flow, state)
    arguments = (flow, state, 1e-5, 1e-6, 5000, 40_000)
    one, (other,) = integrate_single(*arguments), integrate_batch(*arguments)
    # The last two classes share their probability, so that their learning times hang on rounding (see
    # `integrate`): elsewhere the steps are the same up to rounding, and all end errors are below rtol's.
    kk = k * k
    np.testing.assert_allclose(one.states[-1, kk:], other.states[-1, kk:], atol=1e-6)
    signals = [flow.signal(run.states[-1][:, None])[0] for run in (one, other)]
    np.testing.assert_allclose(signals[0], signals[1], atol=1e-6)
    np.testing.assert_allclose(one.rise_time, other.rise_time, rtol=1e-6)
    np.testing.assert_array_equal(one.risen >= 0, other.risen >= 0)
    assert abs(np.log(one.loss[-1] / 1e-5)) < 1e-10
    assert one.elapsed.sum() == pytest.approx(other.elapsed.sum(), rel=1e-6)
    assert abs(one.steps - other.steps) <= 0.05 * other.steps + 20
    signal = flow.signal(one.states[one.risen[one.risen >= 0]].T)[0].reshape(kk, -1)[:: k + 1]
    assert (np.diag(signal[one.risen >= 0]) >= 1 - 1e-12).all()


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 10),
    log_step=st.floats(-6, 6),
    train_bias=st.booleans(),
)
@example(seed=0, k=4, log_step=3.0, train_bias=True)
def test_the_inverse_is_the_structured_solve_written_out(seed, k, log_step, train_bias):
    rng = np.random.default_rng(seed)
    p = np.exp(3 * rng.normal(size=(k, k)))
    p /= p.sum(axis=0)
    d, scaled = np.exp(2 * rng.normal(size=(k, k))), 10**log_step * rng.uniform(0.5, 1, k) / k
    build = StageInverse(k, train_bias)
    build(p.T.copy(), d, scaled)  # what an earlier call left must not matter
    inverse = build(p, d, scaled)
    linear = Linearised.build(p[..., None], d[..., None], scaled[:, None], train_bias)
    assert (inverse is not None) == linear.tame
    if inverse is not None:
        rhs = rng.normal(size=k * k + k)
        # Right-hand sides of a flow keep the sum of the biases, and none where they are held.
        rhs[k * k :] = rhs[k * k :] - rhs[k * k :].mean() if train_bias else 0.0
        exact = linear.solve(rhs[:, None])[:, 0]
        np.testing.assert_allclose(inverse @ rhs, exact, atol=1e-9 * np.abs(exact).max())


def test_what_it_does_not_take():
    flow, state = problem(0, 3, 3, 0.1)
    assert suits_single(flow, state)
    far = state.copy()
    far[9] = 1e4  # a bias that beats every other class by more than exp can hold
    assert not suits_single(flow, far)
    large, large_state = problem(0, 11, 3, 0.1)
    assert not suits_single(large, large_state)
    signed = MirrorFlow.from_weights(
        np.array([[[0.1, -0.1], [0.1, 0.1]]]), np.zeros((1, 2)), 3, np.full(2, 0.5), True
    )
    assert not suits_single(*signed)


def test_too_few_steps_are_an_error_that_says_how_far_it_came():
    flow, state = problem(0, 3, 3, 0.1)
    with pytest.raises(FlowError, match=r"before final_loss 1\.000000e-05: 10 steps were not enough"):
        integrate_single(flow, state, 1e-5, 1e-7, 50, 10)
