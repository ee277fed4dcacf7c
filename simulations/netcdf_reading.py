"""A NetCDF file's bytes as a Dataset, in a quarter of the time that xarray's backends take.

`mli validate` reads some seven small files for each of hundreds of runs; through h5netcdf that costs more
than all that is then measured on them. Only what our own files hold is read (`to_netcdf` of plain numbers
and words); a test compares every kind of file in the store with what xarray reads.
"""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
import xarray as xr

__all__ = ["dataset_from_bytes"]

# HDF5's and netCDF's own bookkeeping, which xarray does not show either.
_INTERNAL = {
    "CLASS",
    "NAME",
    "REFERENCE_LIST",
    "DIMENSION_LIST",
    "DIMENSION_LABELS",
    "_FillValue",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
}
_BARE_DIMENSION = b"This is a netCDF dimension but not a netCDF variable"


def dataset_from_bytes(content: bytes) -> xr.Dataset:
    """What `xarray.load_dataset(io.BytesIO(content), engine="h5netcdf")` gives, for files of plain numbers.

    Raises:
        OSError: the bytes are no HDF5 file.
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        arrays = dict(file.items())
        name_at = {h5py.h5o.get_info(array.id).addr: name for name, array in arrays.items()}
        variables: dict[str, xr.Variable] = {}
        coordinates: set[str] = set()
        for name, array in arrays.items():
            scale = h5py.h5ds.is_scale(array.id)
            if scale and h5py.h5ds.get_scale_name(array.id).startswith(_BARE_DIMENSION):
                continue
            attributes = _attributes(array)
            coordinates |= set(str(attributes.pop("coordinates", "")).split())
            if scale and array.ndim == 1:
                dimensions: tuple[str, ...] = (name,)
                coordinates.add(name)
            else:
                dimensions = _dimensions(array, name_at)
            is_text = h5py.check_string_dtype(array.dtype) is not None
            values = np.asarray(array.asstr()[()], dtype=str) if is_text else array[()]
            variables[name] = xr.Variable(dimensions, values, attributes)
        return xr.Dataset(
            {name: variable for name, variable in variables.items() if name not in coordinates},
            {name: variable for name, variable in variables.items() if name in coordinates},
            _attributes(file),
        )


def _dimensions(array: h5py.Dataset, name_at: dict[Any, str]) -> tuple[str, ...]:
    if array.ndim == 0:
        return ()
    references = array.attrs["DIMENSION_LIST"]
    scales = [h5py.h5r.dereference(of_axis[0], array.id) for of_axis in references]
    return tuple(name_at[h5py.h5o.get_info(scale).addr] for scale in scales)


def _attributes(of: h5py.HLObject) -> dict[str, Any]:
    return {name: _plain(of.attrs[name]) for name in of.attrs if name not in _INTERNAL}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value[0] if isinstance(value, np.ndarray) and value.shape == (1,) else value
