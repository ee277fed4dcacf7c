"""Datasets as NetCDF files, written and read by the netCDF4 library.

`mli validate` reads some seven small files for each of hundreds of runs. netCDF4 takes an eighth of
h5netcdf's time for that (9.2 against 78 CPU milliseconds a file, all decoded, on a busy machine), and a fifth
for writing. xarray hands it a file's bytes through its store alone.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import netCDF4
import xarray as xr
from xarray.backends import NetCDF4DataStore

from simulations.runtime.atomic_files import atomic_path, naming_a_full_disk
from simulations.runtime.leftovers import temporary_prefix

__all__ = ["dataset_from_bytes", "netcdf_bytes", "read_netcdf", "write_bytes", "write_netcdf"]

NETCDF_LOCK = threading.Lock()  # the netCDF library serves one thread at a time

MOST_ATTRIBUTES = 2**20  # bytes, more than a file has beside its numbers


def write_netcdf(path: Path, dataset: xr.Dataset, *, encoding: Mapping[Any, Any] | None = None) -> None:
    """Write a Dataset as NetCDF 4, whole or not at all; the same Dataset gives the same bytes.

    Args:
        path: its folder is made if need be.
        dataset: of plain numbers and words.
        encoding: of variables, as `xarray.Dataset.to_netcdf` takes it.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, netcdf_bytes(path.parent, dataset, encoding))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def netcdf_bytes(folder: Path, dataset: xr.Dataset, encoding: Mapping[Any, Any] | None = None) -> bytes:
    """The bytes of the Dataset's NetCDF 4 file; the same Dataset gives the same.

    Args:
        folder: that is there and can be written, for a moment.
        dataset: of plain numbers and words.
        encoding: of variables, as `xarray.Dataset.to_netcdf` takes it.

    Raises:
        OSError: the folder cannot be written; of a full disk the message names it.
    """
    # Not in memory: the library's images hold the time of their making, and no two are the same. Not under
    # the path's own temporary name: of a file that cannot be closed (a full disk) it keeps the name for good.
    with (
        naming_a_full_disk(folder / "content.nc"),
        TemporaryDirectory(prefix=temporary_prefix(), dir=folder) as unique,
    ):
        file = Path(unique) / "content.nc"
        try:
            # Not by `to_netcdf()`: in a Dask worker that asks the cluster for a lock, which no one passes on.
            with NETCDF_LOCK, closing(netCDF4.Dataset(file, "w", format="NETCDF4")) as opened:
                store = NetCDF4DataStore(opened)  # type: ignore[no-untyped-call]
                dataset.dump_to_store(store, encoding=encoding)
        except (RuntimeError, OSError) as error:
            # The library's words for whatever HDF5 could not do: the system says whether the disk is full.
            (file.parent / "probe").write_bytes(bytes(2 * dataset.nbytes + MOST_ATTRIBUTES))
            raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({error})", str(file)) from error
        return file.read_bytes()


def read_netcdf(path: Path) -> xr.Dataset:
    """Read a NetCDF file into memory; the file is closed afterwards.

    Args:
        path: of the file.

    Raises:
        OSError: the file is not there, cannot be read or is no NetCDF file.
    """
    return dataset_from_bytes(path.read_bytes())


def dataset_from_bytes(content: bytes) -> xr.Dataset:
    """What `xarray.load_dataset` gives of the file that holds these bytes.

    Raises:
        OSError: the bytes are no NetCDF file.
    """
    with NETCDF_LOCK:
        store = NetCDF4DataStore(netCDF4.Dataset("bytes", memory=content))  # type: ignore[no-untyped-call]
        return xr.load_dataset(store)
