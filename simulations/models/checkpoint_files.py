"""State dicts in safetensors files: one file, or the shards that an index names; nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

import torch

from simulations.models.distributed_checkpoint import METADATA, is_distributed_checkpoint
from simulations.runtime.names_in_words import first_of

__all__ = ["INDEX", "floating_types_in", "read_safetensors", "shards_in"]

INDEX = ".index.json"
FLOATING = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""As a header names them."""


def read_safetensors(
    name: str, path: Path, check_names: Callable[[Collection[str]], None] | None = None
) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file, of an index (*.index.json) with its shards, or of a folder.

    A folder is read by its one index, or is its one .safetensors file, as libraries save a network.

    Args:
        name: "start" or "end", for messages.
        path: of the file or folder.
        check_names: is given all names before a tensor is read, and raises an error for names that are
            refused; None: none are.

    Raises:
        FileNotFoundError: no such file, or a shard that is not there.
        ValueError: another kind of file, a damaged one, a folder that holds none or several, an index that is
            none or that its shards do not follow.
    """
    if path.is_dir():
        return read_safetensors(name, _only_file(name, path), check_names)
    if not path.is_file():
        raise FileNotFoundError(f"{name}: there is no file {path}")
    if path.name.endswith(INDEX):
        return _sharded(name, path, check_names)
    if path.suffix != ".safetensors":
        raise ValueError(
            f"{name}: {path} is not a .safetensors file; others are pickles, which can run code: load it "
            "yourself and pass the state dict, or save it with safetensors.torch.save_file"
        )
    _refuse_bytes(name, path)
    if check_names is not None:
        check_names(_names_in(name, path))
    return _one_file(name, path)


def _refuse_bytes(name: str, path: Path) -> None:
    """Refuse a path that is no text, which the safetensors library does not take."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{name}: the path {path} is not valid UTF-8: rename the file") from None


def _names_in(name: str, path: Path) -> list[str]:
    """The names in a file's header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return list(file.keys())
    except (SafetensorError, ValueError, OSError) as error:
        raise ValueError(f"{name}: {path} is damaged or no safetensors file: {_first(error)}") from error


def floating_types_in(name: str, path: Path) -> set[torch.dtype]:
    """The types of the floating numbers in a .safetensors file, by its header.

    Args:
        name: "start" or "end", for messages.
        path: of the file.

    Raises:
        ValueError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    _refuse_bytes(name, path)
    try:
        with safe_open(path, "pt") as file:
            kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, ValueError, OSError) as error:
        raise ValueError(f"{name}: {path} is damaged or no safetensors file: {_first(error)}") from error
    return {FLOATING[kind] for kind in kinds if kind in FLOATING}


def _first(error: Exception) -> str:
    """The error's first line, cut: it may quote the file."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _only_file(name: str, folder: Path) -> Path:
    indices = sorted(folder.glob("*.safetensors" + INDEX))
    files = indices or sorted(folder.glob("*.safetensors"))
    if is_distributed_checkpoint(folder):
        raise ValueError(
            f"{name}: {folder} is a folder of torch.distributed.checkpoint, whose {METADATA} is a pickle: "
            "the commands read one of your own with --allow-pickle"
        )
    if len(files) != 1:
        found = f"{len(files)}: {first_of((file.name for file in files), 4)}" if files else "none"
        raise ValueError(
            f"{name}: {folder} is a folder, which must hold one .safetensors file or one index of several "
            f"(*.safetensors{INDEX}); it holds {found}: name the file"
        )
    return files[0]


def _one_file(name: str, path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise ValueError(f"{name}: {path} is damaged or no safetensors file: {_first(error)}") from error


def _sharded(
    name: str, index: Path, check_names: Callable[[Collection[str]], None] | None
) -> dict[str, torch.Tensor]:
    shards = shards_in(name, index)
    if check_names is not None:
        check_names(shards.keys())
    found: dict[str, torch.Tensor] = {}
    for file in sorted(set(shards.values())):
        path = index.parent / file
        if not path.is_file():
            raise FileNotFoundError(f"{name}: {index} names the file {file}, which is not beside it")
        tensors = _one_file(name, path)
        promised = {key for key, where in shards.items() if where == file}
        if promised != set(tensors):
            odd = min(promised ^ set(tensors))
            raise ValueError(
                f"{name}: {index} and {file} do not belong together: {odd!r} is in "
                f"{'the index' if odd in promised else 'the file'} alone"
            )
        found |= tensors
    return found


def shards_in(name: str, index: Path) -> dict[str, str]:
    """File names by tensor names; names of .safetensors files beside the index, never paths.

    Args:
        name: "start" or "end", for messages.
        index: a file *.index.json.

    Raises:
        ValueError: it is none, or names another kind of file (a pickle), or one that lies elsewhere.
    """
    try:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        whole = all(isinstance(file, str) and Path(file).name == file for file in shards.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name}: {index} is no index of safetensors files (no weight_map)") from error
    if not whole or not shards or not all(file.endswith(".safetensors") for file in shards.values()):
        raise ValueError(f"{name}: {index} must name .safetensors files that lie beside it, and at least one")
    return dict(shards)
