"""Curves kept by what they are made of: never by a file's name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from simulations.atomic_files import atomic_path, writable_folder
from simulations.batches import Batches

__all__ = ["cached_curve", "curve_key", "keep_curve"]

FORMAT = 2  # of the curves; a change of the numbers or names raises it


def curve_key(model: nn.Module, attributes: Mapping[str, Any], arguments: list[Any]) -> str:
    """32 hex digits over the architecture, the checkpoints' hashes, the data and the arguments.

    The architecture is the model's printed form and the source of its modules' classes: two models of other
    code and the
    same printed form are told apart. Data that are not an `ImageDataset` are read once for their hash.

    Raises:
        ValueError: a path that is a callable: it cannot be told from another.
    """
    digest = blake2b(
        f"{FORMAT} {torch.__version__} {torch.get_num_threads()} {model}".encode(), digest_size=16
    )
    for kind in sorted({type(m) for m in model.modules()}, key=lambda kind: kind.__qualname__):
        digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())
        try:
            digest.update(inspect.getsource(kind).encode())
        except (OSError, TypeError):  # typed at a prompt
            digest.update(b"no source")
    digest.update(repr(sorted(attributes.items())).encode())
    for argument in arguments:
        if isinstance(argument, Batches):
            if not argument.content_hash:
                for _ in argument:
                    pass
            digest.update(argument.content_hash.encode())
        elif isinstance(argument, np.ndarray):
            digest.update(argument.tobytes())
        elif callable(argument):
            raise ValueError(
                "cache needs a named path: a callable cannot be told from another; pass cache=None"
            )
        else:
            digest.update(repr(argument).encode())
        digest.update(b"|")
    return digest.hexdigest()


def cached_curve(folder: Path | str, key: str) -> xr.Dataset | None:
    """The curve of that key, None where there is none or its file is damaged."""
    path = Path(folder) / f"curve-{key}.nc"
    if not path.is_file():
        return None
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError):
        return None  # evaluated again and overwritten


def keep_curve(dataset: xr.Dataset, folder: Path | str, key: str) -> None:
    """Write the curve, whole or not at all."""
    with atomic_path(writable_folder(folder) / f"curve-{key}.nc") as path:
        dataset.to_netcdf(path, engine="h5netcdf")
