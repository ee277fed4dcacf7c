"""The line between two checkpoints: exact ends, no side effects, and an independent route between."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import ImageDataset, load
from simulations.line.paths import PATHS
from simulations.models.evaluation import Scores
from simulations.networks import fcn
from simulations.runtime.random_streams import numpy_stream, torch_stream
from simulations.training.single import train
from tests.simulations.curves.helpers.networks import copy_of


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=60)


def two_checkpoints(bias="all", depth=3):
    """Two random states of one network, with biases that are not zero."""
    model = fcn(depth, 12, 64, 10, bias=bias, seed=0)
    states = []
    for seed in (0, 1):
        stream = torch_stream(seed, "checkpoint")
        states.append(
            {name: 0.3 * torch.randn(t.shape, generator=stream) for name, t in model.state_dict().items()}
        )
    return model, *states


class Awkward(nn.Module):
    """Buffers of every kind, written to by each pass; tied and frozen weights, dropout, random draws."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 64)
        self.tied = nn.Linear(64, 64)
        self.tied.weight = self.inner.weight
        self.head = nn.Linear(64, 10)
        self.head.bias.requires_grad_(False)
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("scale", torch.tensor(2.0))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)

    def forward(self, x):
        self.calls += 1
        self.scratch += 1
        torch.rand(1), np.random.rand(), random.random()  # noqa: NPY002 - the global ones are meant
        h = torch.tanh(self.inner(x.flatten(1)))
        return self.head(self.dropout(torch.tanh(self.tied(h)))) * self.scale


def test_the_model_is_left_as_it_was_and_the_ends_are_exact(digits):
    model = Awkward()
    start = copy_of(model) | {"calls": torch.tensor(7)}
    stream = torch_stream(0, "end")
    end = {
        name: t + 0.1 * torch.randn(t.shape, generator=stream) if t.is_floating_point() else t.clone()
        for name, t in start.items()
    }
    end["tied.weight"] = end["inner.weight"]
    end["scale"] = torch.tensor(3.0)
    model.train()
    model.head.eval()  # a mixture of modes must come back as it was
    modes = [module.training for module in model.modules()]
    weights, scratch = copy_of(model), model.scratch.clone()
    checkpoints = [{name: t.clone() for name, t in state.items()} for state in (start, end)]
    generators = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002

    curves = interpolation_curves(model, start, end, digits, alphas=3, buffers="interpolate")

    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert torch.equal(model.scratch, scratch)
    assert [module.training for module in model.modules()] == modes
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["head.bias"]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.tied.weight is model.inner.weight
    for given, kept in zip((start, end), checkpoints, strict=True):
        assert all(torch.equal(given[name], kept[name]) for name in kept)
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert (np.random.get_state()[1] == generators[1]).all()  # noqa: NPY002
    assert random.getstate() == generators[2]

    model.eval()
    for alpha, state in ((0, start), (-1, end)):
        model.load_state_dict(state)
        scores = Scores(model(digits.inputs).detach(), digits.labels)
        assert curves.loss[alpha] == scores.loss
        assert curves.error[alpha] == scores.error
        assert (curves.class_share[alpha] == scores.class_share).all()


def forward(arrays, inputs):
    """A fully connected ReLU network in float64 numpy."""
    h = inputs
    for index, (W, b) in enumerate(arrays):
        h = h @ W.T + b
        if index < len(arrays) - 1:
            h = np.maximum(h, 0)
    return h


@pytest.mark.parametrize("path", PATHS)
def test_every_path_agrees_with_a_numpy_network(digits, path):
    model, start, end = two_checkpoints()
    alphas = [0.0, 0.1, 0.37, 0.8, 1.0]
    curves = interpolation_curves(model, start, end, digits, alphas=alphas, path=path)
    x, y = digits.inputs.flatten(1).double().numpy(), digits.labels.numpy()
    for alpha, loss, error in zip(alphas, curves.loss.values, curves.error.values, strict=True):
        arrays = []
        for depth, layer in enumerate(("1", "3", "5"), start=1):
            c_weight = 1 if path in ("bias", "last_bias") else alpha
            c_bias = {
                "linear": alpha,
                "homogeneous": alpha**depth,
                "weights": 1,
                "bias": alpha,
                "last_bias": alpha if depth == 3 else 1,
            }[path]
            arrays.append(
                [
                    (1 - c) * start[f"{layer}.{kind}"].double().numpy()
                    + c * end[f"{layer}.{kind}"].double().numpy()
                    for kind, c in (("weight", c_weight), ("bias", c_bias))
                ]
            )
        z = forward(arrays, x)
        own = z[np.arange(len(y)), y]
        # float32 products of 64 terms against float64: logits agree to about 1e-5.
        assert loss == pytest.approx(np.mean(np.log(np.exp(z - own[:, None]).sum(axis=1))), abs=2e-5)
        margins = own - np.where(np.eye(10, dtype=bool)[y], -np.inf, z).max(axis=1)
        assert np.abs(margins).min() > 2e-5  # so that rounding cannot change a prediction
        assert error == np.mean(margins <= 0)
    np.testing.assert_allclose(curves.class_share.sum("predicted_class"), 1, rtol=1e-15)


