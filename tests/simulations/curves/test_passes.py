"""What a curve costs: forward passes spent, and where the grid is cheaper."""

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.networks import fcn
from tests.simulations.curves.helpers.networks import LOOK, Counted, Residual, copy_of, moved


def test_ten_thousand_alphas_cost_no_more_passes(trained, digits):
    few, many = (
        interpolation_curves(trained.model, trained.start, trained.end, digits, alphas=n)
        for n in (501, 10_000)
    )
    assert few.attrs["forward_passes"] == many.attrs["forward_passes"] < 40
    assert few.attrs["nodes"] == many.attrs["nodes"]
    assert np.abs(many.loss.sel(alpha=few.alpha, method="nearest").values - few.loss.values).max() < 1e-3


@pytest.mark.parametrize(
    ("make", "spent"),
    [
        # 9 nodes for all 600, 8 for 75 pilots, and the rest where a class changes near a node.
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), 6328),
        (lambda: fcn(4, 24, 64, 10, bias="all", seed=5), 19012),
        (Residual, 9832),
    ],
    ids=["linear", "fcn", "residual"],
)
def test_passes_spent_are_those_the_model_saw_and_no_more(make, spent, digits):
    torch.manual_seed(0)
    model = Counted(make())
    start, end = moved(copy_of(model), 1), moved(copy_of(model), 2)
    data = digits.inputs.double(), digits.labels
    curves = interpolation_curves(model, start, end, data, alphas=501, buffers="keep")
    assert model.seen - LOOK == round(curves.attrs["forward_passes"] * len(digits)) == spent


def test_few_alphas_are_evaluated_as_they_are_and_outside_only_on_request(trained, digits):
    run = trained.model, trained.start, trained.end, digits
    assert interpolation_curves(*run, alphas=5).attrs["method"] == "grid"
    with pytest.raises(ValueError, match=r"extrapolate=True.*alphas\[0\] = -0\.5"):
        interpolation_curves(*run, alphas=[-0.5, 1.0])
    alphas = np.concatenate([[-0.5], np.linspace(0, 1, 101), [1.5]])
    wide = interpolation_curves(*run, alphas=alphas, extrapolate=True)
    assert wide.loss[-1] == interpolation_curves(*run, alphas=[1.5], extrapolate=True).loss[0]
    assert wide.error[0] == interpolation_curves(*run, alphas=[-0.5, 0.5], extrapolate=True).error[0]


def test_where_interpolation_does_not_pay_the_grid_is_evaluated_with_a_warning(trained, digits):
    run = trained.model, trained.start, trained.end, digits
    with pytest.warns(UserWarning, match="600 of 600 samples did not reach"):
        curves = interpolation_curves(*run, alphas=21, loss_tolerance=1e-12)
    exact = interpolation_curves(*run, alphas=21, method="grid")
    assert (curves.loss == exact.loss).all()
    assert curves.attrs["estimated_loss_error"] == 0
