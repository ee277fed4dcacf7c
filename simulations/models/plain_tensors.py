"""Tensors that modules hold as plain attributes, neither parameters nor buffers: kept, and put back."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

__all__ = ["PlainTensors"]

_OWN = set(vars(nn.Module()))


class PlainTensors:
    """What one module's plain attributes are now, as far as tensors are concerned.

    Hooks write there what they compute from parameters (`module.weight` of old weight normalisation and of
    pruning), and forward passes keep caches there. A pass in inference mode would leave inference tensors of
    another alpha behind. Values are kept as well as objects: a pass may write into a tensor.

    Args:
        module: of which the attributes are.
    """

    def __init__(self, module: nn.Module) -> None:
        plain = _plain(module)
        self._names = set(plain)
        self._containers = {
            name: (value, value.copy()) for name, value in plain.items() if isinstance(value, (list, dict))
        }
        self._objects = {name: value for name, value in plain.items() if not _is_number(value)}
        # Of a sparse tensor, or one without values, only the object is kept.
        dense = [t for t in _tensors(list(plain.values())) if t.layout is torch.strided and not t.is_meta]
        self._values = [(tensor, tensor.detach().clone()) for tensor in dense]

    def put_back(self, module: nn.Module) -> None:
        """The module's attributes as they were when this was made."""
        for name, value in _plain(module).items():
            if name not in self._names and _tensors([value]):
                vars(module).pop(name)  # not delattr: the module may forbid it
        for name, value in self._objects.items():
            if vars(module).get(name) is not value and _tensors([value, vars(module).get(name)]):
                vars(module)[name] = value
        for held, content in self._containers.values():
            if _tensors([held, content]):
                _refill(held, content)
        for tensor, value in self._values:
            if not tensor.is_inference() and not torch.equal(tensor, value):
                tensor.detach().copy_(value)


def _plain(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if name not in _OWN}


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, str))


def _tensors(values: list[Any], depth: int = 4) -> list[torch.Tensor]:
    """Tensors among values, also in lists, tuples and dicts; parameters are kept elsewhere."""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, weakref.ref):  # of recurrent layers: are the flat weights stale?
            value = value()
        if isinstance(value, torch.Tensor):
            found += [] if isinstance(value, nn.Parameter) else [value]
        elif depth and isinstance(value, (list, tuple)):
            found += _tensors(list(value), depth - 1)
        elif depth and isinstance(value, dict):
            found += _tensors(list(value.values()), depth - 1)
    return found


def _refill(held: Any, content: Any) -> None:
    """A list or dict with what it held, the same object."""
    held.clear()
    held.extend(content) if isinstance(held, list) else held.update(content)
