"""Users' data: which kinds are read alike, and which are refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from simulations.curves.one_path import interpolation_curves
from simulations.networks import fcn
from simulations.user_data.data_passes import Batch
from tests.simulations.curves.helpers.networks import normalised


def test_a_loader_of_small_batches_a_dataset_and_tensors_agree(trained, digits):
    run = trained.model, trained.start, trained.end
    dataset = TensorDataset(digits.inputs, digits.labels)
    loader = DataLoader(dataset, batch_size=50)
    whole = interpolation_curves(*run, digits)
    for data in (loader, dataset, (digits.inputs, digits.labels), list(loader)):
        found = interpolation_curves(*run, data)
        assert np.abs(found.loss - whole.loss).max() < 1e-4
        assert np.abs(found.error - whole.error).max() <= 2 / len(digits)


def test_dict_batches_hooks_and_splits(trained, digits):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = fcn(6, 48, 64, 10, bias="all", seed=0)

        def forward(self, pixels):
            return SimpleNamespace(logits=self.net(pixels))

    states = [{f"net.{n}": t for n, t in s.items()} for s in (trained.start, trained.end)]
    batches = [{"pixels": digits.inputs, "labels": digits.labels}]
    plain = interpolation_curves(trained.model, trained.start, trained.end, digits)
    np.testing.assert_array_equal(interpolation_curves(Wrapped(), *states, batches).loss, plain.loss)

    def hook(item):
        return Batch((), {"pixels": item["x"]}, item["y"])

    odd = {"x": digits.inputs, "y": digits.labels}
    np.testing.assert_array_equal(
        interpolation_curves(Wrapped(), *states, [odd], batch_hook=hook).loss, plain.loss
    )
    with pytest.raises(ValueError, match=r"keys \['x', 'y'\] has no tensor"):
        interpolation_curves(Wrapped(), *states, [odd])
    both = interpolation_curves(
        trained.model, trained.start, trained.end, {"train": digits, "test": digits}, alphas=5
    )
    assert list(both.split.values) == ["train", "test"]
    assert (both.loss[0] == both.loss[1]).all()


def test_a_second_pass_that_differs_is_refused(digits):
    model, start, end = normalised()
    x = torch.arange(40.0)[:, None]
    loader = DataLoader(TensorDataset(x, torch.arange(40) % 2), batch_size=4, shuffle=True)
    with pytest.raises(ValueError, match="turn shuffling"):
        interpolation_curves(model, start, end, loader, alphas=5, buffers="recalibrate")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no sample"),
        ((torch.ones(3, 64), torch.tensor([0, 1])), "3 and 2"),
        ((torch.ones(2, 64), torch.tensor([0, 10])), "label 10 has no logit"),
        ((torch.ones(2, 64), torch.tensor([0, -1])), "one is -1"),
        ((torch.ones(2, 64), torch.tensor([0.0, 1.0])), "labels must be integers"),
        ([torch.ones(2, 64)], "batch of type Tensor is not known"),
        (iter([]), "can be read once"),
        ("digits", "data of type str"),
    ],
)
def test_data_that_cannot_be_read_is_refused(trained, data, message):
    with pytest.raises(ValueError, match=message):
        interpolation_curves(trained.model, trained.start, trained.end, data)
