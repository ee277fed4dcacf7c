"""The floating type in which a network takes its inputs."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["floating_types", "in_network_type"]

_REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}
_KNOWN = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def floating_types(model: nn.Module) -> frozenset[torch.dtype]:
    """The floating types of the parameters; a complex one counts as that of its parts."""
    found = {_REAL.get(parameter.dtype, parameter.dtype) for parameter in model.parameters()}
    return frozenset(found & set(_KNOWN))


def in_network_type(value: torch.Tensor, types: frozenset[torch.dtype]) -> torch.Tensor:
    """Floating inputs in the network's type, where all its parameters have one; others as they are.

    Of a network of several types nobody can tell which its inputs have: float64 becomes float32 where no
    parameter is float64, and all else stays.

    Args:
        value: of a batch. Integers stay: they may be indices.
        types: of `floating_types`.
    """
    if not value.is_floating_point():
        return value
    if len(types) == 1:
        return value.to(next(iter(types)))
    return value.float() if value.dtype == torch.float64 and types and torch.float64 not in types else value
