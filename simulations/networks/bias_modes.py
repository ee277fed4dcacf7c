"""Which layers have a bias: the choices "all", "last" and "none".

A bias is the bias of a linear or convolution layer, or the shift of a normalisation layer: whatever is added,
one learned number a channel. (`simulations.line.paths` goes by the same rule: a parameter whose name ends in
"bias".) "all" is the network as published; "last" leaves the last linear layer's only; "none" leaves none.
Normalisation layers keep their scales, and their centring on the batch's mean or the running mean, in every
mode: centring learns nothing, but at a fixed running mean it shifts like a bias.
"""

from __future__ import annotations

from torch import nn

__all__ = ["BIAS_MODES", "batch_norm_layer"]

BIAS_MODES = ("all", "last", "none")


def batch_norm_layer(channels: int, bias: str) -> nn.BatchNorm2d:
    """Batch normalisation with a scale, and a shift where all biases are there."""
    layer = nn.BatchNorm2d(channels)
    if bias != "all":
        layer.register_parameter("bias", None)  # its argument of that purpose is newer than torch 2.11
    return layer
