"""Running statistics on the line: every policy by hand, and layers that keep none."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from simulations.curves.one_path import interpolation_curves
from tests.simulations.curves.helpers.networks import copy_of, moved, normalised


@pytest.mark.parametrize(
    ("policy", "means", "variances"),
    [
        ("keep", [2.0, 1.0], [4.0, 9.0]),
        ("interpolate", [1.0, 0.5], [2.5, 5.0]),
        # weights (2, 1.5) at 1/2 on x = 1, 2, 3, 6: mean 3, unbiased variance (4 + 1 + 0 + 9) / 3
        ("recalibrate", [6.0, 4.5], [4 * 14 / 3, 2.25 * 14 / 3]),
    ],
)
def test_batch_norm_policies_by_hand(policy, means, variances):
    model, start, end = normalised()
    x, labels = torch.tensor([[1.0], [2.0], [3.0], [6.0]]), torch.tensor([0, 1, 0, 1])
    # Two batches: the cumulative statistics are those of all four samples, not a mean of batches'.
    data = DataLoader(TensorDataset(x, labels), batch_size=2)
    curves = interpolation_curves(model, start, end, data, alphas=[0.5], buffers=policy)
    z = (x * torch.tensor([2.0, 1.5]) - torch.tensor(means)) / torch.tensor(variances).sqrt()
    assert curves.loss.item() == pytest.approx(nn.functional.cross_entropy(z, labels).item(), rel=1e-6)
    assert curves.attrs["buffers"] == policy
    assert curves.attrs["calibration_passes"] == (policy == "recalibrate")


@pytest.mark.parametrize("policy", ["refuse", "average"])
def test_buffers_without_a_policy_names_the_four(policy):
    model, start, end = normalised()
    data = torch.ones(4, 1), torch.tensor([0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"(?=.*keep)(?=.*interpolate)(?=.*recalibrate)(?=.*refuse)"):
        interpolation_curves(model, start, end, data, buffers=policy)


def test_of_several_splits_the_first_calibrates_batch_norm():
    model, start, end = normalised()
    train = torch.tensor([[1.0], [2.0], [3.0], [6.0]]), torch.tensor([0, 1, 0, 1])
    test = torch.tensor([[4.0], [9.0]]), torch.tensor([1, 0])
    options = {"alphas": [0.5], "buffers": "recalibrate"}
    both = interpolation_curves(model, start, end, {"train": train, "test": test}, **options)
    stated = interpolation_curves(model, start, end, test, calibration=train, **options)
    assert both.loss.sel(split="test").item() == stated.loss.item()
    assert both.attrs["calibration_passes"] == 1


def test_batch_statistics_evaluate_whole_batches(digits):
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 16),
        nn.BatchNorm1d(16, track_running_stats=False),
        nn.Tanh(),
        nn.Linear(16, 10),
    )
    start, end = moved(copy_of(model), 0), moved(copy_of(model), 1)
    fast = interpolation_curves(model, start, end, digits, alphas=201)
    exact = interpolation_curves(model, start, end, digits, alphas=201, method="grid")
    assert fast.attrs["forward_passes"] == fast.attrs["nodes"]  # every node for every sample
    assert np.abs(fast.loss - exact.loss).max() <= 1e-3
