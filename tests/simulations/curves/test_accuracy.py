"""The adaptive engine against the grid: how far off its curves are."""

import numpy as np
import pytest
from torch import nn

from simulations.curves.accumulator import CurveSums
from simulations.curves.one_path import interpolation_curves
from simulations.models.evaluation import Scores
from simulations.networks import fcn
from tests.simulations.curves.helpers.networks import Attention, Residual, Tied, copy_of, line, moved


@pytest.mark.parametrize("make", [Tied, Attention, Residual])
def test_adaptive_agrees_with_the_grid_off_the_nodes(make, digits):
    model, start, end = line(make)
    policy = {"buffers": "interpolate"} if make is Residual else {}
    fast = interpolation_curves(model, start, end, digits, alphas=501, **policy)
    exact = interpolation_curves(model, start, end, digits, alphas=fast.alpha[3::25], method="grid", **policy)
    there = fast.sel(alpha=exact.alpha)
    assert fast.attrs["method"] == "adaptive"
    assert fast.attrs["forward_passes"] < 60
    assert np.abs(there.loss - exact.loss).max() <= 1e-3
    assert np.abs(there.error - exact.error).max() <= 5e-3
    assert np.abs(there.class_share - exact.class_share).max() <= 1e-2  # no tolerance is promised for shares
    np.testing.assert_allclose(there.loss_standard_error, exact.loss_standard_error, rtol=2e-2)
    assert there.class_error.weighted(exact.class_share.rename(predicted_class="label")).mean().notnull()


def test_both_ends_are_the_checkpoints_own_bits(trained, digits):
    curves = interpolation_curves(trained.model, trained.start, trained.end, digits)
    for alpha, state in ((0, trained.start), (-1, trained.end)):
        network = fcn(6, 48, 64, 10, bias="all", seed=0)
        network.load_state_dict(state)
        scores = Scores(network(digits.inputs).detach(), digits.labels)
        assert curves.loss[alpha] == scores.loss
        assert curves.error[alpha] == scores.error
        assert (curves.class_share[alpha] == scores.class_share).all()


def test_a_linear_model_is_exact_from_the_first_level(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    start, end = moved(copy_of(model), 1), moved(copy_of(model), 2)
    fast = interpolation_curves(model, start, end, digits, alphas=301)
    exact = interpolation_curves(model, start, end, digits, alphas=301, method="grid")
    assert fast.attrs["nodes"] == 17
    # The logits are exact; what is left is the mean loss between 65 points and float32.
    assert np.abs(fast.loss - exact.loss).max() < 2e-6
    assert np.abs(fast.error - exact.error).max() <= 1.5 / len(digits)  # one sample


def test_a_loss_with_a_sharp_bend_is_taken_at_more_points(digits, monkeypatch):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    start, end = moved(copy_of(model), 1, 6.0), moved(copy_of(model), 2, 6.0)
    one = (
        digits.inputs[:20].repeat(30, 1, 1, 1),
        digits.labels[:20].repeat(30),
    )  # bends that do not average out
    lines = []
    monkeypatch.setattr(
        CurveSums,
        "add_line",
        lambda self, line, *rest, own=CurveSums.add_line: lines.append(line) or own(self, line, *rest),
    )
    fast = interpolation_curves(model, start, end, one, alphas=201, loss_tolerance=0.05, error_tolerance=0.1)
    exact = interpolation_curves(model, start, end, one, alphas=201, method="grid")
    assert [len(line.loss_grid) for line in lines] == [65]
    assert np.abs(fast.loss - exact.loss).max() <= 0.05


def test_a_tolerance_below_one_sample_is_one_sample(digits):
    run = *line(Attention), digits
    curves = interpolation_curves(*run, alphas=501, error_tolerance=1e-9)
    assert curves.attrs["method"] == "adaptive"
    assert curves.attrs["samples_on_grid"] == 0
    assert round(curves.attrs["estimated_error_error"] * len(digits)) == 1
    exact = interpolation_curves(*run, alphas=curves.alpha[3::25], method="grid")
    assert np.abs(curves.error.sel(alpha=exact.alpha) - exact.error).max() <= 1.5 / len(digits)
