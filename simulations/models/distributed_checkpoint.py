"""State dicts in the folders of torch.distributed.checkpoint, read in one process.

Such a folder has a `.metadata`, which is a pickle, and files of tensors. `torch.distributed.checkpoint` reads
the pickle without any limit, so that it could run code; here only the classes that torch writes there are
let in (`ALLOWED`), as torch.load(weights_only=True) does. The tensors' files are read by torch so.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch

__all__ = ["METADATA", "is_distributed_checkpoint", "names_in", "read_distributed"]

METADATA = ".metadata"

_CHECKPOINT = "torch.distributed.checkpoint"
ALLOWED = frozenset(
    {
        *((f"{_CHECKPOINT}.metadata", name) for name in ("Metadata", "MetadataIndex", "StorageMeta")),
        *((f"{_CHECKPOINT}.metadata", f"{kind}StorageMetadata") for kind in ("Tensor", "Bytes", "Chunk")),
        *((f"{_CHECKPOINT}.metadata", name) for name in ("TensorProperties", "_MEM_FORMAT_ENCODING")),
        (f"{_CHECKPOINT}.filesystem", "_StorageInfo"),
        ("torch", "Size"),
        ("torch.serialization", "_get_layout"),
        ("collections", "OrderedDict"),
        *(("pathlib", name) for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
    }
)
"""Modules and names that a `.metadata` may hold, beside torch's types of numbers."""


def is_distributed_checkpoint(path: Path) -> bool:
    """Whether a folder has the mark of one, and no safetensors beside it, which need no pickle."""
    return (path / METADATA).is_file() and not any(path.glob("*.safetensors"))


def names_in(name: str, folder: Path) -> dict[str, tuple[str, ...]]:
    """The tensors' names, each with the entries of the saved dictionary that lead to it.

    Args:
        name: "start" or "end", for messages.
        folder: of the checkpoint.

    Raises:
        ValueError: a damaged folder, or a `.metadata` with something else in it than torch writes there.
    """
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    metadata = _metadata(name, folder)
    places = metadata.planner_data if isinstance(metadata.planner_data, Mapping) else {}
    return {
        key: tuple(map(str, places.get(key, (key,))))
        for key, one in metadata.state_dict_metadata.items()
        # By its type: what torch takes for bytes is unpickled without a limit, whatever attributes it has.
        if isinstance(one, TensorStorageMetadata)
    }


def read_distributed(
    name: str,
    folder: Path,
    renamed: Mapping[str, str],
    check_names: Callable[[Collection[str]], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Some tensors of the folder, by new names.

    Args:
        name: "start" or "end", for messages.
        folder: of the checkpoint.
        renamed: the new name of each tensor that is wanted; others are not read.
        check_names: is given the new names before a tensor is read, and raises an error for names that are
            refused; None: none are.

    Raises:
        ValueError: a damaged folder; a tensor of which parts are missing; files outside the folder.
    """
    metadata = _metadata(name, folder)
    if check_names is not None:
        check_names(renamed.values())
    _refuse_other_files(name, folder, metadata)
    on_disk = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    tensors = {key: _empty(name, folder, key, metadata.state_dict_metadata[key], on_disk) for key in renamed}
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.state_dict_loader import load

    class Reader(FileSystemReader):
        """Takes the metadata that were read here."""

        def read_metadata(self, *_: Any, **__: Any) -> Any:
            return metadata

    class Planner(DefaultLoadPlanner):
        """Reads tensors alone; torch's own unpickles all else without a limit."""

        def load_bytes(self, *_: Any, **__: Any) -> None:
            raise ValueError("it holds something else than a tensor by a tensor's name")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is one process
            load(tensors, storage_reader=Reader(folder), planner=Planner(), no_dist=True)
    except (Exception, CheckpointException) as error:  # reading raises whatever it likes
        raise _damaged(name, folder, error) from error
    return {new: tensors[key] for key, new in renamed.items()}


class _Unpickler(pickle.Unpickler):
    """Lets in what `ALLOWED` names, and torch's types of numbers."""

    def find_class(self, module: str, name: str) -> Any:
        known = (module, name) in ALLOWED or (
            module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        )
        if not known:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no checkpoint needs")
        return super().find_class(module, name)


def _metadata(name: str, folder: Path) -> Any:
    from torch.distributed.checkpoint.metadata import (
        BytesStorageMetadata,
        Metadata,
        StorageMeta,
        TensorStorageMetadata,
    )

    try:
        with (folder / METADATA).open("rb") as file:
            found = _Unpickler(file).load()
        if not isinstance(found, Metadata) or not isinstance(found.storage_data, dict):
            raise TypeError(f"{METADATA} holds a {type(found).__name__}")
        for key, one in found.state_dict_metadata.items():
            if not isinstance(key, str) or not isinstance(one, (TensorStorageMetadata, BytesStorageMetadata)):
                raise TypeError(f"{METADATA} holds a {type(one).__name__} by the name {key!r}")
    except Exception as error:  # unpickling raises whatever it likes
        raise _damaged(name, folder, error) from error
    found.storage_meta = StorageMeta()
    return found


def _damaged(name: str, folder: Path, error: BaseException) -> ValueError:
    """The innermost reason in one line: torch wraps each rank's."""
    failures = getattr(error, "failures", None) or {}
    inner = next((one[0] if isinstance(one, tuple) else one for one in failures.values()), error)
    why = " ".join(str(inner).split())[:200] or type(inner).__name__
    return ValueError(f"{name}: {folder} is damaged or no checkpoint of torch.distributed: {why}")


def _refuse_other_files(name: str, folder: Path, metadata: Any) -> None:
    """Refuse parts that lie elsewhere than in the folder, and parts that were packed."""
    for info in metadata.storage_data.values():
        path = getattr(info, "relative_path", None)
        if not isinstance(path, str) or Path(path).name != path or (folder / path).is_symlink():
            raise ValueError(f"{name}: {folder} names the file {path!r}, which must lie in the folder itself")
        if (folder / path).exists() and not (folder / path).is_file():
            raise ValueError(f"{name}: {folder / path} is no regular file, of which reading could not end")
        if getattr(info, "transform_descriptors", None):
            raise ValueError(
                f"{name}: {folder} was written through {info.transform_descriptors}: save it without "
                "extensions"
            )


def _empty(name: str, folder: Path, key: str, one: Any, on_disk: int) -> torch.Tensor:
    """Memory for a tensor whose parts cover it, each number once.

    Raises:
        ValueError: they do not, or the numbers cannot be in the files.
    """
    try:
        size, dtype = torch.Size(one.size), one.properties.dtype
        if size.numel() * dtype.itemsize > on_disk:
            raise ValueError(f"{key!r} of shape {tuple(size)} is larger than the folder's files")
        parts = [(torch.Size(part.offsets), torch.Size(part.sizes)) for part in one.chunks]
        if parts != [(torch.Size([0] * len(size)), size)]:
            covered = torch.zeros(size, dtype=torch.uint8)
            for offsets, sizes in parts:
                ends = [o + s for o, s in zip(offsets, sizes, strict=True)]
                if min(offsets) < 0 or any(e > whole for e, whole in zip(ends, size, strict=True)):
                    raise ValueError(f"a part of {key!r} is outside of it")
                covered[tuple(slice(o, e) for o, e in zip(offsets, ends, strict=True))] += 1
            if not (covered == 1).all():
                raise ValueError(f"the parts of {key!r} do not cover it, each number once")
    except Exception as error:  # fields of the metadata may be anything
        raise _damaged(name, folder, error) from error
    return torch.empty(size, dtype=dtype)
