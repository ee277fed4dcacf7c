"""The fully connected network: its shape, distribution and stream."""

from itertools import product

import pytest
import torch
from torch import nn

from simulations.networks import fcn
from simulations.runtime.random_streams import torch_stream


@pytest.mark.parametrize(("depth", "bias"), list(product((1, 2, 8), ("all", "last", "none"))))
def test_depth_counts_weight_layers_and_biases_start_at_zero(depth, bias):
    network = fcn(depth, 5, 4, 3, bias=bias, seed=0)
    layers = [module for module in network if isinstance(module, nn.Linear)]
    assert len(layers) == depth
    assert sum(isinstance(module, nn.ReLU) for module in network) == depth - 1
    assert [layer.bias is not None for layer in layers] == [
        bias == "all" or (bias == "last" and layer is layers[-1]) for layer in layers
    ]
    assert all(not layer.bias.any() for layer in layers if layer.bias is not None)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert network(torch.zeros(2, 1, 2, 2)).shape == (2, 3)


def test_weights_have_he_variance_times_the_scale():
    network = fcn(3, 400, 100, 10, init_scale=0.5, seed=0)
    for module in network:
        if isinstance(module, nn.Linear):
            weights = module.weight.detach().double()
            std = 0.5 * (2 / module.in_features) ** 0.5
            # Five standard errors of a Gaussian's mean and standard deviation.
            assert abs(float(weights.mean())) < 5 * std / weights.numel() ** 0.5
            assert float(weights.std()) == pytest.approx(std, rel=5 / (2 * weights.numel()) ** 0.5)


def test_the_scale_multiplies_the_same_draws():
    one, half = fcn(2, 4, 4, 2, seed=3), fcn(2, 4, 4, 2, init_scale=0.5, seed=3)
    assert torch.equal(one[1].weight * 0.5, half[1].weight)


def test_only_the_seeds_stream_is_drawn_from():
    before = torch.get_rng_state()
    first = fcn(2, 4, 4, 2, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(first[1].weight, fcn(2, 4, 4, 2, seed=0)[1].weight)
    assert not torch.equal(first[1].weight, fcn(2, 4, 4, 2, seed=1)[1].weight)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depth": 0}, "depth .* got 0"),
        ({"width": 2.0}, r"width .* got 2\.0"),
        ({"n_inputs": -1}, "got -1"),
        ({"n_classes": 1}, "got 1"),
        ({"bias": "first"}, "first"),
        ({"init_scheme": "xavier"}, "he, torch, orthogonal, got .xavier"),
        ({"init_scale": 0.0}, r"0\.0"),
        ({"init_scale": float("nan")}, "nan"),
        ({"seed": -1}, "-1"),
    ],
)
def test_bad_values_are_refused_by_name(changed, message):
    good = {"depth": 2, "width": 3, "n_inputs": 4, "n_classes": 2, "seed": 0}
    with pytest.raises(ValueError, match=message):
        fcn(**(good | changed))


@pytest.mark.parametrize(("depth", "bias"), list(product((1, 8, 20), ("all", "last", "none"))))
def test_at_hes_scheme_the_weights_are_the_streams_normals_in_order(depth, bias):
    # Runs are named and compared by these bits: they must not move.
    network = fcn(depth, 6, 5, 3, bias=bias, init_scale=0.7, seed=11)
    stream = torch_stream(11, "init")
    for module in network:
        if isinstance(module, nn.Linear):
            std = (2 / module.in_features) ** 0.5
            drawn = torch.empty(module.out_features, module.in_features).normal_(0.0, std, generator=stream)
            assert torch.equal(module.weight, drawn * 0.7)


def test_twenty_layers_pass_the_signal_on():
    inputs = torch.randn(50, 64, generator=torch_stream(0, "inputs"))
    with torch.no_grad():
        square = fcn(20, 256, 64, 10, seed=0)(inputs).square().mean().item()
    # Mean square 2 at He's scale; its logarithm's standard deviation is about sqrt(5 depth / width) = 0.6:
    # five of these either way.
    assert 0.1 < square < 40
