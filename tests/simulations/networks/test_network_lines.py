"""The line between two states of each network: plain interpolation, or refused with a reason."""

from itertools import product

import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import load
from simulations.models.evaluation import Scores
from simulations.models.last_layer import find_last_layer
from simulations.models.layer_depths import bias_depths
from simulations.networks import BIAS_MODES, build_network
from simulations.prediction.gain_prediction import predict_from_endpoints
from simulations.runtime.random_streams import torch_stream

SMALL = {
    "fcn": {"network": "fcn", "depth": 4, "width": 16},
    "vgg16": {"network": "vgg16", "width_multiplier": 1 / 16},
    "vgg16-bn": {"network": "vgg16", "width_multiplier": 1 / 16, "batch_norm": True},
    "resnet18": {"network": "resnet18", "width_multiplier": 1 / 16},
    "resnet18-bn": {"network": "resnet18", "width_multiplier": 1 / 16, "batch_norm": True},
    "vit": {"network": "vit", "depth": 2, "width": 16},
}
every_kind = pytest.mark.parametrize("kind", SMALL)
every_bias = pytest.mark.parametrize("bias", BIAS_MODES)


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=30)


def two_states(kind, bias):
    """A network and two states that stand for its start and its trained end: with biases, and statistics."""
    network = build_network(**SMALL[kind], input_shape=(1, 8, 8), n_classes=10, bias=bias, seed=0)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    end = build_network(**SMALL[kind], input_shape=(1, 8, 8), n_classes=10, bias=bias, seed=1).state_dict()
    stream = torch_stream(0, "end")
    for name, tensor in end.items():
        if name.endswith(("bias", "running_mean")):
            tensor.normal_(0, 0.3, generator=stream)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=stream)
    return network, start, end


def plain_scores(network, start, end, alpha, policy, data):
    """Every tensor interpolated, loaded, and run: no part of the curve engine."""
    statistics = ("running_mean", "running_var")
    state = {
        name: tensor
        if name.endswith(statistics) or not tensor.is_floating_point()
        else torch.lerp(start[name], tensor, alpha)
        for name, tensor in end.items()
    }
    network.load_state_dict(state)
    if policy == "recalibrate":
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # the running statistics become the last batch's
        network.train()(data.inputs)
    with torch.no_grad():
        return Scores(network.eval()(data.inputs), data.labels)


@every_kind
@every_bias
def test_the_linear_path_is_plain_interpolation(kind, bias, digits):
    network, start, end = two_states(kind, bias)
    for policy in ("keep", "recalibrate") if kind.endswith("-bn") else ("refuse",):
        curves = interpolation_curves(
            network, start, end, digits, alphas=[0.0, 0.6, 1.0], buffers=policy, method="grid"
        )
        for alpha, loss in zip((0.0, 0.6, 1.0), curves.loss.values, strict=True):
            expected = plain_scores(network, start, end, alpha, policy, digits)
            assert loss == pytest.approx(expected.loss, rel=1e-5), (policy, alpha)
        assert curves.loss.values.std() > 0


@every_kind
def test_several_alphas_go_through_in_one_vectorised_pass(kind, digits):
    states, policy = two_states(kind, "all"), "keep" if kind.endswith("-bn") else "refuse"
    alone, together = (
        interpolation_curves(*states, digits, alphas=[0.2, 0.5, 0.7], buffers=policy, alphas_at_once=several)
        for several in (1, 3)
    )
    assert together.loss.values == pytest.approx(alone.loss.values, rel=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind.endswith("-bn")])
def test_batch_norm_needs_a_policy(kind, digits):
    with pytest.raises(ValueError, match=r"running statistics .*choose buffers='keep'"):
        interpolation_curves(*two_states(kind, "last"), digits, alphas=3)


@pytest.mark.parametrize(("kind", "depth"), [("fcn", 4), ("vgg16", 14), ("resnet18", 18)])
def test_the_homogeneous_path_counts_the_layers(kind, depth, digits):
    network, start, end = two_states(kind, "last")
    assert list(bias_depths(network).values()) == [depth]
    network, start, end = two_states(kind, "all")
    depths = bias_depths(network)
    assert max(depths.values()) == depth == list(depths.values())[-1]
    assert min(depths.values()) == 1
    curves = interpolation_curves(network, start, end, digits, alphas=[0.5], path="homogeneous")
    point = {
        name: torch.lerp(start[name], tensor, 0.5 ** depths.get(name, 1)) for name, tensor in end.items()
    }
    network.load_state_dict(point)
    with torch.no_grad():
        expected = Scores(network.eval()(digits.inputs), digits.labels)
    assert float(curves.loss[0]) == pytest.approx(expected.loss, rel=1e-5)


@pytest.mark.parametrize(("kind", "bias"), list(product(("vgg16-bn", "resnet18-bn", "vit"), ("all", "last"))))
def test_the_homogeneous_path_is_refused_where_there_is_none(kind, bias, digits):
    policy = "keep" if kind.endswith("-bn") else "refuse"
    with pytest.raises(ValueError, match=r"'homogeneous' needs .*(BatchNorm2d|Positions) with parameters"):
        interpolation_curves(*two_states(kind, bias), digits, path="homogeneous", buffers=policy)


@every_kind
def test_without_biases_the_homogeneous_path_is_the_linear(kind, digits):
    states, policy = two_states(kind, "none"), "keep" if kind.endswith("-bn") else "refuse"
    linear, homogeneous = (
        interpolation_curves(*states, digits, alphas=[0.4], path=path, buffers=policy)
        for path in ("linear", "homogeneous")
    )
    assert float(linear.loss[0]) == float(homogeneous.loss[0])


@every_kind
@every_bias
def test_the_last_layer_is_the_head(kind, bias, digits):
    network, _, _ = two_states(kind, bias)
    last = find_last_layer(network, digits.inputs[:2])
    head = network.get_submodule(last.name)
    assert head is network[-1]
    assert isinstance(head, nn.Linear)
    names = [name for name, _ in network.named_parameters()]
    assert last.bias_name == (None if bias == "none" else names[-1])


@every_kind
def test_the_laws_of_the_endpoints_can_be_asked(kind, digits):
    """Whether they hold is for their own held-out error to say; a start that is not at b = 0 included."""
    policy = "keep" if kind.endswith("-bn") else "refuse"
    network, start, end = two_states(kind, "last")
    for name in start:
        if name.endswith("bias"):
            start[name] = start[name] + 0.1
    found = predict_from_endpoints(network, start, end, digits, alphas=3, n_probe=15, buffers=policy)
    n_weights = sum(parameter.ndim >= 2 for parameter in network.parameters())
    assert len(found.retention) == n_weights
    assert found.gain[-1] == pytest.approx(1)
