"""The networks of the curve benchmark, trained for seconds."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset, load
from simulations.networks import fcn
from simulations.training.single import train

__all__ = ["CASES", "build", "images", "network"]


class Attention(nn.Module):
    """Two encoder layers over the eight rows of a digit."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.position = nn.Parameter(torch.randn(8, width) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x.flatten(1).view(-1, 8, 8)) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(dim=1))


class Residual(nn.Module):
    """Convolution, batch norm, twice, and the input again."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.inner = nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.inner(x))


def resnet(width: int = 16, blocks: int = 3) -> nn.Module:
    first = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    rest = [*(Residual(width) for _ in range(blocks)), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*first, *rest, nn.Linear(width, 10))


# name: (network, learning rate, optimiser, epochs, tolerance of the error rate)
CASES = {
    "a": "10-layer, 512-wide FCN, 5,000 MNIST images",
    "a2": "the same, error_tolerance=2e-3",
    "b": "3-block width-16 batch-norm ResNet, digits, statistics interpolated",
    "c-fcn": "8-layer, 256-wide FCN, digits",
    "c-attention": "self-attention classifier, digits",
}


def network(case: str) -> tuple[nn.Module, dict]:
    """A case's model as initialised, and how it is trained."""
    torch.manual_seed(0)
    if case in ("a", "a2"):
        how = {"learning_rate": 0.02, "max_epochs": 12}
        return fcn(10, 512, 784, 10, bias="last", init_scale=0.7, seed=0), how
    if case == "b":
        return resnet(), {"learning_rate": 0.05, "max_epochs": 8}
    if case == "c-fcn":
        how = {"learning_rate": 0.02, "max_epochs": 60}
        return fcn(8, 256, 64, 10, bias="last", init_scale=0.5, seed=0), how
    return Attention(), {"learning_rate": 0.05, "max_epochs": 40}


def images(case: str, mnist: Path) -> ImageDataset:
    """A case's data."""
    if case in ("a", "a2"):
        return load(mnist, split="train", limit=5000)
    return load("digits", balanced=False)


def build(case: str, mnist: Path) -> tuple[nn.Module, dict, dict, ImageDataset]:
    """Model, start, end and data of a case."""
    data = images(case, mnist)
    model, how = network(case)
    run = train(model, data, target_loss=0.02, seed=0, **how)
    return run.model, run.start, run.end, data
