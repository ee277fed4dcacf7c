"""The compiled driver against the numpy driver, whose code for steps, solves and events it does not share."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mli_theory import DomainError
from simulations.gradient_flow import FlowError, integrate
from simulations.gradient_flow.solver import compiled, kernel
from simulations.gradient_flow.solver.linear import Linearised
from simulations.gradient_flow.solver.mirror import MirrorFlow
from simulations.gradient_flow.solver.reachability import sign_cycle
from simulations.gradient_flow.solver.stepper import integrate_batch
from tests.simulations.gradient_flow.helpers.kernel_stage import kernel_stage, room


def problem(seed, k, degree, scale, *, train_bias=True, mixed=False):
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.5, 1, k)
    weights = scale * rng.uniform(0.5, 1, (1, k, k))
    if mixed:
        weights *= rng.choice([-1.0, 1.0], weights.shape)
    bias = 0.1 * rng.normal(size=(1, k))
    return MirrorFlow.from_weights(weights, bias, degree, shares / shares.sum(), train_bias)


def same_run(flow, one, other):
    # The last two classes share their probability, so that their learning times hang on rounding (see
    # `integrate`): elsewhere the steps are the same up to rounding, and all end errors are below rtol's.
    k = flow.n_classes
    kk = k * k
    np.testing.assert_allclose(one.states[-1, kk:], other.states[-1, kk:], atol=1e-6)
    signals = [flow.signal(run.states[-1][:, None])[0] for run in (one, other)]
    np.testing.assert_allclose(signals[0], signals[1], atol=1e-6)
    np.testing.assert_allclose(one.rise_time, other.rise_time, rtol=1e-6)
    np.testing.assert_array_equal(one.risen >= 0, other.risen >= 0)
    assert abs(np.log(one.loss[-1] / other.loss[-1])) < 1e-10
    assert one.elapsed.sum() == pytest.approx(other.elapsed.sum(), rel=1e-6)
    assert abs(one.steps - other.steps) <= 0.05 * other.steps + 20
    signal = flow.signal(one.states[one.risen[one.risen >= 0]].T)[0].reshape(kk, -1)[:: k + 1]
    assert (np.diag(signal[one.risen >= 0]) >= 1 - 1e-12).all()


@settings(max_examples=6)  # a flow by numpy each, 0.1 to 1 s
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 4),
    degree=st.integers(2, 6),
    log_scale=st.floats(-3, -0.6),
    train_bias=st.booleans(),
    mixed=st.booleans(),
)
@example(seed=0, k=6, degree=4, log_scale=-1.0, train_bias=True, mixed=False)
@example(seed=0, k=4, degree=10, log_scale=-4.0, train_bias=True, mixed=False)
@example(seed=0, k=4, degree=2, log_scale=-4.0, train_bias=False, mixed=False)
@example(seed=8, k=3, degree=3, log_scale=-1.0, train_bias=True, mixed=True)
@example(seed=0, k=3, degree=4, log_scale=-1.0, train_bias=True, mixed=True)
def test_both_drivers_find_the_same_run(seed, k, degree, log_scale, train_bias, mixed):
    flow, state = problem(seed, k, degree, 10**log_scale, train_bias=train_bias, mixed=mixed)
    signs = flow.sign[..., 0]
    assume(sign_cycle(signs) is None and (train_bias or (signs > 0).all()))
    arguments = (flow, state, 1e-5, 1e-6, 5000, 40_000)
    (one,), (other,) = compiled.integrate_compiled(*arguments), integrate_batch(*arguments)
    same_run(flow, one, other)


def test_a_diagonal_start_with_a_zero_is_the_same_by_both():
    flow, state = MirrorFlow.from_weights(
        np.diag([0.2, 0.1, 0.0])[None], np.zeros((1, 3)), 3, np.full(3, 1 / 3), True
    )
    arguments = (flow, state, 1e-3, 1e-6, 100, 10_000)
    same_run(flow, compiled.integrate_compiled(*arguments)[0], integrate_batch(*arguments)[0])


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 10),
    log_step=st.floats(-6, 12),
    train_bias=st.booleans(),
)
@example(seed=0, k=4, log_step=3.0, train_bias=True)
def test_the_solve_is_that_of_the_arrays(seed, k, log_step, train_bias):
    rng = np.random.default_rng(seed)
    p = np.exp(3 * rng.normal(size=(k, k)))
    p /= p.sum(axis=0)
    shares = rng.dirichlet(np.full(k, 5.0))
    d, step = np.exp(2 * rng.normal(size=(k, k))), 10**log_step
    linear = Linearised.build(p[..., None], d[..., None], step * shares[:, None], train_bias)
    # Right-hand sides of a flow keep the sum of the biases, and none where they are held; what the rate moves
    # sums to 0 in every column.
    kept, moved = rng.normal(size=(2, k * k + k))
    kept[k * k :] = kept[k * k :] - kept[k * k :].mean() if train_bias else 0.0
    columns = moved[: k * k].reshape(k, k)
    columns -= columns.mean(axis=0)
    x = kernel_stage(p, d, shares, step, train_bias, kept, moved)
    exact = linear.solve(kept[:, None], moved[:, None])[:, 0]
    np.testing.assert_allclose(x, exact, atol=1e-9 * np.abs(exact).max())


@given(seed=st.integers(0, 10**6), k=st.integers(2, 6), degree=st.integers(2, 10), mixed=st.booleans())
@example(seed=0, k=3, degree=3, mixed=True)
def test_the_field_is_that_of_the_arrays(seed, k, degree, mixed):
    flow, state = problem(seed, k, degree, 1.5, mixed=mixed)
    rules = np.zeros(1, kernel.RULES)[0]
    rules["degree"], rules["train_bias"] = degree, 1
    point = tuple(np.empty(shape) for shape in (k * k + k, (k, k), (k, k), k))
    loss = kernel.field(
        state[:, 0].copy(), flow.sign[..., 0].copy(), flow.shares, rules, point, room(flow.n_classes)
    )
    slope = flow.slope(state)
    for got, wanted in zip(point, vars(slope).values(), strict=True):
        np.testing.assert_allclose(got, wanted[..., 0], rtol=1e-11, atol=1e-15)
    assert loss == pytest.approx(float(flow.losses(slope.margin)[0]), rel=1e-12)


def test_where_an_array_would_overflow_the_margin_is_still_right():
    flow, state = problem(0, 3, 3, 0.1)
    state[9:, 0] = [2000.0, 0.0, -1000.0]
    rules = np.zeros(1, kernel.RULES)[0]
    rules["degree"], rules["train_bias"] = 3, 1
    point = tuple(np.empty(shape) for shape in (12, (3, 3), (3, 3), 3))
    loss = kernel.field(
        state[:, 0].copy(), flow.sign[..., 0].copy(), flow.shares, rules, point, room(flow.n_classes)
    )
    signal = flow.signal(state)[0][..., 0]
    wanted = [2000 + signal[0, 0] - signal[1, 0]]
    wanted += [signal[j, j] - 1000.0 * (j == 2) - 2000 - signal[0, j] for j in (1, 2)]
    np.testing.assert_allclose(point[3], wanted, rtol=1e-12)
    assert loss == pytest.approx(2000 * flow.shares[1] + 3000 * flow.shares[2], rel=1e-6)


def test_a_run_handed_over_in_small_pieces_is_the_whole_run(monkeypatch):
    flow, state = problem(1, 3, 4, 0.05)
    arguments, start = (flow, state, 1e-6, 1e-6, 40, 10_000), state.copy()
    (whole,) = compiled.integrate_compiled(*arguments)
    monkeypatch.setattr(compiled, "_CHUNK", 1)  # eight rows at a time, so that landings are cut too
    (pieces,) = compiled.integrate_compiled(*arguments)
    np.testing.assert_array_equal(pieces.states[-1], whole.states[-1])
    np.testing.assert_array_equal(pieces.learned >= 0, whole.learned >= 0)
    np.testing.assert_allclose(pieces.rise_time, whole.rise_time, rtol=1e-13)
    assert pieces.elapsed.sum() == pytest.approx(whole.elapsed.sum(), rel=1e-13)
    assert pieces.steps == whole.steps
    np.testing.assert_array_equal(state, start)  # the caller's start is left alone


def test_too_few_steps_are_an_error_that_says_how_far_it_came():
    flow, state = problem(0, 3, 3, 0.1)
    for drive in (compiled.integrate_compiled, integrate_batch):
        with pytest.raises(FlowError, match=r"run 0 .* before final_loss 1\.000000e-05: 10 steps were not"):
            drive(flow, state, 1e-5, 1e-7, 50, 10)


def test_an_unknown_driver_is_refused():
    with pytest.raises(DomainError, match="'fortran'"):
        integrate(np.full((2, 2), 0.1), 3, 1e-2, driver="fortran")


def test_where_no_folder_takes_the_cache_the_loops_are_compiled_without_one(monkeypatch):
    asked = []

    def njit(**options):
        asked.append(options.pop("cache", False))
        if asked[-1]:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: ("compiled", function)

    monkeypatch.setattr(kernel, "njit", njit)
    assert kernel._compile(len) == ("compiled", len)
    assert asked == [True, False]
