"""The files of a run: written whole, known by their digests, read only where the digest agrees.

Equal contents give equal bytes: NetCDF without times of writing, tensors in safetensors. No pickle is read or
written.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import torch
import xarray as xr

from simulations.runtime.atomic_files import atomic_path
from simulations.runtime.netcdf import dataset_from_bytes

__all__ = [
    "DamagedRunError",
    "OtherDataError",
    "digest",
    "file_of_run",
    "read_netcdf",
    "read_verified",
    "write_tensors",
    "write_text",
]


class DamagedRunError(ValueError):
    """A file of a run that is missing or not what was written; the message names it."""


class OtherDataError(ValueError):
    """Data that are not those a stored run was made from; the message names both."""


def write_tensors(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Write a state dict as safetensors, whole or not at all."""
    from safetensors.torch import save

    # To bytes first: a full disk is then an OSError with its number, not safetensors' own error.
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(content: bytes) -> str:
    """32 hex digits over a file's bytes."""
    return blake2b(content, digest_size=16).hexdigest()


def file_of_run(folder: Path, file: str) -> Path:
    """The path of a file of a run, which must lie in the run's folder.

    Args:
        folder: of the run.
        file: its path in the folder, as provenance.json names it.

    Raises:
        DamagedRunError: a path that leads out of the folder, also by a symbolic link, or to what is no
            regular file (a device, a pipe, a folder), of which reading could not end.
    """
    path = folder / file
    try:
        inside = path.resolve().is_relative_to(folder.resolve()) and path.resolve() != folder.resolve()
        regular = inside and (not path.exists() or path.is_file())
    except (OSError, ValueError, RuntimeError) as error:  # a name too long, a zero byte, a loop of links
        raise DamagedRunError(f"{folder} has no file of the name {file[:100]!r}: {error}") from error
    if not inside:
        raise DamagedRunError(f"{folder}: the file {file[:100]!r} lies outside the run's folder")
    if not regular:
        raise DamagedRunError(f"{path} is no regular file")
    return path


def read_verified(path: Path, expected: str) -> bytes:
    """The bytes of a regular file that has this digest.

    Raises:
        DamagedRunError: it is missing, or its bytes have another digest.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DamagedRunError(f"{path} is missing") from None
    if digest(content) != expected:
        raise DamagedRunError(
            f"{path} is not what was written: its digest is {digest(content)}, not {expected}"
        )
    return content


def read_netcdf(path: Path, expected: str) -> xr.Dataset:
    """The Dataset in a file that has this digest.

    Raises:
        DamagedRunError: as `read_verified`.
    """
    # From the bytes that were checked: the file could change in between.
    return dataset_from_bytes(read_verified(path, expected))
