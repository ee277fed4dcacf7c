"""How far along the line each tensor is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from simulations.line.paths import (
    PATHS,
    noise_start,
    path_coefficients,
    point_on_path,
    tensor_exponents,
    zero_start,
)
from simulations.models.roles import roles_without_running
from simulations.networks import fcn
from simulations.runtime.random_streams import torch_stream


def test_the_named_paths_of_a_network_with_all_biases():
    model = fcn(3, 2, 2, 2, bias="all", seed=0)
    weights, biases = ["1.weight", "3.weight", "5.weight"], ["1.bias", "3.bias", "5.bias"]
    expected = {
        "linear": [1, 1, 1, 1, 1, 1],
        "homogeneous": [1, 1, 1, 1, 2, 3],
        "weights": [1, 1, 1, 0, 0, 0],
        "bias": [0, 0, 0, 1, 1, 1],
        "last_bias": [0, 0, 0, 0, 0, 1],
    }
    assert set(expected) == set(PATHS)
    for path, exponents in expected.items():
        roles = replace(roles_without_running(model), last_bias="5.bias")
        found = tensor_exponents(model, path, roles=roles)
        assert found == dict(zip(weights + biases, exponents, strict=True))


def test_depth_is_counted_over_layers_without_a_bias_and_nested_blocks():
    assert tensor_exponents(fcn(4, 2, 2, 2, bias="last", seed=0), "homogeneous")["7.bias"] == 4
    block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3, bias=False))
    model = nn.Sequential(block, nn.Flatten(), nn.Linear(8, 2))
    assert tensor_exponents(model, "homogeneous")["0.0.bias"] == 1
    assert tensor_exponents(model, "homogeneous")["2.bias"] == 3


def test_what_a_path_does_not_allow_is_named():
    with pytest.raises(ValueError, match=r"'quadratic'.*linear, homogeneous, weights, bias"):
        tensor_exponents(fcn(2, 2, 2, 2, seed=0), "quadratic")
    with pytest.raises(ValueError, match="has none"):
        tensor_exponents(fcn(2, 2, 2, 2, bias="none", seed=0), "bias")
    normalised = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2))
    with pytest.raises(ValueError, match="1 is a LayerNorm"):
        tensor_exponents(normalised, "homogeneous")
    with pytest.raises(ValueError, match=r"no parameter matches; they are 1.weight"):
        tensor_exponents(fcn(2, 2, 2, 2, seed=0), "only:9.*")
    with pytest.raises(ValueError, match=r"depth of every bias; none is given for \['0.bias', '1.bias'\]"):
        tensor_exponents(normalised, "homogeneous", bias_depth={"2.bias": 2})


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(x + torch.relu(self.inner(x)))


def test_depths_come_from_the_graph_or_are_given():
    depths = {n: e for n, e in tensor_exponents(Residual(), "homogeneous").items() if n.endswith("bias")}
    assert depths == {"first.bias": 1, "inner.bias": 2, "last.bias": 3}
    given = {"first.bias": 1, "inner.bias": 1, "last.bias": 2}
    found = tensor_exponents(Residual(), "homogeneous", bias_depth=given)
    assert {n: e for n, e in found.items() if n.endswith("bias")} == given


def test_a_pattern_moves_what_it_names_and_nothing_else():
    found = tensor_exponents(Residual(), "only:inner.*")
    assert {name for name, e in found.items() if e} == {"inner.weight", "inner.bias"}


def test_a_callable_path_is_asked_for_every_parameter():
    c = path_coefficients(Residual(), lambda name, alpha: alpha**2 if name.startswith("last") else 1)(0.5)
    assert c["last.weight"] == c["last.bias"] == 0.25
    assert c["first.weight"] == 1
    with pytest.raises(ValueError, match=r"c = nan for 'first.weight' at alpha = 0.5"):
        path_coefficients(Residual(), lambda *_: float("nan"))(0.5)


def test_starts_that_are_not_initial_weights():
    end = {"w": torch.ones(2000), "b": torch.ones(3), "count": torch.tensor(4)}
    zero = zero_start(end)
    assert not zero["w"].any()
    assert zero["count"] == 4
    like = {"w": torch.linspace(-3, 3, 2000), "b": torch.zeros(3), "count": torch.tensor(0)}
    noise = noise_start(end, like, seed=1)
    # 2,000 draws: the standard deviation is within 5 of its own standard errors.
    assert abs(noise["w"].std() / like["w"].std() - 1) < 5 / (2 * 2000) ** 0.5
    assert not noise["b"].any()
    assert torch.equal(noise["w"], noise_start(end, like, seed=1)["w"])


def test_noise_is_of_names_and_not_of_the_order_that_a_file_holds_them_in():
    end = {"v": torch.ones(3), "w": torch.ones(2), "a": torch.ones(4)}
    like = {name: torch.arange(float(len(tensor))) for name, tensor in end.items()}
    noise = noise_start(end, like, seed=1)
    other = noise_start(dict(sorted(end.items())), like, seed=1)
    assert list(noise) == ["v", "w", "a"]
    assert all(torch.equal(noise[name], other[name]) for name in end)
    # By hand: one stream, in the order asked for, times each tensor's spread.
    for order in (None, ("w", "a", "v")):
        stream = torch_stream(1, "noise start")
        found = noise_start(end, like, seed=1, order=order)
        for name in order or sorted(end):
            drawn = torch.randn(len(end[name]), generator=stream, dtype=torch.float64)
            want = drawn * float(np.std(like[name].numpy()))
            torch.testing.assert_close(found[name], want.float())
    with pytest.raises(ValueError, match=r"order must be the names of end, each once: v, w, a; got v, w$"):
        noise_start(end, like, seed=1, order=["v", "w"])
    with pytest.raises(ValueError, match="like lacks 'a', which end has"):
        noise_start(end, {"v": like["v"], "w": like["w"]}, seed=1)


values = st.floats(-(2.0**100), 2.0**100, width=32)


@example(a=1e8, b=1.0, exponent=1)  # in float32, a + 1 (b - a) is 0
@example(a=-0.0, b=0.0, exponent=3)
@given(a=values, b=values, exponent=st.integers(0, 64))
def test_the_ends_are_the_checkpoints_bits(a, b, exponent):
    start, end = {"w": torch.tensor([a])}, {"w": torch.tensor([b])}
    for alpha in (0.0, 1.0):
        point = point_on_path(start, end, {"w": exponent}, alpha)["w"]
        source = end["w"] if alpha == 1 or exponent == 0 else start["w"]
        assert torch.equal(point.view(torch.int32), source.view(torch.int32))
        assert point.data_ptr() != source.data_ptr()


def test_the_naive_formula_misses_the_end():
    a, b = torch.tensor(1e8), torch.tensor(1.0)
    assert a + 1 * (b - a) != b  # what the copies are for


@given(alpha=st.floats(0, 1), exponent=st.integers(1, 8))
def test_between_the_ends_a_tensor_is_at_alpha_to_its_exponent(alpha, exponent):
    start, end = {"w": torch.tensor([2.0, -1.0]).double()}, {"w": torch.tensor([3.0, 5.0]).double()}
    point = point_on_path(start, end, {"w": exponent}, alpha)["w"]
    c = alpha**exponent
    torch.testing.assert_close(point, torch.tensor([2 + c, -1 + 6 * c], dtype=torch.float64))


def test_a_layer_used_twice_has_no_depth():
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="0 is used at depths 1 and 2"):
        tensor_exponents(model, "homogeneous")
    assert set(tensor_exponents(model, "linear").values()) == {1}
