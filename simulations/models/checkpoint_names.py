"""The names in a state dict, brought to the model's: what wrappers put before them, what is not walked."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn

__all__ = ["WRAPPERS", "extra_state_names", "same_extra_state", "same_memory", "without_prefix"]

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""Before every name: of `DataParallel` and its like, of `torch.compile`, of a Lightning module."""

_EXTRA = "_extra_state"


def without_prefix(
    name: str, state: Mapping[str, Any], wanted: set[str], optional: set[str]
) -> Mapping[str, Any]:
    """The state dict without the wrappers before its names, where exactly that makes them the wanted ones.

    Args:
        name: "start" or "end", for the warning.
        state: by name.
        wanted: the model's names.
        optional: those among them that may be missing.

    Warns:
        UserWarning: something was left out; it is named.
    """

    def fits(names: Collection[str]) -> bool:
        return wanted - optional <= set(names) <= wanted

    here, left_out = dict(state), ""
    while here and not fits(here):
        prefix = next((p for p in WRAPPERS if all(key.startswith(p) for key in here)), None)
        if prefix is None:
            break
        here, left_out = {key.removeprefix(prefix): value for key, value in here.items()}, left_out + prefix
    if not fits(here):  # a part of the network was compiled: its name stands in the middle
        compiled = {key.replace("_orig_mod.", ""): value for key, value in here.items()}
        if len(compiled) == len(here) and fits(compiled):
            here, left_out = compiled, left_out or "_orig_mod."
    if not left_out or not fits(here):
        return state
    warnings.warn(
        f"{name}: {left_out!r} is left out of its names, which are the model's without it",
        UserWarning,
        stacklevel=3,
    )
    return here


def extra_state_names(model: nn.Module) -> set[str]:
    """The entries of the state dict that `get_extra_state` of some module made: no parameters, no buffers."""
    tensors = {
        *(name for name, _ in model.named_parameters(remove_duplicate=False)),
        *(name for name, _ in model.named_buffers(remove_duplicate=False)),
    }
    return {name for name in model.state_dict() if name not in tensors and name.rpartition(".")[2] == _EXTRA}


def same_extra_state(one: Any, other: Any) -> bool:
    """Whether two such entries are equal for certain."""
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return isinstance(one, type(other)) and one.dtype == other.dtype and torch.equal(one, other)
    if hasattr(one, "getvalue") and hasattr(other, "getvalue"):  # io.BytesIO, as some libraries have it
        return bool(one.getvalue() == other.getvalue())
    try:
        return bool(one == other)
    except (TypeError, ValueError, RuntimeError):  # arrays inside: not comparable as a whole
        return False


def same_memory(model: nn.Module) -> dict[str, str]:
    """Every further name of memory that several parameters or buffers share alike, to its first one.

    So are weights tied by `.data`, of which safetensors' `save_model` writes one.
    """
    first: dict[tuple[Any, ...], str] = {}
    further = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if not tensor.numel() or tensor.is_meta:
            continue
        key = tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride(), tensor.device
        if key in first:
            further[name] = first[key]
        else:
            first[key] = name
    return further
