"""Fully connected autoencoders: wide, narrow, wide, as many outputs as inputs."""

from __future__ import annotations

from torch import nn

from simulations.networks.arguments import check_choices, check_integers
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream

__all__ = ["autoencoder"]


def autoencoder(
    width: int,
    bottleneck: int,
    n_inputs: int,
    *,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """A fully connected autoencoder, n_inputs - width - bottleneck - width - n_inputs, ReLU where wide.

    The code and the output are linear. Samples of any shape with `n_inputs` numbers are flattened; the output
    is (n, n_inputs).

    Args:
        width: units in both hidden layers, >= 1.
        bottleneck: numbers in a code, >= 1.
        n_inputs: numbers in a sample, >= 1.
        bias: "all" layers, the "last" layer only, or "none".
        init_scheme: "he", "torch" or "orthogonal" (`simulations.networks.initialisation`).
        init_scale: > 0.
        seed: of the stream "init".

    Raises:
        ValueError: a value outside these; the message shows it.
    """
    check_integers(width=(width, 1), bottleneck=(bottleneck, 1), n_inputs=(n_inputs, 1))
    check_choices(bias, init_scheme, init_scale)
    every = bias == "all"
    return initialised(
        lambda: nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_inputs, width, bias=every),
            nn.ReLU(),
            nn.Linear(width, bottleneck, bias=every),
            nn.Linear(bottleneck, width, bias=every),
            nn.ReLU(),
            nn.Linear(width, n_inputs, bias=bias != "none"),
        ),
        scheme=init_scheme,
        scale=init_scale,
        stream=torch_stream(seed, "init"),
    )
