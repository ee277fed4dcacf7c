"""The estimates' coverage on networks that no constant was tuned on: 40 lines of five other architectures.

Written down, with its seeds, before it was first run; the estimate was not touched afterwards. Residual batch
norm, convolutional and not, self-attention, a residual GELU network with layer norm, tanh.

`make test` walks the ten lines of the first seed, `make test-long` all forty.
"""

import numpy as np
import pytest
import torch
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.training.single import train
from tests.simulations.curves.helpers.estimated_lines import LINES, assert_bounds, errors_of

SEEDS = (300, 301, 302, 303)  # each with two starts


class Around(nn.Module):
    """The input added to what its layers make of it."""

    def __init__(self, *layers):
        super().__init__()
        self.inner = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.inner(x)


class Rows(nn.Module):
    """A digit's eight rows as tokens of 16 numbers."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.position = nn.Parameter(0.1 * torch.randn(8, 16))

    def forward(self, x):
        return self.embed(x.flatten(1).view(-1, 8, 8)) + self.position


def convolutional_batch_norm():
    def block():
        layers = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()
        return Around(*layers, nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6))

    first = nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()
    end = nn.AvgPool2d(2), nn.Flatten(), nn.Linear(96, 10)
    return nn.Sequential(*first, block(), nn.ReLU(), block(), nn.ReLU(), *end)


def dense_batch_norm():
    blocks = [Around(nn.Linear(32, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU()) for _ in range(3)]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), *blocks, nn.Linear(32, 10))


def self_attention():
    layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, activation="gelu", batch_first=True)
    return nn.Sequential(Rows(), layer, nn.Flatten(), nn.Linear(128, 10))


def gelu_layer_norm():
    blocks = [Around(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)) for _ in range(3)]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), *blocks, nn.Linear(32, 10))


def deep_tanh():
    hidden = [layer for _ in range(6) for layer in (nn.Linear(32, 32), nn.Tanh())]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), *hidden, nn.Linear(32, 10))


# (network, learning rate, policy of its running statistics)
NETWORKS = [
    (convolutional_batch_norm, 0.05, "interpolate"),
    (dense_batch_norm, 0.05, "keep"),
    (self_attention, 0.1, "refuse"),
    (gelu_layer_norm, 0.1, "refuse"),
    (deep_tanh, 0.1, "refuse"),
]


ALL = pytest.param(SEEDS, marks=[pytest.mark.slow, pytest.mark.long], id="all forty")


@pytest.fixture(scope="module", params=[pytest.param(SEEDS[:1], id="the first seed"), ALL])
def lines(request):
    seeds = request.param
    data, found = load("digits", limit=600), []
    for make, rate, policy in NETWORKS:
        for seed in seeds:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model, other = make(), make()
            parameters = {name for name, _ in other.named_parameters()}
            other = {n: 0.5 * t if n in parameters else t for n, t in other.state_dict().items()}
            run = train(model, data, learning_rate=rate, target_loss=0.03, max_epochs=10, seed=seed)
            found += [
                errors_of(run.model, start, run.end, data, buffers=policy) for start in (run.start, other)
            ]
    assert len(found) == LINES * len(seeds) / len(SEEDS)
    return np.array(found).T, len(data)


def test_the_loss_estimate_is_a_bound_of_networks_it_was_not_tuned_on(lines):
    (estimate, truth, *_), _ = lines
    assert_bounds(estimate, truth, of=LINES)


def test_the_error_rates_estimate_is_a_bound_of_networks_it_was_not_tuned_on(lines):
    (_, _, estimate, truth, _), n = lines
    assert_bounds(estimate, truth, room=0.5 / n, least=1 / n, of=LINES)
