"""VGG-16 and ResNet-18 in their CIFAR form: their size, their function, and that they train."""

from itertools import pairwise, product

import pytest
import torch
from torch import nn
from torch.nn import functional

from simulations.datasets.image_dataset import load
from simulations.networks import BIAS_MODES, resnet18, vgg16
from simulations.runtime.random_streams import torch_stream
from simulations.training.single import train

VGG = [64, 64, "pool", 128, 128, "pool", *[256] * 3, "pool", *[512] * 3, "pool", *[512] * 3, "pool"]
# Widths in and out, kernel, stride of the trunk; shortcut convolutions apart.
RESNET = [64, 64, 64, 64, 64, 128, 128, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512]


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def vgg_formula(channels, classes, multiplier, batch_norm, bias):
    total, width = 0, channels
    for published in VGG:
        if published != "pool":
            out = round(published * multiplier)
            total += 9 * width * out + (bias == "all") * out + batch_norm * (1 + (bias == "all")) * out
            width = out
    return total + width * classes + (bias != "none") * classes


def resnet_formula(channels, classes, multiplier, batch_norm, bias):
    a_channel = batch_norm + (bias == "all")  # scale, and shift or bias
    widths = [channels, *(round(published * multiplier) for published in RESNET)]
    total = sum(9 * i * o + a_channel * o for i, o in pairwise(widths))
    for i, o in ((64, 128), (128, 256), (256, 512)):
        total += round(i * multiplier) * round(o * multiplier) + a_channel * round(o * multiplier)
    return total + widths[-1] * classes + (bias != "none") * classes


@pytest.mark.parametrize("bias", BIAS_MODES)
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize(("channels", "classes", "multiplier"), [(3, 10, 1 / 4), (1, 7, 3 / 8)])
def test_parameters_by_formula(channels, classes, multiplier, batch_norm, bias):
    arguments = {"width_multiplier": multiplier, "batch_norm": batch_norm, "bias": bias, "seed": 0}
    for build, formula in ((vgg16, vgg_formula), (resnet18, resnet_formula)):
        network = build((channels, 32, 32), classes, **arguments)
        assert n_parameters(network) == formula(channels, classes, multiplier, batch_norm, bias)


def test_the_published_numbers_of_parameters():
    assert vgg_formula(3, 10, 1, False, "all") == n_parameters(vgg16((3, 32, 32), 10, seed=0)) == 14_719_818
    assert vgg_formula(3, 10, 1, True, "all") == 14_719_818 + 8_448
    assert (
        resnet_formula(3, 10, 1, True, "all") == n_parameters(resnet18((3, 32, 32), 10, seed=0)) == 11_173_962
    )


def awake(network, seed=0):
    """The network with biases and running statistics that do something, in evaluation mode."""
    stream = torch_stream(seed, "awake")
    for name, tensor in network.state_dict().items():
        if name.endswith(("bias", "running_mean")):
            tensor.normal_(0, 0.3, generator=stream)
        elif name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
            tensor.uniform_(0.5, 1.5, generator=stream)
    return network.eval()


