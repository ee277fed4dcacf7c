"""ResNet-18 in the form used for CIFAR."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from simulations.networks.arguments import check_choices, check_image_shape, check_integers, scaled_width
from simulations.networks.bias_modes import batch_norm_layer
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream

__all__ = ["resnet18"]

# Channels and first stride of the four stages, two blocks each.
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
BLOCKS_A_STAGE = 2


def resnet18(
    input_shape: Sequence[int],
    n_classes: int,
    *,
    width_multiplier: float = 1.0,
    batch_norm: bool = True,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """A 3 x 3 stem, no max-pool, eight residual blocks of two 3 x 3 convolutions, the mean, a linear head.

    For 32 x 32 images of 3 channels and 10 classes 11,173,962 parameters with batch normalisation, whose
    shifts are then the trunk's biases: convolutions have none, as published. Any image size works (the mean
    over pixels goes into the head). Depth: 18 weight layers on the longest path; three of the shortcuts are
    1 x 1 convolutions, where channels change.

    Without batch normalisation, which is not published, each convolution has a bias (bias="all") in the
    shift's place, and the second convolution of each of the eight blocks starts multiplied by 1/sqrt(8): at
    He's scale the activations' second moment then grows 3 fold from the stem to the last block, without
    the factor 400 fold (at half width). The factor is in the initial weights only, the network has none.

    Args:
        input_shape: (channels, height, width) of an image.
        n_classes: >= 2.
        width_multiplier: of every convolution's channels (`scaled_width` rounds); 1 as published.
        batch_norm: after each convolution.
        bias: "all", "last" (the head's) or "none": shifts of batch normalisation are biases too
            (`simulations.networks.bias_modes`).
        init_scheme: "he", "torch" or "orthogonal" (`simulations.networks.initialisation`).
        init_scale: > 0.
        seed: of the stream "init".

    Raises:
        ValueError: a value outside these; the message shows it.

    Source: He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016; 1/sqrt(number of
    blocks): Hayou et al., Stable ResNet, AISTATS 2021.
    """
    channels, _, _ = check_image_shape(input_shape)
    check_integers(n_classes=(n_classes, 2))
    check_choices(bias, init_scheme, init_scale)
    stages = [(scaled_width(width, width_multiplier), stride) for width, stride in STAGES]

    def make() -> nn.Sequential:
        width = stages[0][0]
        layers = [*_convolution(channels, width, 3, 1, batch_norm, bias), nn.ReLU()]
        for out, first_stride in stages:
            for block in range(BLOCKS_A_STAGE):
                layers.append(_Block(width, out, 1 if block else first_stride, batch_norm, bias))
                width = out
        head = nn.Linear(width, n_classes, bias=bias != "none")
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)

    network = initialised(make, scheme=init_scheme, scale=init_scale, stream=torch_stream(seed, "init"))
    if not batch_norm:
        blocks = [module for module in network.modules() if isinstance(module, _Block)]
        with torch.no_grad():
            for block in blocks:
                for parameter in block.last.parameters():
                    parameter.mul_(len(blocks) ** -0.5)
    return network


class _Block(nn.Module):
    """relu(shortcut(x) + branch(x))."""

    def __init__(self, width: int, out: int, stride: int, batch_norm: bool, bias: str) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_convolution(width, out, 3, stride, batch_norm, bias),
            nn.ReLU(),
            *_convolution(out, out, 3, 1, batch_norm, bias),
        )
        changed = stride != 1 or width != out
        self.shortcut = nn.Sequential(
            *(_convolution(width, out, 1, stride, batch_norm, bias) if changed else ())
        )
        self.relu = nn.ReLU()

    @property
    def last(self) -> nn.Module:
        """The branch's second convolution, where there is no batch normalisation."""
        return self.branch[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.relu(self.shortcut(x) + self.branch(x))
        return out


def _convolution(
    width: int, out: int, kernel: int, stride: int, batch_norm: bool, bias: str
) -> list[nn.Module]:
    """A convolution that keeps the size at stride 1, with its batch normalisation."""
    has_bias = bias == "all" and not batch_norm
    layers: list[nn.Module] = [nn.Conv2d(width, out, kernel, stride, kernel // 2, bias=has_bias)]
    return [*layers, batch_norm_layer(out, bias)] if batch_norm else layers
