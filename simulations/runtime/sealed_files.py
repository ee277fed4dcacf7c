"""Datasets in files that end in a digest of what stands before it: damage is found before anything is parsed.

A sealed NetCDF file is a NetCDF file with one more line behind it, which readers of NetCDF do not look at:
`simulations.runtime.netcdf.write_netcdf` writes it with `sealed_by=seal`.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import xarray as xr

from simulations.runtime.netcdf import dataset_from_bytes

__all__ = [
    "DamagedFileError",
    "read_netcdf_of_any_version",
    "read_sealed_netcdf",
    "seal",
    "unseal",
]

_BEFORE = b"\nmli-digest "  # then 32 hex digits and a newline
_DIGITS = 32


class DamagedFileError(ValueError):
    """A file whose content is not what was written; the message names it."""


def seal(content: bytes) -> bytes:
    """The bytes with their digest behind them."""
    digest = blake2b(content, digest_size=_DIGITS // 2).hexdigest()
    return content + _BEFORE + digest.encode() + b"\n"


def unseal(content: bytes, path: Path) -> bytes:
    """The bytes without their digest, which agrees.

    Args:
        content: of a sealed file.
        path: of the file, for the message.

    Raises:
        DamagedFileError: the digest is absent, or another one.
    """
    end = len(content) - len(_BEFORE) - _DIGITS - 1
    if end < 0 or seal(content[:end]) != content:
        raise DamagedFileError(f"{path} is not what was written: its digest is absent or another")
    return content[:end]


def read_sealed_netcdf(path: Path) -> xr.Dataset:
    """The Dataset of a sealed NetCDF file.

    Raises:
        FileNotFoundError: no such file.
        OSError: it cannot be read.
        DamagedFileError: it is not what was written.
    """
    return dataset_from_bytes(unseal(path.read_bytes(), path))


def read_netcdf_of_any_version(path: Path) -> xr.Dataset:
    """The Dataset of a NetCDF file, sealed, or without a digest as earlier versions wrote it.

    Raises:
        FileNotFoundError: no such file.
        DamagedFileError: its digest is another, or it is no NetCDF file.
    """
    content = path.read_bytes()
    if content[-_DIGITS - 1 - len(_BEFORE) :].startswith(_BEFORE):
        content = unseal(content, path)
    try:
        return dataset_from_bytes(content)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DamagedFileError(f"{path} is damaged or no NetCDF file: {error}") from error
