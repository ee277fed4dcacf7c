"""Paths walked as one against each walked alone: the same bits, for the passes of one."""

import pytest
import torch
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.curves.several_paths import PathBetweenStates, curves_together
from simulations.line.line_setup import open_line
from simulations.line.shared_features import shared_features
from simulations.models.last_layer import LastLayer, find_last_layer
from simulations.networks import fcn, resnet18
from tests.simulations.curves.helpers.networks import LOOK, Residual, Tied, copy_of, line, moved


def ends(model, bias_name, seed=1):
    """Two states of every shape, biases not 0, and the walks of a run."""
    start, end = moved(copy_of(model), seed), moved(copy_of(model), seed + 1)
    for state in (start, end):
        for name in state:
            if name.endswith("running_var"):
                state[name] = state[name].abs() + 0.5
    return start, end, walks_of(start, end, bias_name)


def walks_of(start, end, bias_name):
    without = [{n: torch.zeros_like(t) if n == bias_name else t for n, t in s.items()} for s in (start, end)]
    return {
        "linear": PathBetweenStates(start, end, exits=True),
        "weights": PathBetweenStates(start, end, "weights"),
        "no_last_bias": PathBetweenStates(*without),
        "last_bias": PathBetweenStates(start, end, "last_bias"),
    }


def alone(model, walk, data, **options):
    return interpolation_curves(
        model, walk.start, walk.end, data, path=walk.path, exits=walk.exits, method="grid", **options
    )


def small_resnet():
    return resnet18((1, 8, 8), 10, bias="last", width_multiplier=0.0625, batch_norm=True, seed=0)


class Channels(nn.Module):
    """Its last layer is no nn.Linear."""

    def __init__(self):
        super().__init__()
        self.last = nn.Bilinear(64, 1, 10)

    def forward(self, x):
        x = x.flatten(1)
        return self.last(x, torch.ones(len(x), 1))


class Halved(nn.Linear):
    """Another product than its base class's."""

    def forward(self, x):
        return super().forward(x / 2)


def hooked():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 10))
    model[3].register_forward_hook(lambda _, __, output: output * 2)
    return model


MODELS = {
    "fcn, last bias": lambda: fcn(4, 24, 64, 10, bias="last", seed=5),
    "fcn, all biases": lambda: fcn(3, 24, 64, 10, bias="all", seed=5),
    "tied weights": Tied,
    "residual": Residual,
    "resnet": small_resnet,
    "no linear last layer": Channels,
    "a linear layer of its own": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), Halved(9, 10)
    ),
    "weight norm": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.utils.parametrizations.weight_norm(nn.Linear(9, 10))
    ),
    "hooked": hooked,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("policy", ["keep", "recalibrate"])
def test_every_walk_is_what_it_is_alone(make, policy, digits):
    torch.manual_seed(0)
    model = make()
    last = find_last_layer(model, digits.inputs[:1])
    start, end, walks = ends(model, last.bias_name)
    if isinstance(model, Tied):
        for walk in walks.values():
            walk.start["second.weight"], walk.end["second.weight"] = (
                start["first.weight"],
                end["first.weight"],
            )
    pairs = [(digits.inputs[i : i + 90], digits.labels[i : i + 90]) for i in range(0, 360, 90)]
    splits = {"train": pairs, "test": (digits.inputs[360:440], digits.labels[360:440])}
    options = {"alphas": 5, "buffers": policy, "calibration": digits, "channels_last": True}
    together = curves_together(model, walks, splits, last, **options)
    assert list(together) == list(walks)
    for name, walk in walks.items():
        xr.testing.assert_identical(together[name], alone(model, walk, splits, **options))


