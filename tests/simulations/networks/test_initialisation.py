"""How weights start: PyTorch's own bits, orthogonal matrices, He's variance, and the scale."""

from functools import partial

import pytest
import torch
from torch import nn

from simulations.networks import BIAS_MODES, INIT_SCHEMES, build_network
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream

KINDS = {
    "fcn": {"network": "fcn", "depth": 3, "width": 12},
    "vgg16": {"network": "vgg16", "width_multiplier": 1 / 16},
    "vgg16-bn": {"network": "vgg16", "width_multiplier": 1 / 16, "batch_norm": True},
    "resnet18": {"network": "resnet18", "width_multiplier": 1 / 16},
    "resnet18-bn": {"network": "resnet18", "width_multiplier": 1 / 16, "batch_norm": True},
    "vit": {"network": "vit", "depth": 2, "width": 16},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def build(kind, **changed):
    return build_network(**({"input_shape": (1, 8, 8), "n_classes": 10, "seed": 0} | KINDS[kind] | changed))


def layers(network, kinds=(nn.Linear, nn.Conv2d)):
    return [module for module in network.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("kind", ["fcn", "vgg16", "vgg16-bn", "resnet18-bn"])
@pytest.mark.parametrize("bias", BIAS_MODES)
def test_torch_is_what_torchs_own_layers_draw(kind, bias):
    network = build(kind, bias=bias, init_scheme="torch", seed=4)
    drawn = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream(4, "init").initial_seed())
        for module in layers(network):
            module.reset_parameters()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, drawn[name]), name


@pytest.mark.parametrize("kind", ["fcn", "vgg16", "resnet18-bn", "vit"])
def test_orthogonal_is_orthogonal_and_he_has_hes_variance(kind):
    for layer in layers(build(kind, init_scheme="orthogonal", init_scale=0.5)):
        W = layer.weight.detach().double().flatten(1)
        gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
        # Unit rows or columns times sqrt(2) / 2; float32 round-off.
        torch.testing.assert_close(gram, 0.5 * torch.eye(len(gram), dtype=torch.float64), atol=1e-5, rtol=0)
    wide = {"width": 64} if kind in ("fcn", "vit") else {"width_multiplier": 0.25}
    for layer in layers(build(kind, init_scheme="he", init_scale=0.5, **wide)):
        W = layer.weight.detach().double()
        std = 0.5 * (2 / W[0].numel()) ** 0.5
        # Five standard errors of a Gaussian's mean and standard deviation.
        assert abs(float(W.mean())) < 5 * std / W.numel() ** 0.5
        assert float(W.std()) == pytest.approx(std, rel=5 / (2 * W.numel()) ** 0.5)


@every_kind
@pytest.mark.parametrize("scheme", INIT_SCHEMES)
def test_the_scale_multiplies_what_is_drawn_and_leaves_the_norms(kind, scheme):
    one, half = build(kind, init_scheme=scheme), build(kind, init_scheme=scheme, init_scale=0.5)
    norms = {id(p) for module in layers(one, (nn.BatchNorm2d, nn.LayerNorm)) for p in module.parameters()}
    for (name, whole), scaled in zip(one.named_parameters(), half.parameters(), strict=True):
        factor = 1.0 if id(whole) in norms else 0.5
        assert torch.equal(factor * whole, scaled), name
        if name.endswith("bias") and (scheme != "torch" or id(whole) in norms):
            assert not whole.any(), name
        elif not name.endswith("bias"):
            assert whole.any(), name
    for module in layers(one, (nn.BatchNorm2d,)):
        assert (module.weight == 1).all()
        assert not module.running_mean.any()
        assert (module.running_var == 1).all()
        assert module.num_batches_tracked == 0


@every_kind
def test_only_the_seeds_stream_is_drawn_from(kind):
    before = torch.get_rng_state()
    first, again, other = build(kind), build(kind), build(kind, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for (name, a), b, c in zip(first.named_parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
        if a.std() > 0:
            assert not torch.equal(a, c), name


@every_kind
def test_bias_modes_differ_in_their_biases_alone(kind):
    """Same draws, and the same logits while the biases are 0."""
    inputs = torch.randn(3, 1, 8, 8, generator=torch_stream(0, "inputs"))
    built = {bias: build(kind, bias=bias).eval() for bias in BIAS_MODES}
    names = {
        bias: [n for n, _ in network.named_parameters() if n.endswith("bias")]
        for bias, network in built.items()
    }
    assert names["none"] == []
    assert names["last"] == names["all"][-1:]
    assert len(names["all"]) > 1
    weights = {
        bias: {n: p for n, p in network.named_parameters() if not n.endswith("bias")}
        for bias, network in built.items()
    }
    for bias in ("last", "none"):
        assert list(weights[bias]) == list(weights["all"])
        assert all(torch.equal(p, weights["all"][n]) for n, p in weights[bias].items())
        torch.testing.assert_close(built[bias](inputs), built["all"](inputs))


def test_what_nothing_starts_is_refused():
    start = partial(initialised, scheme="he", scale=1.0, stream=torch_stream(0, "init"))
    with pytest.raises(TypeError, match="PReLU"):
        start(lambda: nn.Sequential(nn.Linear(2, 2), nn.PReLU()))
