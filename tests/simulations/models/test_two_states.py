"""Weight layers, units matched, distance moved: against plain loops and every permutation."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from simulations.models.distance_moved import distance_moved
from simulations.models.matched_units import matched_units
from simulations.models.weight_layers import weight_layers
from simulations.networks import fcn, resnet18
from simulations.networks.language_models import lstm


def test_layers_are_the_weights_in_order_with_what_stands_behind_them():
    assert weight_layers(fcn(3, 4, 5, 2, bias="last", seed=0)) == {
        "1": ["1.weight"],
        "3": ["3.weight"],
        "5": ["5.weight", "5.bias"],
    }
    network = resnet18((1, 8, 8), 10, width_multiplier=1 / 32, batch_norm=True, seed=0)
    layers = weight_layers(network, buffers=True)
    assert sorted(name for names in layers.values() for name in names) == sorted(network.state_dict())
    assert len(layers) == 21  # 17 convolutions, three of the shortcuts, one linear layer
    own = weight_layers(lstm(5, depth=2, width=3, seed=0))
    assert [len(names) for names in own.values()] == [1, 8, 2]


def test_a_norm_before_the_first_weight_belongs_to_it_and_a_shared_weight_to_the_first():
    tied = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 3), nn.Linear(3, 3, bias=False))
    tied[2].weight = tied[1].weight
    assert weight_layers(tied) == {"1": ["0.weight", "0.bias", "1.weight", "1.bias"]}
    with pytest.raises(ValueError, match="no weight layer"):
        weight_layers(nn.LayerNorm(3))


@given(seed=st.integers(0, 50), bias=st.sampled_from(["all", "none"]))
def test_one_hidden_layer_is_matched_as_well_as_by_any_permutation(seed, bias):
    one, other = (fcn(2, 4, 3, 2, bias=bias, init_scheme="torch", seed=s) for s in (seed, seed + 100))
    theirs, ours = one.state_dict(), other.state_dict()
    found = matched_units(theirs, ours, ["1", "3"])

    def distance(state):
        return math.fsum(float(((state[n] - ours[n]).double() ** 2).sum()) for n in ours)

    best = math.inf
    for order in map(list, itertools.permutations(range(4))):
        state = dict(theirs) | {
            "1.weight": theirs["1.weight"][order],
            "3.weight": theirs["3.weight"][:, order],
        }
        if bias == "all":
            state["1.bias"] = theirs["1.bias"][order]
        best = min(best, distance(state))
    assert distance(found) <= best * (1 + 1e-9)
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
    outputs = one(inputs)
    one.load_state_dict(found)
    torch.testing.assert_close(one(inputs), outputs)  # the same function


def test_a_deep_network_in_another_order_is_found_again():
    network = fcn(4, 12, 6, 3, bias="all", init_scheme="torch", seed=5)
    ours = network.state_dict()
    theirs = {name: tensor.clone() for name, tensor in ours.items()}
    for layer, after in (("1", "3"), ("3", "5"), ("5", "7")):
        order = torch.randperm(12, generator=torch.Generator().manual_seed(int(layer)))
        theirs[f"{layer}.weight"], theirs[f"{layer}.bias"] = (
            theirs[f"{layer}.weight"][order],
            theirs[f"{layer}.bias"][order],
        )
        theirs[f"{after}.weight"] = theirs[f"{after}.weight"][:, order]
    found = matched_units(theirs, ours, ["1", "3", "5", "7"])
    assert all(torch.equal(found[name], ours[name]) for name in ours)
    still = matched_units(ours, ours, ["1", "3", "5", "7"])
    assert all(torch.equal(still[name], ours[name]) for name in ours)


def test_distances_are_those_of_a_plain_loop():
    start, end = (fcn(3, 5, 4, 2, bias="all", init_scheme="torch", seed=s).state_dict() for s in (0, 1))
    model = fcn(3, 5, 4, 2, bias="all", seed=0)
    found = distance_moved(model, start, end)
    total = length = 0.0
    for layer in ("1", "3", "5"):
        moved = began = 0.0
        for part in ("weight", "bias"):
            for a, b in zip(
                start[f"{layer}.{part}"].flatten().tolist(),
                end[f"{layer}.{part}"].flatten().tolist(),
                strict=True,
            ):
                moved, began = moved + (b - a) ** 2, began + a * a
        assert found.by_layer[layer] == pytest.approx(math.sqrt(moved), rel=1e-12)
        assert found.start_by_layer[layer] == pytest.approx(math.sqrt(began), rel=1e-12)
        total, length = total + moved, length + began
    assert found.raw == pytest.approx(math.sqrt(total), rel=1e-12)
    assert found.normalised == pytest.approx(math.sqrt(total / length), rel=1e-12)
    zeros = {name: torch.zeros_like(tensor) for name, tensor in start.items()}
    assert distance_moved(model, zeros, end).normalised == math.inf
    assert math.isnan(distance_moved(model, zeros, zeros).normalised)
