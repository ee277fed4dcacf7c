"""Checkpoints as users have them, checked against the model before any work."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from hashlib import blake2b
from pathlib import Path

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from simulations.models.checkpoint_files import read_safetensors
from simulations.models.checkpoint_names import (
    extra_state_names,
    same_extra_state,
    same_memory,
    without_prefix,
)
from simulations.runtime.names_in_words import first_names, shortened

__all__ = [
    "Checkpoint",
    "check_checkpoint_names",
    "checkpoint_hash",
    "further_names",
    "load_checkpoint",
]

Checkpoint = nn.Module | Mapping[str, torch.Tensor] | str | Path


def load_checkpoint(name: str, source: Checkpoint, model: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict of a module, a mapping or safetensors files, fitting the model; nothing is copied.

    Prefixes of wrappers (`simulations.models.checkpoint_names.WRAPPERS`) are left out where exactly that
    makes the names fit. What `get_extra_state` made is no part of a line: left out where it is the model's.

    Args:
        name: "start" or "end", for messages.
        source: a path is what `simulations.models.checkpoint_files.read_safetensors` takes; pickles (.pt,
            .pth) are refused: reading one can run code from the file.
        model: gives the keys and shapes.

    Raises:
        ValueError: keys, types or shapes that are not the model's, values that are not finite, a file that is
            no whole safetensors file, tied weights that differ, layers that wait for a batch for their
            shapes, extra state that is not the model's.
        FileNotFoundError: no such file.

    Warns:
        UserWarning: a prefix was left out.
    """
    if isinstance(source, nn.Module):
        state: Mapping[str, torch.Tensor] = source.state_dict()
    elif isinstance(source, (str, Path)):
        # From the header alone: a file of other names is refused before its numbers are read.
        state = read_safetensors(name, Path(source), lambda names: check_checkpoint_names(name, names, model))
    elif isinstance(source, Mapping):
        state = source
    else:
        raise ValueError(
            f"{name} must be a module, a state dict or a safetensors path, got {type(source).__name__}"
        )
    if odd := [key for key in state if not isinstance(key, str)]:
        raise ValueError(f"{name} must be a state dict, whose keys are names: one is {shortened(odd[0])}")
    wanted = dict(model.state_dict())
    tied = same_memory(model) | further_names(model)
    optional = {*tied, *tied.values(), *extra_state_names(model)}
    state = without_prefix(name, state, set(wanted), optional)
    state = _without_extra_state(name, state, wanted, model)
    # A file that keeps one name of a tied weight (safetensors' save_model) is whole.
    for further, first in tied.items():
        present = next((key for key in (first, further) if key in state), None)
        if present is not None:
            state = {first: state[present], further: state[present]} | dict(state)
    _refuse_other_names(name, set(state), set(wanted))
    for key, own in wanted.items():
        tensor = state[key]
        if is_lazy(tensor) or is_lazy(own):
            raise ValueError(f"{name}[{key!r}] has no values yet: run one batch through the module first")
        for of, one in ((f"{name}[{key!r}]", tensor), (f"the model's {key!r}", own)):
            if isinstance(one, torch.Tensor) and (one.layout != torch.strided or one.is_meta):
                kind = "is on the meta device and has no values" if one.is_meta else f"is {one.layout}"
                raise ValueError(f"{of} {kind}: a line needs plain (dense) tensors, such as of .to_dense()")
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != own.dtype:
            found = getattr(tensor, "dtype", type(tensor).__name__)
            raise ValueError(f"{name}[{key!r}] must be a tensor of {own.dtype} as the model's, got {found}")
        if tensor.shape != own.shape:
            raise ValueError(
                f"{name}[{key!r}] has shape {tuple(tensor.shape)}, the model's has {tuple(own.shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name}[{key!r}] holds values that are not finite")
        own_name = tied.get(key, key)
        if not torch.equal(state[own_name], tensor):
            raise ValueError(
                f"{name}[{key!r}] and {name}[{own_name!r}] are one tensor in the model and differ here"
            )
    return {key: tensor.detach() for key, tensor in state.items()}


def check_checkpoint_names(name: str, names: Collection[str], model: nn.Module) -> None:
    """Refuse names that cannot be the model's, whatever their tensors are.

    Args:
        name: "start" or "end", for messages.
        names: of a checkpoint.
        model: gives those that are wanted.

    Raises:
        ValueError: naming some of them.
    """
    wanted = set(model.state_dict())
    tied = same_memory(model) | further_names(model)
    optional = {*tied, *tied.values(), *extra_state_names(model)}
    with warnings.catch_warnings():  # said when the tensors are read
        warnings.simplefilter("ignore", UserWarning)
        known = set(without_prefix(name, dict.fromkeys(names), wanted, optional))
    _refuse_other_names(name, known | optional, wanted)


def _refuse_other_names(name: str, state: set[str], wanted: set[str]) -> None:
    if state != wanted:
        raise ValueError(
            f"{name} does not fit the model: missing [{first_names(wanted - state)}], unknown "
            f"[{first_names(state - wanted)}]"
        )


def checkpoint_hash(state: Mapping[str, torch.Tensor]) -> str:
    """32 hex digits over names, types, shapes and values."""
    digest = blake2b(digest_size=16)
    for key in sorted(state):
        # A conjugate that torch keeps as a flag has other bytes until it is worked out.
        tensor = state[key].detach().cpu().resolve_conj().resolve_neg().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def further_names(model: nn.Module) -> dict[str, str]:
    """Every further name of a parameter or buffer that has several, to its first one."""
    first: dict[int, str] = {}
    further = {}
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    for key, tensor in named:
        if id(tensor) in first:
            further[key] = first[id(tensor)]
        else:
            first[id(tensor)] = key
    return further


def _without_extra_state(
    name: str, state: Mapping[str, torch.Tensor], wanted: dict[str, torch.Tensor], model: nn.Module
) -> Mapping[str, torch.Tensor]:
    """Without what `get_extra_state` made, in `wanted` neither; the model keeps its own at every alpha."""
    extra = extra_state_names(model)
    for key in sorted(extra):
        own = wanted.pop(key)
        if key in state and not same_extra_state(state[key], own):
            raise ValueError(
                f"{name}[{key!r}] is extra state of a module and not the model's own, which has no line: "
                "remove the entry to use the model's at every alpha, or load it into the model first"
            )
    return {key: tensor for key, tensor in state.items() if key not in extra}
