"""VGG-16 in the form used for CIFAR."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from simulations.networks.arguments import check_choices, check_image_shape, check_integers, scaled_width
from simulations.networks.bias_modes import batch_norm_layer
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream

__all__ = ["vgg16"]

# Configuration D of Simonyan and Zisserman (2015): channels of the 13 convolutions, a pool after each group.
GROUPS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16(
    input_shape: Sequence[int],
    n_classes: int,
    *,
    width_multiplier: float = 1.0,
    batch_norm: bool = False,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """Thirteen 3 x 3 convolutions with ReLU in five groups, a 2 x 2 max-pool after each, and one linear head.

    For 32 x 32 images, as published for CIFAR: 14,719,818 parameters with 3 channels, 10 classes and all
    biases, 8,448 more with batch normalisation (scale and shift after each convolution, whose own bias
    stays, as in torchvision's). Other sizes, which are not published, work too: pools round up, so that any
    image of up to 32 x 32 ends as one pixel (28 x 28: 14, 7, 4, 2, 1; 8 x 8: 4, 2, 1, 1, 1), and of a
    larger one the mean over pixels goes into the head. Depth: 14 weight layers.

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

    Source: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
    ICLR 2015, configuration D.
    """
    channels, _, _ = check_image_shape(input_shape)
    check_integers(n_classes=(n_classes, 2))
    check_choices(bias, init_scheme, init_scale)
    groups = [[scaled_width(width, width_multiplier) for width in group] for group in GROUPS]

    def make() -> nn.Sequential:
        layers: list[nn.Module] = []
        width = channels
        for group in groups:
            for out in group:
                layers.append(nn.Conv2d(width, out, 3, padding=1, bias=bias == "all"))
                if batch_norm:
                    layers.append(batch_norm_layer(out, bias))
                layers.append(nn.ReLU())
                width = out
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        head = nn.Linear(width, n_classes, bias=bias != "none")
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)

    return initialised(make, scheme=init_scheme, scale=init_scale, stream=torch_stream(seed, "init"))
