"""The ten networks on which certificate, measured grid and T6 are compared.

Chosen, and committed, before a certificate of any of them was computed: no network was left out because of
what its certificate says. All are trained on the 1,740 digits, learning rate and target as in the README.
A row that misses the target is shown with its status.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from simulations.datasets.image_dataset import ImageDataset
from simulations.networks import fcn
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream
from simulations.training.result import TrainingResult
from simulations.training.single import train

__all__ = ["NETWORKS", "CertifiedNetwork", "build", "trained"]

WIDTH, N_INPUTS, N_CLASSES = 64, 64, 10


@dataclass(frozen=True)
class CertifiedNetwork:
    """One network: weight layers (0: the small convolutional one), He x init_scale, biases, seed."""

    depth: int
    init_scale: float
    bias: str  # "last": no hidden biases; "all": with them
    seed: int


NETWORKS = (
    CertifiedNetwork(depth=8, init_scale=0.5, bias="last", seed=0),  # the README's
    CertifiedNetwork(depth=6, init_scale=0.4, bias="last", seed=1),
    CertifiedNetwork(depth=6, init_scale=0.7, bias="all", seed=2),
    CertifiedNetwork(depth=6, init_scale=1.0, bias="last", seed=3),
    CertifiedNetwork(depth=8, init_scale=0.4, bias="last", seed=4),
    CertifiedNetwork(depth=8, init_scale=0.7, bias="all", seed=5),
    CertifiedNetwork(depth=8, init_scale=1.0, bias="last", seed=6),
    CertifiedNetwork(depth=10, init_scale=0.5, bias="last", seed=7),
    CertifiedNetwork(depth=10, init_scale=0.7, bias="all", seed=8),
    CertifiedNetwork(depth=0, init_scale=0.7, bias="all", seed=9),
)


def build(network: CertifiedNetwork) -> nn.Module:
    if network.depth:
        return fcn(
            network.depth,
            WIDTH,
            N_INPUTS,
            N_CLASSES,
            bias=network.bias,
            init_scale=network.init_scale,
            seed=network.seed,
        )
    stream = torch_stream(network.seed, "init")
    return initialised(_small_convolution, scheme="he", scale=network.init_scale, stream=stream)


def trained(network: CertifiedNetwork, data: ImageDataset) -> TrainingResult:
    return train(
        build(network), data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=network.seed
    )


def _small_convolution() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, N_CLASSES),
    )