def test_from_zero_the_homogeneous_path_keeps_every_prediction_and_the_linear_one_does_not(digits):
    # theory.md T5: z(alpha) = alpha^r z(1), so the error is constant on (0, 1].
    model, _, end = two_checkpoints()
    start = {name: torch.zeros_like(tensor) for name, tensor in end.items()}
    homogeneous = interpolation_curves(
        model, start, end, digits, path="homogeneous", alphas=21, method="grid"
    )
    assert homogeneous.error[0] == 1.0
    assert np.unique(homogeneous.error[1:]).size == 1
    assert homogeneous.loss[0] == pytest.approx(np.log(10), rel=1e-15)
    linear = interpolation_curves(model, start, end, digits, path="linear", alphas=21, method="grid")
    assert np.unique(linear.error[1:]).size > 1


def test_the_readmes_example():
    data = load("digits")
    net = fcn(8, 64, 64, 10, bias="last", init_scale=0.5, seed=0)
    run = train(net, data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=0)
    curves = interpolation_curves(run.model, run.start, run.end, data)
    assert run.status == "reached"
    assert curves.sizes == {"alpha": 101, "predicted_class": 10, "label": 10}
    # Training and the line are evaluated alike, to the bit.
    assert curves.loss[0] == run.history.loss[0]
    assert curves.loss[-1] == run.history.loss[-1]
    assert curves.error[-1] == run.history.error[-1]
    assert curves.attrs["data_hash"] == data.content_hash
    assert curves.attrs["threads"] == torch.get_num_threads()


@pytest.mark.parametrize(
    ("alphas", "message"),
    [
        (1, "got 1"),
        ([], "empty"),
        ([0.0, 1.5], r"alphas\[1\] = 1\.5"),
        ([-0.1, 1.0], r"alphas\[0\] = -0\.1"),
        ([0.0, float("nan")], r"alphas\[1\] = nan"),
        ([0.0, 0.5, 0.5], r"alphas\[1\] = 0\.5 is followed by"),
        ([[0.0, 1.0]], r"\(1, 2\)"),
    ],
)
def test_bad_alphas_are_refused_by_value(digits, alphas, message):
    model, start, end = two_checkpoints()
    with pytest.raises(ValueError, match=message):
        interpolation_curves(model, start, end, digits, alphas=alphas)


def test_checkpoints_of_another_network_are_refused_by_name(digits):
    model, start, end = two_checkpoints()
    with pytest.raises(ValueError, match=r"end does not fit.*missing \['5.bias'\], unknown \['7.bias'\]"):
        interpolation_curves(
            model, start, {k.replace("5.b", "7.b"): v for k, v in end.items()}, digits, alphas=2
        )
    with pytest.raises(ValueError, match=r"start\['1.bias'\] has shape \(3,\), the model's has \(12,\)"):
        interpolation_curves(model, start | {"1.bias": torch.zeros(3)}, end, digits, alphas=2)
    with pytest.raises(ValueError, match=r"end\['1.bias'\] holds values that are not finite"):
        interpolation_curves(model, start, end | {"1.bias": torch.full((12,), torch.inf)}, digits, alphas=2)
    with pytest.raises(ValueError, match=r"start must be a module, a state dict or .*, got int"):
        interpolation_curves(model, 3, end, digits, alphas=2)


def test_logits_that_overflow_name_their_alpha(digits):
    model, start, end = two_checkpoints()
    huge = {name: tensor * 1e25 for name, tensor in end.items()}
    with pytest.raises(ValueError, match=r"not finite at alpha = 1\.0"):
        interpolation_curves(model, start, huge, digits, alphas=[0.0, 1.0])


def test_data_larger_than_a_batch_is_evaluated_whole():
    rng = numpy_stream(0, "test")
    inputs = torch.from_numpy(rng.normal(size=(5000, 3)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 4, 5000))
    data = ImageDataset(inputs, labels, 4)
    model = fcn(2, 5, 3, 4, seed=0)
    state = copy_of(model)
    other = {name: tensor + 1 for name, tensor in state.items()}
    curves = interpolation_curves(model, state, other, data, alphas=2)
    scores = Scores(model(inputs).detach(), labels)
    assert curves.loss[0] == pytest.approx(scores.loss, rel=1e-6)  # other batches, other float32 roundings
    assert curves.class_share[0].values == pytest.approx(scores.class_share, abs=2e-4)
