"""Networks by name: the same as by their own functions, and what each refuses."""

import pytest
import torch

from simulations import networks
from simulations.networks import NETWORKS, build_network, fcn, resnet18, vgg16, vit
from simulations.networks.autoencoder import autoencoder
from simulations.networks.language_models import causal_transformer, lstm

GOOD = {
    "input_shape": (1, 8, 8),
    "n_classes": 10,
    "depth": 2,
    "width": 8,
    "width_multiplier": 1.0,
    "batch_norm": False,
    "bias": "last",
    "init_scheme": "he",
    "init_scale": 0.5,
    "seed": 3,
}
START = {"bias": "last", "init_scheme": "torch", "init_scale": 0.5, "seed": 3}
SMALL = {"width_multiplier": 1 / 16, "batch_norm": True}


def test_the_public_page_is_exactly_this():
    names = "BIAS_MODES CONVOLUTIONAL INIT_SCHEMES NETWORKS build_network fcn resnet18 vgg16 vit"
    assert sorted(networks.__all__) == names.split()
    assert NETWORKS == ("fcn", "vgg16", "resnet18", "vit", "autoencoder", "transformer", "lstm")
    assert networks.BIAS_MODES == ("all", "last", "none")


@pytest.mark.parametrize(
    ("network", "how", "own"),
    [
        ("fcn", {"depth": 3, "width": 7}, lambda: fcn(3, 7, 64, 10, **START)),
        ("vgg16", SMALL, lambda: vgg16((1, 8, 8), 10, **SMALL, **START)),
        ("resnet18", SMALL, lambda: resnet18((1, 8, 8), 10, **SMALL, **START)),
        ("vit", {"depth": 3, "width": 12}, lambda: vit((1, 8, 8), 10, depth=3, width=12, **START)),
        ("autoencoder", {"width": 7, "bottleneck": 2}, lambda: autoencoder(7, 2, 64, **START)),
        ("lstm", {"input_shape": (5,), "width": 6}, lambda: lstm(10, depth=2, width=6, **START)),
        (
            "transformer",
            {"input_shape": (5,), "width": 8},
            lambda: causal_transformer(10, 5, depth=2, width=8, **START),
        ),
    ],
)
def test_every_argument_arrives(network, how, own):
    built = build_network(network, **(GOOD | START | how)).state_dict()
    expected = own().state_dict()
    assert list(built) == list(expected)
    assert all(torch.equal(built[name], expected[name]) for name in built)


def test_a_shape_may_come_as_torchs():
    inputs = torch.zeros(4, 2, 3)
    assert build_network("fcn", **(GOOD | {"input_shape": inputs.shape[1:]}))(inputs).shape == (4, 10)


@pytest.mark.parametrize(
    ("network", "changed", "message"),
    [
        ("vgg19", {}, "fcn, vgg16, resnet18, vit, autoencoder, transformer, lstm, got 'vgg19'"),
        ("fcn", {"batch_norm": True}, "fcn has no batch normalisation"),
        ("vit", {"batch_norm": True}, "vit has no batch normalisation"),
        ("fcn", {"width_multiplier": 0.5}, r"width_multiplier must be 1, got 0\.5"),
        ("autoencoder", {}, "autoencoder needs width and bottleneck, got width=8, bottleneck=None"),
        ("lstm", {}, r"lstm takes sequences: input_shape must be \(tokens,\), got \(1, 8, 8\)"),
        ("transformer", {"input_shape": (5,), "width": 6}, "width must be a multiple of the 4 heads, got 6"),
        ("vit", {"depth": None}, "vit needs depth and width, got depth=None"),
        ("fcn", {"width": None}, "width=None"),
        ("fcn", {"input_shape": ()}, r"input_shape .* got \(\)"),
        ("fcn", {"input_shape": (8, -8)}, r"got \(8, -8\)"),
        ("vgg16", {"input_shape": (64,)}, r"got \(64,\)"),
    ],
)
def test_what_a_network_does_not_take_is_refused(network, changed, message):
    with pytest.raises(ValueError, match=message):
        build_network(network, **(GOOD | changed))
