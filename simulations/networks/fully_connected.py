"""Fully connected ReLU networks."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from simulations.networks.arguments import check_choices, check_integers
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream

__all__ = ["fcn"]


def fcn(
    depth: int,
    width: int,
    n_inputs: int,
    n_classes: int,
    *,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """A fully connected ReLU network, `Flatten, Linear, ReLU, ..., Linear`.

    `depth` counts the weight layers (the degree r of theory.md): depth - 1 hidden layers of `width`
    units. Samples of any shape with `n_inputs` numbers are flattened.

    Args:
        depth: >= 1.
        width: units in each hidden layer, >= 1.
        n_inputs: numbers in a sample, >= 1.
        n_classes: outputs, >= 2.
        bias: "all" layers, the "last" layer only, or "none".
        init_scheme: "he", "torch" or "orthogonal" (`simulations.networks.initialisation`).
        init_scale: > 0; what is drawn is multiplied by it.
        seed: of the stream "init"; torch's global generator is neither read nor moved.

    Raises:
        ValueError: a value outside these; the message shows it.

    Example:
        >>> import mli
        >>> network = mli.fcn(depth=2, width=8, n_inputs=64, n_classes=10, seed=0)
        >>> [tuple(parameter.shape) for parameter in network.parameters()]
        [(8, 64), (8,), (10, 8), (10,)]
    """
    check_integers(depth=(depth, 1), width=(width, 1), n_inputs=(n_inputs, 1), n_classes=(n_classes, 2))
    check_choices(bias, init_scheme, init_scale)
    sizes = [n_inputs, *[width] * (depth - 1), n_classes]

    def make() -> nn.Sequential:
        layers: list[nn.Module] = [nn.Flatten()]
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
            has_bias = bias == "all" or (bias == "last" and layer == depth)
            layers += [nn.Linear(fan_in, fan_out, bias=has_bias), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    return initialised(make, scheme=init_scheme, scale=init_scale, stream=torch_stream(seed, "init"))
