"""Which parameters are biases: by the type of the module that owns them and their part in it.

A bias of a layer of torch is known by the layer's type: also those of recurrent layers (`bias_ih_l0`), of
attention (`in_proj_bias`, `bias_k`), and those that a parametrisation, pruning or old weight normalisation
keeps under another name. Of other modules a parameter is one where its name ends in "bias". What may be one
by its name (`beta`, `shift`, an embedding called `position_bias`) is told apart as unsure, and taken as a
weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import torch
from torch import nn

from simulations.runtime.names_in_words import first_of

__all__ = ["bias_names", "bias_of_module", "chosen_biases", "owner_and_part"]

_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_ATTENTION = ("in_proj_bias", "bias_k", "bias_v")
_MAYBE = re.compile(r"(b\d*|b_\w+|\w*bias\w*|beta|shift|offset|intercept)$", re.IGNORECASE)


def bias_names(model: nn.Module) -> tuple[list[str], list[str]]:
    """The parameters that are biases, and those that may be: two lists of names in the model's order."""
    sure, unsure, modules = [], [], _modules(model)
    for name, _ in model.named_parameters():
        owner, part = owner_and_part(model, name)
        if _is_bias(modules[owner], part):
            sure.append(name)
        elif _MAYBE.match(part) or owner.rpartition(".")[2].endswith("bias"):
            unsure.append(name)
    return sure, unsure


def chosen_biases(model: nn.Module, patterns: Iterable[str]) -> list[str]:
    """The parameters that a user names as the biases, by names or `fnmatch` patterns, in the model's order.

    Raises:
        ValueError: a pattern that no parameter matches, or one string where a list is due.
    """
    if isinstance(patterns, str):
        raise ValueError(f"biases must be a list of names, got the string {patterns!r}")
    patterns = list(patterns)
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"biases: no parameter is named {pattern!r}; they are {first_of(names)}")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def bias_of_module(model: nn.Module, module_name: str) -> str | None:
    """The parameter that makes one module's bias, None where it has none.

    Some modules hand on a bias of a part of theirs (`bias` of an adapter around a layer).
    """
    modules = _modules(model)
    for name, _ in model.named_parameters():
        owner, part = owner_and_part(model, name)
        if owner == module_name and _is_bias(modules[owner], part):
            return name
    handed_on = getattr(modules[module_name], "bias", None)
    if isinstance(handed_on, nn.Parameter):
        return next((name for name, parameter in model.named_parameters() if parameter is handed_on), None)
    return None


def owner_and_part(model: nn.Module, name: str) -> tuple[str, str]:
    """Who uses a parameter, and as what: "head", "bias" for "head.parametrizations.bias.original"."""
    owner, _, part = name.rpartition(".")
    above, found, tensor = owner.rpartition("parametrizations.")
    if found and part.startswith("original") and "." not in tensor:
        return above.removesuffix("."), tensor
    # Hooks put what they compute from NAME_orig, NAME_g and NAME_v into a plain attribute NAME.
    attributes = vars(_modules(model)[owner])
    for suffix in ("_orig", "_g", "_v"):
        stem = part.removesuffix(suffix)
        if stem != part and isinstance(attributes.get(stem), torch.Tensor):
            return owner, stem
    return owner, part


def _modules(model: nn.Module) -> dict[str, nn.Module]:
    """By every name: `get_submodule` is unknown to scripted modules."""
    return dict(model.named_modules(remove_duplicate=False))


def _is_bias(module: nn.Module, part: str) -> bool:
    if isinstance(module, _RECURRENT):
        return part.startswith("bias_")
    if isinstance(module, nn.MultiheadAttention) and part in _ATTENTION:
        return True
    return part.endswith("bias")
