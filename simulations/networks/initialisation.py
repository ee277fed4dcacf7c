"""How weights start: three schemes, drawn from the stream "init", in the order of the layers.

With fan_in the numbers that flow into one unit:

- "he": weights from N(0, 2/fan_in), biases 0.
- "orthogonal": weights sqrt(2) times a random (semi-)orthogonal matrix, kernels as (out, fan_in); biases 0.
- "torch": PyTorch's default, weights and biases uniform in +-1/sqrt(fan_in); from one state of the generator
  the same bits as its own layers draw.

Whatever is drawn is multiplied by `init_scale`: the start is init_scale times the start at scale 1.
Normalisation layers start at scale 1 and shift 0, unmultiplied, with running mean 0 and variance 1.

Embeddings start from N(0, 1/width) and an LSTM's matrices (and biases) uniform in +-1/sqrt(width) in every
scheme, times `init_scale`.

theory.md's statements take b(0) = 0, which "he" and "orthogonal" give and "torch" does not, in the last layer
either. That is meant: it is what everyone's networks start from, and the line's own laws (`simulations.
endpoint_prediction`) take b(0) as it is. For the closed forms choose one of the other two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

__all__ = ["INIT_SCHEMES", "initialised"]

INIT_SCHEMES = ("he", "torch", "orthogonal")
Network = TypeVar("Network", bound=nn.Module)
NORMS = (nn.BatchNorm2d, nn.LayerNorm)


@runtime_checkable
class DrawsItself(Protocol):
    """A module with parameters that are no weights or biases of a layer."""

    def draw(self, stream: torch.Generator, scale: float) -> None:
        """Start them, `scale` times what is drawn."""


def initialised(
    make: Callable[[], Network], *, scheme: str, scale: float, stream: torch.Generator
) -> Network:
    """The network that `make` gives, on the CPU, every parameter and buffer started as above.

    A module with parameters of another kind draws them itself (`DrawsItself`). torch's global generator is
    neither read nor moved.

    Raises:
        TypeError: a module with parameters that nothing starts.
    """
    # By way of "meta": the layers' own initialisation would draw from torch's global generator.
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                _draw(module, scheme, scale, stream)
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(0.0, module.embedding_dim**-0.5, generator=stream).mul_(scale)
            elif isinstance(module, nn.LSTM):
                _draw_lstm(module, scale, stream)
            elif isinstance(module, NORMS):
                module.weight.fill_(1)
                if module.bias is not None:
                    module.bias.zero_()
                if isinstance(module, nn.BatchNorm2d):
                    module.reset_running_stats()
            elif next(module.parameters(recurse=False), None) is not None:
                if not isinstance(module, DrawsItself):
                    raise TypeError(f"nothing starts the parameters of a {type(module).__name__}")
                module.draw(stream, scale)
    return network


def _draw(layer: nn.Linear | nn.Conv2d, scheme: str, scale: float, stream: torch.Generator) -> None:
    fan_in = layer.weight[0].numel()
    if scheme == "he":
        layer.weight.normal_(0.0, (2 / fan_in) ** 0.5, generator=stream)
    elif scheme == "orthogonal":
        nn.init.orthogonal_(layer.weight, gain=math.sqrt(2), generator=stream)
    else:
        # As torch's layers: this bound in another order of rounding would give other last digits.
        nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=stream)
    layer.weight.mul_(scale)
    if layer.bias is not None and scheme == "torch":
        bound = 1 / math.sqrt(fan_in)
        nn.init.uniform_(layer.bias, -bound, bound, generator=stream).mul_(scale)
    elif layer.bias is not None:
        layer.bias.zero_()


def _draw_lstm(layers: nn.LSTM, scale: float, stream: torch.Generator) -> None:
    bound = 1 / math.sqrt(layers.hidden_size)
    for parameter in layers.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=stream).mul_(scale)