class Layers:
    """A network's numbers, taken in the order of its state dict by plain functions."""

    def __init__(self, network, batch_norm, conv_bias):
        self.batch_norm, self.conv_bias = batch_norm, conv_bias
        self.tensors = iter(
            [t for n, t in network.state_dict().items() if not n.endswith("num_batches_tracked")]
        )

    def convolution(self, x, stride=1):
        weight = next(self.tensors)
        bias = next(self.tensors) if self.conv_bias else None
        x = functional.conv2d(x, weight, bias, stride, weight.shape[-1] // 2)
        if self.batch_norm:
            scale, shift, mean, var = (next(self.tensors)[:, None, None] for _ in range(4))
            x = (x - mean) / (var + 1e-5).sqrt() * scale + shift
        return x

    def head(self, x):
        logits = functional.linear(x, next(self.tensors), next(self.tensors))
        assert next(self.tensors, None) is None  # nothing is left over
        return logits


@pytest.mark.parametrize("batch_norm", [True, False])
def test_vgg_is_the_published_function(batch_norm):
    x = torch.randn(2, 3, 32, 32, generator=torch_stream(0, "inputs"))
    network = awake(vgg16(x.shape[1:], 10, width_multiplier=1 / 16, batch_norm=batch_norm, seed=0))
    layers, h = Layers(network, batch_norm, True), x
    for published in VGG:
        h = functional.max_pool2d(h, 2) if published == "pool" else torch.relu(layers.convolution(h))
    assert h.shape == (2, 32, 1, 1)
    torch.testing.assert_close(network(x), layers.head(h.flatten(1)))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_resnet_is_the_published_function(batch_norm):
    x = torch.randn(2, 3, 32, 32, generator=torch_stream(0, "inputs"))
    network = awake(resnet18(x.shape[1:], 10, width_multiplier=1 / 16, batch_norm=batch_norm, seed=0))
    layers = Layers(network, batch_norm, not batch_norm)
    h = torch.relu(layers.convolution(x))
    for stage, block in product(range(4), range(2)):
        stride = 2 if stage and not block else 1
        branch = layers.convolution(torch.relu(layers.convolution(h, stride)))
        h = torch.relu(branch + (layers.convolution(h, 2) if stride == 2 else h))
    assert h.shape == (2, 32, 4, 4)
    torch.testing.assert_close(network(x), layers.head(h.mean(dim=(2, 3))))


@pytest.mark.parametrize("build", [vgg16, resnet18])
@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (3, 48, 40), (2, 1, 1)])
def test_other_sizes_of_images_work(build, shape):
    network = build(shape, 10, width_multiplier=1 / 16, batch_norm=True, seed=0).eval()
    assert network(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("scheme", ["he", "orthogonal"])
def test_without_batch_norm_the_residual_signal_does_not_explode(scheme):
    for seed in range(3):
        network = resnet18(
            (3, 32, 32), 10, width_multiplier=0.25, batch_norm=False, init_scheme=scheme, seed=seed
        )
        h = torch.randn(8, 3, 32, 32, generator=torch_stream(0, "inputs"))
        squares = []
        with torch.no_grad():
            for module in network:
                h = module(h)
                squares.append(float(h.square().mean()))
        trunk = squares[1:10]  # after the stem's ReLU and after each block
        assert max(trunk) < 8 * trunk[0]  # 400 times at He's scale without the factor on the branches
        assert min(trunk) > trunk[0] / 8


@pytest.mark.parametrize(
    ("build", "batch_norm"), [(vgg16, True), (vgg16, False), (resnet18, True), (resnet18, False)]
)
def test_they_train(build, batch_norm):
    data = load("digits", limit=100)
    network = build((1, 8, 8), 10, width_multiplier=1 / 8, batch_norm=batch_norm, bias="last", seed=0)
    result = train(network, data, optimizer="adam", learning_rate=0.002, batch_size=20, max_epochs=14, seed=0)
    assert result.status == "reached"
    assert float(result.history.error[-1]) < 0.45  # half of chance
    assert isinstance(network[-1], nn.Linear)


@pytest.mark.parametrize("build", [vgg16, resnet18])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input_shape": (32, 32)}, r"channels, height, width.* got \(32, 32\)"),
        ({"input_shape": (3, 0, 32)}, r"got \(3, 0, 32\)"),
        ({"n_classes": 1}, "n_classes .* got 1"),
        ({"width_multiplier": 0.0}, r"width_multiplier .* got 0\.0"),
        ({"width_multiplier": float("inf")}, "got inf"),
        ({"bias": "first"}, "first"),
        ({"init_scheme": "xavier"}, "xavier"),
        ({"init_scale": -1.0}, r"-1\.0"),
        ({"seed": -1}, "-1"),
    ],
)
def test_bad_values_are_refused_by_name(build, changed, message):
    good = {"input_shape": (1, 8, 8), "n_classes": 10, "width_multiplier": 1 / 16, "seed": 0}
    with pytest.raises(ValueError, match=message):
        build(**(good | changed))
