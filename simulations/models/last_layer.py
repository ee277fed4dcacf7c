"""Which module makes a network's logits, and with which bias: found by running it, not by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from simulations.models.bias_names import bias_of_module
from simulations.models.evaluation import evaluation_mode

__all__ = ["LastLayer", "Output", "find_last_layer", "last_layer_that_ran", "logits_of", "takes_hooks"]

Output = str | int | Callable[[Any], torch.Tensor] | None
"""What picks the logits out of what a network returns: a name, a place, a function; None: see `logits_of`."""


@dataclass(frozen=True)
class LastLayer:
    """The module whose output is the network's output.

    Attributes:
        name: its qualified name in the network.
        bias_name: the qualified name of the parameter that makes its bias, or None where it has none.
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
    with evaluation_mode(model), torch.no_grad():
        return last_layer_that_ran(model, lambda: logits_of(model(*arguments, **named)))


def last_layer_that_ran(model: nn.Module, run: Callable[[], torch.Tensor]) -> LastLayer:
    """The same for whoever runs the model: `run` calls it once and returns its logits.

    Raises:
        ValueError: as `find_last_layer`.
    """
    found: list[tuple[str, nn.Module, Any, Any]] = []

    def note(module: nn.Module, _arguments: object, output: Any, name: str) -> None:
        found.append((name, module, output, output.clone() if isinstance(output, torch.Tensor) else None))

    handles = [
        module.register_forward_hook(partial(note, name=name))
        for name, module in model.named_modules()
        if isinstance(getattr(module, "weight", None), torch.Tensor) and takes_hooks(module)
    ]
    try:
        output = run()
    finally:
        for handle in handles:
            handle.remove()
    for name, module, made, as_made in reversed(found):
        if made is output:  # the tensor itself, not one equal to it
            if not torch.allclose(made, as_made, rtol=0.0, atol=0.0, equal_nan=True):
                break  # changed in place since
            bias = bias_of_module(model, name)
            if bias is not None or getattr(module, "weight", torch.empty(0)).ndim >= 2:
                return LastLayer(name, bias)
            break  # a scale alone (PReLU, RMSNorm) makes no logits
    raise ValueError(
        "the network does not return the output of its last weight layer unchanged, so its logits do not "
        "split into signal and last-layer bias; the last module with a weight that ran was "
        f"{found[-1][0] if found else 'none'!r}"
    )


def takes_hooks(module: nn.Module) -> bool:
    """Whether what a module does can be seen from outside: not of a scripted one."""
    return not isinstance(module, torch.jit.ScriptModule)


def logits_of(output: Any, pick: Output = None) -> torch.Tensor:
    """The logits in what a model returned.

    Args:
        output: of the model.
        pick: the name of an attribute or key, a place in a tuple, or a function of the output. None: the
            output itself, or what it holds as "logits".

    Raises:
        ValueError: there is no tensor there, or a complex one.
    """
    found = _picked(output, pick)
    if not isinstance(found, torch.Tensor):
        kind = type(output).__name__
        if pick is not None:
            raise ValueError(f"output={pick!r} picks no tensor out of what the network returned, a {kind}")
        raise ValueError(
            f"the network must return logits or an object with .logits, it returned {kind}: pick the logits "
            "by output=, a name, a place or a function (--logits on the command line)"
        )
    if found.is_complex():
        raise ValueError("the network returned complex logits: take their real part or size in forward")
    return found


def _picked(output: Any, pick: Output) -> Any:
    if pick is None:
        return output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", output)
    if isinstance(pick, str):
        return output.get(pick) if isinstance(output, Mapping) else getattr(output, pick, None)
    if callable(pick):
        return pick(output)
    if isinstance(output, (tuple, list)) and -len(output) <= pick < len(output):
        return output[pick]
    return None
