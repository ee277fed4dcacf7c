import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.curves.splits import split_curves


def two_splits():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    ends = [{n: torch.randn_like(p) / 4 for n, p in model.named_parameters()} for _ in range(2)]
    train = torch.randn(30, 3), torch.arange(30) % 2
    return model, *ends, {"train": train, "test": (torch.randn(7, 3), torch.zeros(7, dtype=torch.int64))}


@pytest.mark.parametrize("method", ["adaptive", "grid"])
@pytest.mark.parametrize("name", ["train", "test"])
def test_a_split_of_a_sweep_is_what_its_data_alone_give(method, name):
    model, start, end, splits = two_splits()
    options = {"alphas": 201, "method": method, "exits": True, "samples": True}
    both = interpolation_curves(model, start, end, splits, **options)
    alone = interpolation_curves(model, start, end, splits[name], **options)
    xr.testing.assert_identical(split_curves(both, name), alone)


def test_what_a_shorter_split_lacks_is_filled():
    model, start, end, splits = two_splits()
    both = interpolation_curves(model, start, end, splits, alphas=5, exits=True, samples=True)
    short = both.sel(split="test").isel(sample=slice(7, None))
    assert both.sizes["sample"] == 30
    assert np.isnan(short.correct_from).all()
    assert both.sample_correct.dtype == bool
    assert not short.sample_correct.any()


def test_a_split_that_is_not_there_is_named():
    model, start, end, splits = two_splits()
    both = interpolation_curves(model, start, end, splits, alphas=3)
    with pytest.raises(ValueError, match=r"no split 'valid' .* 'train', 'test'"):
        split_curves(both, "valid")
    alone = interpolation_curves(model, start, end, splits["train"], alphas=3)
    with pytest.raises(ValueError, match=r"no split 'train' .* none"):
        split_curves(alone, "train")
