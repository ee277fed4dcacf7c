"""Training: what it promises, against a hand-written optimiser, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset, load
from simulations.models.evaluation import Scores
from simulations.networks import fcn
from simulations.runtime.random_streams import torch_stream
from simulations.training.single import train


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=100)


def network(seed=0, **changes):
    return fcn(**({"depth": 2, "width": 16, "n_inputs": 64, "n_classes": 10, "seed": seed} | changes))


def run(data, *, seed=0, model=None, **changes):
    arguments = {"learning_rate": 0.05, "max_epochs": 3, "batch_size": 32} | changes
    return train(model or network(), data, seed=seed, **arguments)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_same_arguments_same_bits(digits, optimizer):
    first = run(digits, optimizer=optimizer, learning_rate=0.01)
    torch.rand(5)  # the global generator plays no part
    second = run(digits, optimizer=optimizer, learning_rate=0.01)
    assert same(first.end, second.end)
    assert first.history.identical(second.history)
    assert not same(first.end, run(digits, optimizer=optimizer, learning_rate=0.01, seed=1).end)
    assert first.history.loss[-1] < first.history.loss[0]


def test_dropout_is_seeded_and_the_global_generator_stays(digits):
    def with_dropout():
        layers = list(network())
        return nn.Sequential(*layers[:-1], nn.Dropout(0.5), layers[-1])

    before = torch.get_rng_state()
    first = run(digits, model=with_dropout())
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert same(first.end, run(digits, model=with_dropout()).end)
    assert not same(first.end, run(digits, model=with_dropout(), seed=1).end)


def test_sgd_with_momentum_agrees_with_a_hand_written_one(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, dtype=torch.float32))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.zero_()
    result = run(digits, model=model, learning_rate=0.1, momentum=0.9, batch_size=40, max_epochs=2, seed=5)
    x = digits.inputs.flatten(1).double().numpy()
    one_hot = np.eye(10)[digits.labels.numpy()]
    W, b = np.zeros((10, 64)), np.zeros(10)
    speed_W, speed_b = np.zeros_like(W), np.zeros_like(b)
    order = torch_stream(5, "order")
    for _ in range(2):
        shuffled = torch.randperm(100, generator=order).numpy()
        for batch in (shuffled[:40], shuffled[40:80], shuffled[80:]):  # the last one is smaller
            z = x[batch] @ W.T + b
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            d = (p - one_hot[batch]) / len(batch)
            speed_W, speed_b = 0.9 * speed_W + d.T @ x[batch], 0.9 * speed_b + d.sum(axis=0)
            W, b = W - 0.1 * speed_W, b - 0.1 * speed_b
    # Six steps in float32 against float64.
    np.testing.assert_allclose(result.end["1.weight"].numpy(), W, atol=1e-5)
    np.testing.assert_allclose(result.end["1.bias"].numpy(), b, atol=1e-5)
    assert result.history.steps.values.tolist() == [0, 3, 6]


def test_the_whole_training_sets_loss_decides(digits):
    result = run(digits, target_loss=0.5, max_epochs=100)
    losses = result.history.loss.values
    assert result.status == "reached"
    assert losses[-1] <= 0.5
    assert (losses[:-1] > 0.5).all()
    scores = Scores(result.model(digits.inputs).detach(), digits.labels)
    assert (losses[-1], result.history.error.values[-1]) == (scores.loss, scores.error)
    np.testing.assert_array_equal(result.history.class_accuracy.values[-1], scores.class_accuracy)
    # Four batches of 32, 32, 32 and 4 an epoch.
    assert result.history.steps.values.tolist() == [4 * epoch for epoch in range(len(losses))]
    assert result.history.attrs["threads"] == torch.get_num_threads()
    assert result.history.attrs["status"] == "reached"


def test_a_target_met_at_the_start_takes_no_step(digits):
    result = run(digits, target_loss=100.0)
    assert result.status == "reached"
    assert result.history.steps.values.tolist() == [0]
    assert same(result.start, result.end)


def test_a_missed_target_is_stagnation_and_no_target_is_none(digits):
    assert run(digits, target_loss=1e-6, max_epochs=2).status == "stagnated"
    assert run(digits, max_epochs=2).status == "reached"
    assert len(run(digits, max_epochs=2).history.epoch) == 3


@pytest.mark.parametrize("learning_rate", [1e4, 1e30])
def test_divergence_ends_in_the_last_finite_state(digits, learning_rate):
    model = network(depth=6)
    result = run(digits, model=model, learning_rate=learning_rate, target_loss=0.01, max_epochs=50)
    assert result.status == "diverged"
    assert all(bool(torch.isfinite(tensor).all()) for tensor in result.end.values())
    assert np.isfinite(result.history.loss).all()
    assert same(dict(result.model.state_dict()), result.end)
    scores = Scores(result.model(digits.inputs).detach(), digits.labels)
    assert scores.loss == result.history.loss[-1]


def test_checkpoints_share_nothing(digits):
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for epochs in (0, 1):
        result = run(digits, model=model, max_epochs=epochs)
        assert same(result.start, before)
        pointers = [
            tensor.data_ptr()
            for state in (result.start, result.end, model.state_dict())
            for tensor in state.values()
        ]
        assert len(set(pointers)) == len(pointers)
        assert not any(tensor.requires_grad for tensor in (*result.start.values(), *result.end.values()))


@pytest.mark.parametrize("training", [True, False])
def test_modes_come_back_and_gradients_go(digits, training):
    model = network().train(training)
    run(digits, model=model)
    assert all(module.training == training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_frozen_parameters_stay(digits):
    model = network()
    model[1].weight.requires_grad_(False)
    result = run(digits, model=model)
    assert torch.equal(result.start["1.weight"], result.end["1.weight"])
    assert not torch.equal(result.start["3.weight"], result.end["3.weight"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"optimizer": "lbfgs"}, "lbfgs"),
        ({"learning_rate": 0.0}, r"0\.0"),
        ({"learning_rate": math.nan}, "nan"),
        ({"momentum": 1.0}, r"1\.0"),
        ({"target_loss": -1.0}, r"-1\.0"),
        ({"batch_size": 0}, "got 0"),
        ({"max_epochs": 1.5}, r"got 1\.5"),
        ({"seed": -3}, "-3"),
    ],
)
def test_bad_values_are_refused_before_any_step(digits, changed, message):
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        run(digits, model=model, **changed)
    assert same(dict(model.state_dict()), before)


def test_bad_models_are_refused(digits):
    with pytest.raises(ValueError, match=r"logits \(100, 10\)"):
        run(digits, model=network(n_classes=3))
    frozen = network().requires_grad_(False)
    with pytest.raises(ValueError, match="no trainable"):
        run(digits, model=frozen)
    broken = network()
    with torch.no_grad():
        broken[1].weight[0, 0] = math.nan
    with pytest.raises(ValueError, match="not finite before training"):
        run(digits, model=broken)


def test_labels_need_not_fill_the_classes():
    data = ImageDataset(torch.randn(4, 3, generator=torch_stream(0, "test")), torch.tensor([0, 0, 2, 2]), 4)
    result = run(data, model=fcn(1, 1, 3, 4, seed=0), max_epochs=1)
    assert np.isnan(result.history.class_accuracy.values).all(axis=0).tolist() == [False, True, False, True]
