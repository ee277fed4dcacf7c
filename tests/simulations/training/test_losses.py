"""Training by token and by squared error, and states kept on the way."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from simulations.datasets import load
from simulations.datasets.tokens import TokenDataset
from simulations.networks import fcn
from simulations.networks.autoencoder import autoencoder
from simulations.networks.language_models import causal_transformer
from simulations.runtime.random_streams import torch_stream
from simulations.training import train

HOW = {"learning_rate": 0.05, "momentum": 0.0, "batch_size": 4, "max_epochs": 2, "seed": 3}


def test_by_token_is_plain_descent_on_all_tokens():
    stream = torch.Generator().manual_seed(0)
    tokens = torch.randint(5, (9, 7), generator=stream)
    data = TokenDataset(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous(), 5)
    found = train(causal_transformer(5, 6, depth=1, width=8, seed=1), data, **HOW)
    plain = causal_transformer(5, 6, depth=1, width=8, seed=1)
    logits = plain(data.inputs).detach()
    by_hand = np.mean(
        [
            -torch.log_softmax(logits[i, j].double(), dim=0)[data.labels[i, j]].item()
            for i in range(9)
            for j in range(6)
        ]
    )
    assert found.history["loss"].values[0] == pytest.approx(by_hand, rel=1e-6)
    wrong = np.mean(
        [int(logits[i, j].argmax()) != int(data.labels[i, j]) for i in range(9) for j in range(6)]
    )
    assert found.history["error"].values[0] == pytest.approx(wrong)
    order = torch_stream(3, "order")
    for _ in range(2):
        shuffled = torch.randperm(9, generator=order)
        for first in range(0, 9, 4):
            batch = shuffled[first : first + 4]
            out = plain(data.inputs[batch])
            loss = nn.functional.cross_entropy(out.reshape(-1, 5), data.labels[batch].reshape(-1))
            plain.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in plain.parameters():
                    parameter -= 0.05 * parameter.grad
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(found.end[name], tensor)


def test_an_autoencoder_learns_its_input_and_has_no_error():
    data = load("digits", limit=30)
    network = autoencoder(8, 2, 64, init_scheme="torch", seed=0)
    found = train(network, data, objective="squared_error", **HOW)
    assert found.history.attrs["objective"] == "squared_error"
    assert np.isnan(found.history["error"]).all()
    assert found.history["class_accuracy"].shape == (3, 0)
    output = network(data.inputs).detach().double()
    squares = [
        (float(a) - float(b)) ** 2 for a, b in zip(output.flatten(), data.inputs.flatten(), strict=True)
    ]
    assert found.history["loss"].values[-1] == pytest.approx(math.fsum(squares) / len(squares), rel=1e-9)
    assert found.history["loss"].values[-1] < found.history["loss"].values[0]
    for bad, message in (
        ({"objective": "hinge"}, "objective must be one of squared_error, got 'hinge'"),
        ({"objective": "squared_error", "label_smoothing": 0.1}, "label_smoothing is of cross-entropy"),
        ({"keep": (1,), "evaluate_every": 2}, r"keep = \[1\] needs evaluate_every None, got 2"),
    ):
        with pytest.raises(ValueError, match=message):
            train(network, data, **(HOW | bad))


def test_states_are_kept_where_asked_and_a_resumed_training_has_them_all(tmp_path):
    data = load("digits", limit=20)

    def run(epochs, **how):
        return train(
            fcn(2, 6, 64, 10, seed=0), data, keep=(0, 1, 3, 9), **(HOW | {"max_epochs": epochs} | how)
        )

    whole = run(4)
    assert sorted(whole.kept) == [0, 1, 3]
    for epoch, state in whole.kept.items():
        alone = train(fcn(2, 6, 64, 10, seed=0), data, **(HOW | {"max_epochs": epoch})).end
        assert all(torch.equal(state[name], alone[name]) for name in alone)
    seen = []

    def interrupt(progress):
        seen.append(progress)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(4, checkpoint=tmp_path / "state", progress=interrupt)
    again = run(4, checkpoint=tmp_path / "state")
    assert sorted(again.kept) == [0, 1, 3]
    for epoch, state in again.kept.items():
        assert all(torch.equal(state[name], whole.kept[epoch][name]) for name in state)
