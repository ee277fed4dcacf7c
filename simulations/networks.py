"""Networks: fully connected ReLU networks for now."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from simulations.random_streams import torch_stream

__all__ = ["BIAS_MODES", "fcn"]

BIAS_MODES = ("all", "last", "none")


def fcn(
    depth: int,
    width: int,
    n_inputs: int,
    n_classes: int,
    *,
    bias: str = "all",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """A fully connected ReLU network, `Flatten, Linear, ReLU, ..., Linear`.

    `depth` counts the weight layers (the degree r of theory.md): depth - 1 hidden layers of `width`
    units. Weights are drawn from N(0, 2/fan_in) and multiplied by `init_scale`; biases start at 0.
    Samples of any shape with `n_inputs` numbers are flattened.

    Args:
        depth: >= 1.
        width: units in each hidden layer, >= 1.
        n_inputs: numbers in a sample, >= 1.
        n_classes: outputs, >= 2.
        bias: "all" layers, the "last" layer only, or "none".
        init_scale: > 0; 1 is He initialisation.
        seed: of the stream "init"; torch's global generator is neither read nor moved.

    Raises:
        ValueError: a value outside these; the message shows it.
    """
    for name, value, least in (
        ("depth", depth, 1),
        ("width", width, 1),
        ("n_inputs", n_inputs, 1),
        ("n_classes", n_classes, 2),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    if bias not in BIAS_MODES:
        raise ValueError(f"bias must be one of {', '.join(BIAS_MODES)}, got {bias!r}")
    if not 0 < init_scale < float("inf"):
        raise ValueError(f"init_scale must be a finite number > 0, got {init_scale!r}")

    stream = torch_stream(seed, "init")
    sizes = [n_inputs, *[width] * (depth - 1), n_classes]
    layers: list[nn.Module] = [nn.Flatten()]
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
        has_bias = bias == "all" or (bias == "last" and layer == depth)
        # By way of "meta": nn.Linear's own initialisation would draw from torch's global generator.
        linear = nn.Linear(fan_in, fan_out, bias=has_bias, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            linear.weight.normal_(0.0, (2 / fan_in) ** 0.5, generator=stream).mul_(init_scale)
            if has_bias:
                linear.bias.zero_()
        layers += [linear, nn.ReLU()] if layer < depth else [linear]
    return nn.Sequential(*layers)
