"""Gradient descent beside the flow: the flow between its records, the curvature, and what the paths do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory import power_model
from simulations.gradient_flow import integrate
from simulations.gradient_flow.curvature import largest_curvature
from simulations.power_model_experiments.flow_path import FlowPath
from simulations.power_model_experiments.gradient_descent import compare


def start(seed, k, scale):
    return scale * np.random.default_rng(seed).uniform(0.5, 1, (k, k))


@settings(max_examples=10)  # two flows each
@given(seed=st.integers(0, 10**6), k=st.integers(2, 4), degree=st.integers(2, 6), negative=st.booleans())
def test_the_flow_between_its_records_is_that_of_other_records(seed, k, degree, negative):
    weights = start(seed, k, 0.2)
    weights[0, 1] *= -1.0 if negative else 1.0
    path = FlowPath.from_flow(integrate(weights, degree, 1e-3, rtol=1e-9, record=6000))
    other = integrate(weights, degree, 1e-3, rtol=1e-8, record=100).isel(record=slice(1, -1))
    found, bias = path.at(other.time.values)
    np.testing.assert_allclose(found**degree, other.weights.values**degree, atol=2e-6)
    np.testing.assert_allclose(bias, other.bias.values, atol=2e-6)
    again, bias = path.at(path.time_at_loss(other.loss.values))
    np.testing.assert_allclose(again**degree, other.weights.values**degree, atol=1e-5)
    np.testing.assert_allclose(bias, other.bias.values, atol=1e-5)


@given(seed=st.integers(0, 10**6), k=st.integers(2, 4), degree=st.integers(2, 6), equal=st.booleans())
@settings(max_examples=30)
def test_the_curvature_is_that_of_the_gradient_s_differences(seed, k, degree, equal):
    rng = np.random.default_rng(seed)
    weights, bias = rng.normal(size=(2, k, k)), rng.normal(size=(2, k))
    shares = None if equal else rng.uniform(0.5, 1, k)
    shares = shares if equal else shares / shares.sum()

    def gradient(y):
        parts = power_model.gradient(y[: k * k].reshape(k, k), y[k * k :], degree, shares)
        return np.concatenate([part.ravel() for part in parts])

    for w, b, found in zip(weights, bias, largest_curvature(weights, bias, degree, shares), strict=True):
        y, h = np.concatenate([w.ravel(), b]), 1e-6
        hessian = np.array([(gradient(y + h * e) - gradient(y - h * e)) / (2 * h) for e in np.eye(len(y))])
        largest = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        assert found == pytest.approx(largest[-1], abs=1e-6 * np.abs(largest).max())


def test_before_anything_is_learned_the_curvature_is_that_of_the_biases():
    assert largest_curvature(np.full((5, 5), 1e-6), np.zeros(5), 3) == pytest.approx(1 / 5)


@pytest.fixture(scope="module")
def flow():
    return integrate(start(0, 2, 0.2), 3, 1e-2, rtol=1e-9, record=6000)


def test_gradient_descent_follows_the_flow_to_first_order_in_every_phase(flow):
    coarse, fine = (compare(flow, "gradient descent", step) for step in (1 / 64, 1 / 128))
    for name in ("distance_early", "distance_arrival", "distance_late", "distance_end", "off_path_end"):
        assert 1.8 < coarse[name] / fine[name] < 2.2, name
    assert 1.9 < coarse["row_drift"] / fine["row_drift"] < 2.1
    for row in (coarse, fine):
        assert row["first_lag"] == pytest.approx(row["first_lag_predicted"], rel=0.02)
        assert row["order_kept"]
        assert row["sign_changes"] == 0
    # Twice the path's steps, as 2 over the curvature says.
    assert fine["n_steps"] == pytest.approx(float(flow.time[-1]) * fine["curvature_peak"] / 2 * 128, abs=1)


def test_at_the_largest_stable_step_it_has_left_the_flow(flow):
    row = compare(flow, "gradient descent", 1.0)
    assert row["distance_arrival"] > 1.0
    assert row["row_drift"] > 0.1
    assert row["loss_rises"] == 0


def test_momentum_has_the_clock_and_the_longer_lag_of_its_modified_equation(flow):
    plain, heavy = (compare(flow, name, 1 / 64) for name in ("gradient descent", "momentum"))
    assert heavy["learning_rate"] == pytest.approx(plain["learning_rate"] / 10)
    assert heavy["first_lag"] == pytest.approx(heavy["first_lag_predicted"], rel=0.15)
    assert heavy["first_lag"] > 10 * plain["first_lag"]


def test_adam_does_not_follow_the_flow_however_small_its_step(flow):
    for rate in (1e-2, 1e-3):
        row = compare(flow, "adam", rate)
        assert "distance_late" not in row  # it has no clock
        assert row["off_path_end"] > 0.1
        assert row["row_drift"] > 1  # T8
        assert row["learning_spread"] < 0.2 * row["learning_spread_flow"]  # T9


def test_a_path_that_blows_up_says_so_and_has_no_distance(flow):
    row = compare(flow, "gradient descent", 1e150)
    assert not row["finite"]
    assert "distance_late" not in row
    huge = compare(flow, "gradient descent", 1e9)  # its loss underflows
    assert huge["finite"]
    assert huge["off_path_end"] > 1e9
