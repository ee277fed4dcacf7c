"""A network by its name."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import nn

from simulations.networks.autoencoder import autoencoder
from simulations.networks.fully_connected import fcn
from simulations.networks.language_models import causal_transformer, lstm
from simulations.networks.resnet import resnet18
from simulations.networks.vgg import vgg16
from simulations.networks.vision_transformer import vit

__all__ = ["CONVOLUTIONAL", "NETWORKS", "build_network"]

NETWORKS = ("fcn", "vgg16", "resnet18", "vit", "autoencoder", "transformer", "lstm")
CONVOLUTIONAL = {"vgg16": vgg16, "resnet18": resnet18}


def build_network(
    network: str,
    *,
    input_shape: Sequence[int],
    n_classes: int,
    depth: int | None = None,
    width: int | None = None,
    bottleneck: int | None = None,
    width_multiplier: float = 1.0,
    batch_norm: bool = False,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Module:
    """One of `NETWORKS` for samples of a shape.

    Args:
        network: "fcn", "vgg16", "resnet18", "vit", "autoencoder", "transformer" or "lstm"; each has its own
            function with the details.
        input_shape: of one sample; (channels, height, width), any shape for "fcn" and "autoencoder", (t,) for
            "transformer" and "lstm".
        n_classes: >= 2; tokens of the vocabulary; "autoencoder" does not read it.
        depth: weight layers of "fcn", blocks of "vit" and "transformer", layers of "lstm"; the others have
            theirs and do not read it.
        width: units of a hidden layer of "fcn" and "autoencoder", numbers in a token; likewise.
        bottleneck: of "autoencoder"; the others do not read it.
        width_multiplier: of "vgg16" and "resnet18"; 1 for the others.
        batch_norm: of "vgg16" and "resnet18"; False for the others.
        bias: "all", "last" or "none" (`simulations.networks.bias_modes`).
        init_scheme: "he", "torch" or "orthogonal" (`simulations.networks.initialisation`).
        init_scale: > 0.
        seed: of the stream "init".

    Raises:
        ValueError: an unknown network, or a value that it does not take; the message shows it.
    """
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got {network!r}")
    shape = tuple(input_shape)
    start: dict[str, Any] = {"bias": bias, "init_scheme": init_scheme, "init_scale": init_scale, "seed": seed}
    if network in CONVOLUTIONAL:
        how: dict[str, Any] = {"width_multiplier": width_multiplier, "batch_norm": batch_norm}
        return CONVOLUTIONAL[network](shape, n_classes, **how, **start)
    if batch_norm:
        raise ValueError(
            f"{network} has no batch normalisation: batch_norm must be False, got {batch_norm!r}"
        )
    if width_multiplier != 1:
        raise ValueError(
            f"{network} takes its width as a number: width_multiplier must be 1, got {width_multiplier!r}"
        )
    if not shape or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(f"input_shape must be integers >= 1, got {shape}")
    if network == "autoencoder":
        if width is None or bottleneck is None:
            raise ValueError(
                f"autoencoder needs width and bottleneck, got width={width!r}, bottleneck={bottleneck!r}"
            )
        return autoencoder(width, bottleneck, prod(shape), **start)
    if depth is None or width is None:
        raise ValueError(f"{network} needs depth and width, got depth={depth!r}, width={width!r}")
    if network == "vit":
        return vit(shape, n_classes, depth=depth, width=width, **start)
    if network in ("transformer", "lstm"):
        if len(shape) != 1:
            raise ValueError(f"{network} takes sequences: input_shape must be (tokens,), got {shape}")
        if network == "lstm":
            return lstm(n_classes, depth=depth, width=width, **start)
        return causal_transformer(n_classes, shape[0], depth=depth, width=width, **start)
    return fcn(depth, width, prod(shape), n_classes, **start)
