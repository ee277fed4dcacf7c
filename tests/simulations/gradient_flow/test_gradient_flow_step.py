"""The parts of the solver against slow routes that share nothing with them."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory import power_model
from simulations.gradient_flow.solver.mirror import MirrorFlow
from simulations.gradient_flow.solver.rosenbrock import GAMMA, rodas5p_step


def mirror_flow(seed, k, degree, *, runs=2, mixed=False, train_bias=True, scale=1.0):
    rng = np.random.default_rng(seed)
    weights = scale * rng.uniform(0.5, 1.5, (runs, k, k))
    if mixed:
        weights *= rng.choice([-1.0, 1.0], weights.shape)
    shares = rng.dirichlet(np.full(k, 5.0))
    bias = rng.normal(size=(runs, k))
    bias -= bias.mean(axis=1, keepdims=True)
    flow, state = MirrorFlow.from_weights(weights, bias, degree, shares, train_bias)
    return flow, state, weights, bias, shares


@given(seed=st.integers(0, 10**6), k=st.integers(2, 6), degree=st.integers(2, 10), mixed=st.booleans())
def test_the_mirror_flow_is_the_gradient_flow_of_the_power_model(seed, k, degree, mixed):
    flow, state, weights, bias, shares = mirror_flow(seed, k, degree, mixed=mixed)
    slope = flow.slope(state)
    d_weights, d_bias = power_model.gradient(weights, bias, degree, shares)
    # dW/dt = (dW/dU) G, and dU/dW = phi'(W) = W^(1-r) / r.
    mirrored = slope.rate[: k * k].reshape(k, k, -1).transpose(2, 0, 1)
    np.testing.assert_allclose(
        mirrored * degree * weights ** (degree - 1), -d_weights, rtol=1e-9, atol=1e-300
    )
    np.testing.assert_allclose(slope.rate[k * k :].T, -d_bias, atol=1e-14)
    np.testing.assert_allclose(flow.rate(state), slope.rate, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(flow.weights(state).transpose(2, 0, 1), weights, rtol=1e-13)
    np.testing.assert_allclose(
        flow.losses(slope.margin), power_model.loss(weights, bias, degree, shares), rtol=1e-12
    )


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 5),
    degree=st.integers(2, 6),
    log_step=st.floats(-3, 9),
    train_bias=st.booleans(),
    mixed=st.booleans(),
)
@settings(max_examples=60)  # a dense Jacobian by differences each
@example(seed=0, k=4, degree=3, log_step=7.5, train_bias=True, mixed=False)
def test_the_structured_solve_is_that_of_the_dense_jacobian(seed, k, degree, log_step, train_bias, mixed):
    flow, state, *_ = mirror_flow(seed, k, degree, runs=1, mixed=mixed, train_bias=train_bias)
    n, step = k * k + k, 10.0**log_step
    jacobian = np.empty((n, n))
    for column in range(n):
        # Complex steps are out (sorted maxima), so a fourth-order difference with its own step.
        h = 1e-3 * max(abs(state[column, 0]), 1e-3)
        shifts = []
        for m in (-2, -1, 1, 2):
            moved = state.copy()
            moved[column] += m * h
            shifts.append(flow.rate(moved)[:, 0])
        jacobian[:, column] = (shifts[0] - 8 * shifts[1] + 8 * shifts[2] - shifts[3]) / (12 * h)
    kept = np.random.default_rng(seed).normal(size=(n, 1))
    kept[k * k :] -= kept[k * k :].mean()  # the biases keep their sum
    if not train_bias:
        kept[k * k :] = 0.0
    x = flow.linearise(flow.slope(state), np.array([step])).solve(kept, np.zeros_like(kept))
    residual = x[:, 0] - step * (jacobian @ x[:, 0]) - kept[:, 0]
    scale = 1.0 + step * np.abs(jacobian).max() * np.abs(x).max()
    assert np.abs(residual).max() <= 1e-7 * scale


def test_a_step_has_order_5_and_its_estimate_order_4():
    flow, state, *_ = mirror_flow(1, 3, 3, runs=1)
    slope = flow.slope(state)

    def leap(total, steps):
        at = state
        for _ in range(steps):
            h = np.array([total / steps])
            here = flow.slope(at)
            at, error = rodas5p_step(flow.rate, flow.linearise(here, GAMMA * h), at, here.rate, h)
        return at, error

    total = 0.4
    reference, _ = leap(total, 512)
    errors = np.array([np.abs(leap(total, n)[0] - reference).max() for n in (2, 4, 8, 16)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert (errors > 1e-13).all(), "below this rounding decides the slope"
    assert abs(orders[-1] - 5) < 0.4, orders  # excludes 4 and 6
    estimates = np.array(
        [
            np.abs(
                rodas5p_step(
                    flow.rate, flow.linearise(slope, np.array([GAMMA * h])), state, slope.rate, np.array([h])
                )[1]
            ).max()
            for h in (0.2, 0.1, 0.05)
        ]
    )
    assert abs(np.log2(estimates[1] / estimates[2]) - 5) < 0.4, estimates  # local error of order 4


def test_linear_invariants_are_kept_to_rounding_by_a_stiff_step():
    flow, state, *_ = mirror_flow(5, 4, 3, scale=0.05)
    slope, h = flow.slope(state), np.array([0.3, 3.0])
    new, _ = rodas5p_step(flow.rate, flow.linearise(slope, GAMMA * h), state, slope.rate, h)
    before, after = (flow.split(at) for at in (state, new))
    for laws in zip(conserved(*before), conserved(*after), strict=True):
        np.testing.assert_allclose(*laws, atol=1e-12)


def conserved(mirrored, bias):
    return bias - mirrored.sum(axis=1), mirrored.sum(axis=0), bias.sum(axis=0)
