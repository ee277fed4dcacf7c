"""A network's weight layers in the order of its modules, each with what belongs to it."""

from __future__ import annotations

from torch import nn

__all__ = ["weight_layers"]


def weight_layers(model: nn.Module, *, buffers: bool = False) -> dict[str, list[str]]:
    """The names of each layer's parameters, by the name of its module, in the order of the modules.

    A layer begins at a module that has a parameter of two dimensions or more: a linear layer, a convolution,
    an embedding, all of an LSTM. Modules with vectors alone (normalisation) belong to the layer before them;
    before the first, to it. A parameter that two modules share is the first one's.

    Args:
        model: of any kind.
        buffers: also the names of buffers, such as running statistics.

    Raises:
        ValueError: no parameter of two dimensions.
    """
    found: dict[str, list[str]] = {}
    waiting: list[str] = []
    known = set()
    for name, module in model.named_modules():
        own = [(part, tensor) for part, tensor in module.named_parameters(recurse=False)]
        names = [f"{name}.{part}" if name else part for part, tensor in own if id(tensor) not in known]
        known |= {id(tensor) for _, tensor in own}
        if buffers:
            names += [f"{name}.{part}" if name else part for part, _ in module.named_buffers(recurse=False)]
        if any(tensor.ndim >= 2 for _, tensor in own) and names:
            found[name] = [*waiting, *names]
            waiting = []
        elif found:
            next(reversed(found.values())).extend(names)
        else:
            waiting += names
    if not found:
        raise ValueError("the network has no weight layer: no parameter has two dimensions")
    return found
