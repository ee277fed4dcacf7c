"""Weights that a network divides by their own size: torch's weight and spectral normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

__all__ = ["zero_normalised_weights"]

# What of a parametrization is divided, by its class's name: torch keeps the classes to itself.
_DIVIDED = {"_WeightNorm": "original1", "_SpectralNorm": "original"}


def zero_normalised_weights(model: nn.Module, value_of: Callable[[str], torch.Tensor]) -> list[str]:
    """The parameters that are divided by a size that is 0: a row's by weight normalisation, else the whole's.

    Args:
        model: looked at for its normalisations.
        value_of: a parameter's value by its name.
    """
    return [name for name, by_row in _divided(model) if _is_zero(value_of(name).detach(), by_row=by_row)]


def _divided(model: nn.Module) -> Iterator[tuple[str, bool]]:
    """Their names, and whether each row is divided by its own size."""
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    for owner, module in model.named_modules():
        prefix = f"{owner}." if owner else ""
        parametrizations: Any = getattr(module, "parametrizations", None)
        names = [
            (
                f"parametrizations.{tensor}.{_DIVIDED[type(part).__name__]}",
                type(part).__name__ == "_WeightNorm",
            )
            for tensor, parts in (parametrizations or {}).items()
            for part in parts
            if type(part).__name__ in _DIVIDED
        ]
        names += [
            (f"{hook.name}_v", True) if isinstance(hook, WeightNorm) else (f"{hook.name}_orig", False)
            for hook in getattr(module, "_forward_pre_hooks", {}).values()
            if isinstance(hook, (WeightNorm, SpectralNorm))
        ]
        yield from ((f"{prefix}{name}", rows) for name, rows in names if f"{prefix}{name}" in parameters)


def _is_zero(tensor: torch.Tensor, *, by_row: bool) -> bool:
    rows = tensor.reshape(len(tensor), -1) if by_row and tensor.ndim else tensor.reshape(1, -1)
    return not bool((rows != 0).any(dim=1).all())