@pytest.mark.parametrize(
    ("bias", "walked"),
    # With biases everywhere "weights" has other features than "linear"; "last_bias" has them always.
    [("last", 2), ("all", 3)],
)
def test_walks_that_differ_in_the_last_bias_take_one_walks_passes(bias, walked, digits):
    seen = []
    model = fcn(4, 24, 64, 10, bias=bias, seed=5)
    last = find_last_layer(model, digits.inputs[:1])
    _, _, walks = ends(model, last.bias_name)
    first = next(module for module in model.modules() if isinstance(module, nn.Linear))
    handle = first.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    curves_together(model, walks, digits, last, alphas=9)
    handle.remove()
    assert sum(seen) == walked * (9 * len(digits) + LOOK)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_bias_that_another_layer_has_too_is_not_the_last_layers_alone(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 10))
    model[3].bias = model[1].bias
    start, end = moved(copy_of(model), 1), moved(copy_of(model), 2)
    for state in (start, end):
        state["3.bias"] = state["1.bias"]
    zero = [s | {name: torch.zeros(10) for name in ("1.bias", "3.bias")} for s in (start, end)]
    # "weights" differs from "linear" in one bias alone, which is the first layer's as well.
    walks = {
        "linear": PathBetweenStates(start, end),
        "weights": PathBetweenStates(start, end, "weights"),
        "without": PathBetweenStates(*zero),
    }
    together = curves_together(model, walks, digits, LastLayer("3", "1.bias"), alphas=4)
    for name, walk in walks.items():
        xr.testing.assert_identical(together[name], alone(model, walk, digits, alphas=4))


@settings(max_examples=20)  # six orders of the walks; four curves each
@given(exponents=st.permutations(["linear", "weights", "no_last_bias"]), batch=st.integers(1, 40))
@example(exponents=["no_last_bias", "weights", "linear"], batch=1)
@example(exponents=["weights", "linear", "no_last_bias"], batch=40)
def test_in_any_order_and_any_batches(exponents, batch, digits):
    model = fcn(3, 8, 64, 10, bias="last", seed=2)
    last = find_last_layer(model, digits.inputs[:1])
    _, _, walks = ends(model, last.bias_name)
    pairs = [
        (digits.inputs[i : min(i + batch, 60)], digits.labels[i : min(i + batch, 60)])
        for i in range(0, 60, batch)
    ]
    together = curves_together(model, {name: walks[name] for name in exponents}, pairs, last, alphas=3)
    for name in exponents:
        xr.testing.assert_identical(together[name], alone(model, walks[name], pairs, alphas=3))


def test_bad_walks_are_refused_before_any_pass(digits):
    model, start, end = line(lambda: fcn(3, 8, 64, 10, bias="last", seed=2))
    last = find_last_layer(model, digits.inputs[:1])
    for walks, words in (
        ({"a": PathBetweenStates(start, start)}, "the same checkpoint"),
        (
            {"a": PathBetweenStates(start, end), "b": PathBetweenStates(start, start)},
            "'b' are the same checkpoint",
        ),
        ({"a": PathBetweenStates(start, end), "b": PathBetweenStates(start, {})}, "end of 'b'"),
        ({"a": PathBetweenStates(start, end, "sideways")}, "unknown path 'sideways'"),
    ):
        seen = []
        handle = model.register_forward_hook(lambda *_, seen=seen: seen.append(1))
        with pytest.raises(ValueError, match=words):
            curves_together(model, walks, digits, last, alphas=3)
        handle.remove()
        assert not seen
    with pytest.raises(ValueError, match="'0' is a Flatten"), open_line(model, start, end, digits) as opened:
        shared_features(opened.line, "0").__enter__()


def test_what_is_kept_goes_with_its_batch(digits):
    model, start, end = line(lambda: fcn(3, 8, 64, 10, bias="last", seed=2))
    name = find_last_layer(model, digits.inputs[:1]).name
    with open_line(model, start, end, digits) as opened, shared_features(opened.line, name) as shared:
        batch = next(iter(opened.splits[""]))
        shared.logits(0.5, batch)
        assert len(shared._kept) == 1
        del batch
        assert not shared._kept


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_cuda_device(digits):
    model = fcn(4, 24, 64, 10, bias="last", seed=5).to("cuda")
    last = find_last_layer(model, digits.inputs[:1].to("cuda"))
    _, _, walks = ends(fcn(4, 24, 64, 10, bias="last", seed=5), last.bias_name)
    together = curves_together(model, walks, digits, last, alphas=5)
    for name, walk in walks.items():
        xr.testing.assert_allclose(together[name], alone(model, walk, digits, alphas=5), atol=1e-5)
