"""Checkpoints as users have them, checked against the model before any work."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import torch
from torch import nn

__all__ = ["Checkpoint", "checkpoint_hash", "further_names", "load_checkpoint"]

Checkpoint = nn.Module | Mapping[str, torch.Tensor] | str | Path


def load_checkpoint(name: str, source: Checkpoint, model: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict of a module, a mapping or a safetensors file, fitting the model; nothing is copied.

    Args:
        name: "start" or "end", for messages.
        source: pickles (.pt, .pth) are refused: reading one can run code from the file.
        model: gives the keys and shapes.

    Raises:
        ValueError: keys, types or shapes that are not the model's, values that are not finite, a file that is
            no whole safetensors file, tied weights that differ.
        FileNotFoundError: no such file.
    """
    if isinstance(source, nn.Module):
        state: Mapping[str, torch.Tensor] = source.state_dict()
    elif isinstance(source, (str, Path)):
        state = _read(name, Path(source))
    elif isinstance(source, Mapping):
        state = source
    else:
        raise ValueError(
            f"{name} must be a module, a state dict or a safetensors path, got {type(source).__name__}"
        )
    wanted = model.state_dict()
    tied = further_names(model)
    # A file that keeps one name of a tied weight (safetensors' save_model) is whole.
    for further, first in tied.items():
        present = next((key for key in (first, further) if key in state), None)
        if present is not None:
            state = {first: state[present], further: state[present]} | dict(state)
    missing = sorted(set(wanted) - set(state))
    unknown = sorted(set(state) - set(wanted))
    if missing or unknown:
        raise ValueError(f"{name} does not fit the model: missing {missing}, unknown {unknown}")
    for key, own in wanted.items():
        tensor = state[key]
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


def _read(name: str, path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise FileNotFoundError(f"{name}: there is no file {path}")
    if path.suffix != ".safetensors":
        raise ValueError(
            f"{name}: {path} is not a .safetensors file; others are pickles, which can run code: load it "
            "yourself and pass the state dict, or save it with safetensors.torch.save_file"
        )
    try:
        return load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise ValueError(f"{name}: {path} is damaged or no safetensors file: {error}") from error
