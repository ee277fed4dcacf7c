"""Which module makes a network's logits, and with which bias: found by running it, not by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from simulations.models.evaluation import evaluation_mode

__all__ = ["LastLayer", "find_last_layer", "logits_of"]


@dataclass(frozen=True)
class LastLayer:
    """The module whose output is the network's output.

    Attributes:
        name: its qualified name in the network.
        bias_name: the qualified name of its bias, or None where it has none.
    """

    name: str
    bias_name: str | None


def find_last_layer(model: nn.Module, *arguments: Any, **named: Any) -> LastLayer:
    """The `nn.Linear` (or other module with a weight) whose output tensor the network returns unchanged.

    Args:
        model: run once, in evaluation mode; left as it was.
        arguments: of its forward, for a small batch.
        named: likewise, by name.

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
            output = logits_of(model(*arguments, **named))
    finally:
        for handle in handles:
            handle.remove()
    for name, module, made in reversed(found):
        if made is output:  # the tensor itself, not one equal to it
            biased = isinstance(getattr(module, "bias", None), torch.Tensor)
            prefix = f"{name}." if name else ""
            return LastLayer(name, f"{prefix}bias" if biased else None)
    raise ValueError(
        "the network does not return the output of its last weight layer unchanged, so its logits do not "
        "split into signal and last-layer bias; the last module with a weight that ran was "
        f"{found[-1][0] if found else 'none'!r}"
    )


def logits_of(output: Any) -> torch.Tensor:
    """The logits in what a model returned: a tensor, or an object or mapping with "logits".

    Raises:
        ValueError: anything else.
    """
    found = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", output)
    if not isinstance(found, torch.Tensor):
        raise ValueError(
            f"the network must return logits or an object with .logits, it returned {type(output).__name__}"
        )
    return found
