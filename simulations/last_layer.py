"""Which module makes a network's logits, and with which bias: found by running it, not by its name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from simulations.evaluation import evaluation_mode

__all__ = ["LastLayer", "find_last_layer"]


@dataclass(frozen=True)
class LastLayer:
    """The module whose output is the network's output.

    Attributes:
        name: its qualified name in the network.
        bias_name: the qualified name of its bias, or None where it has none.
    """

    name: str
    bias_name: str | None


def find_last_layer(model: nn.Module, inputs: torch.Tensor) -> LastLayer:
    """The `nn.Linear` (or other module with a weight) whose output tensor the network returns unchanged.

    Args:
        model: run once, in evaluation mode; left as it was.
        inputs: a small batch (m, ...).

    Raises:
        ValueError: the network's output is not the output of a module with a weight, as when it is scaled or
            normalised after its last layer: the split into signal and bias is then not defined.
    """
    found: list[tuple[str, nn.Module, object]] = []
    handles = [
        module.register_forward_hook(lambda m, _arguments, output, name=name: found.append((name, m, output)))
        for name, module in model.named_modules()
        if isinstance(getattr(module, "weight", None), torch.Tensor)
    ]
    try:
        with evaluation_mode(model), torch.no_grad():
            output = model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    output = getattr(output, "logits", output)
    for name, module, made in reversed(found):
        if made is output:
            biased = isinstance(getattr(module, "bias", None), torch.Tensor)
            prefix = f"{name}." if name else ""
            return LastLayer(name, f"{prefix}bias" if biased else None)
    raise ValueError(
        "the network does not return the output of its last weight layer unchanged, so its logits do not "
        "split into signal and last-layer bias; the last module with a weight that ran was "
        f"{found[-1][0] if found else 'none'!r}"
    )
