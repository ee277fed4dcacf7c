"""A Dataset as a NetCDF file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import xarray as xr
from xarray.backends import H5NetCDFStore

from simulations.atomic_files import atomic_path

__all__ = ["write_netcdf"]


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
    # In memory first: on a full disk HDF5 cannot close its file, and the process ends by a signal. Not by
    # `to_netcdf()`: in a Dask worker that asks the cluster for a lock, which it cannot pass on.
    with h5py.File("in memory", "w", driver="core", backing_store=False, track_order=True) as image:
        with h5netcdf.File(image, "w") as file:
            dataset.dump_to_store(H5NetCDFStore(file), encoding=encoding)
        image.flush()
        content = image.id.get_file_image()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
