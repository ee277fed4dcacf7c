"""The last layer is found by what it made, whatever its name or place."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from simulations.models.last_layer import LastLayer, find_last_layer, logits_of
from simulations.networks import fcn

INPUTS = torch.ones(2, 4)


def test_in_a_sequential_it_is_the_last():
    assert find_last_layer(fcn(3, 5, 4, 2, seed=0), INPUTS) == LastLayer("5", "5.bias")
    assert find_last_layer(fcn(3, 5, 4, 2, bias="none", seed=0), INPUTS) == LastLayer("5", None)


def test_a_network_that_is_one_layer():
    assert find_last_layer(nn.Linear(4, 2), INPUTS) == LastLayer("", "bias")


def test_it_is_the_one_that_runs_last_not_the_one_that_is_declared_last():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)
            self.stem = nn.Linear(4, 3)

        def forward(self, *, x):
            return {"logits": self.head(self.stem(x))}

    model = Crossed()
    assert find_last_layer(model, x=INPUTS) == LastLayer("head", "head.bias")
    assert not model.head._forward_hooks
    assert model.training


def test_logits_made_after_the_last_layer_have_none():
    model = nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1))
    with pytest.raises(ValueError, match="last module with a weight that ran was '0'"):
        find_last_layer(model, INPUTS)
    with pytest.raises(ValueError, match="that ran was 'none'"):
        find_last_layer(nn.Flatten(), INPUTS)


def test_hooks_are_gone_after_an_error():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(5, 2))
    with pytest.raises(RuntimeError):
        find_last_layer(model, INPUTS)
    assert not any(module._forward_hooks for module in model.modules())


def test_logits_of_what_models_return():
    assert logits_of(INPUTS) is INPUTS
    assert logits_of({"logits": INPUTS}) is INPUTS
    assert logits_of(SimpleNamespace(logits=INPUTS)) is INPUTS
    for wrong in ((INPUTS,), {"scores": INPUTS}, None):
        with pytest.raises(ValueError, match=r"must return logits or an object with .logits"):
            logits_of(wrong)
