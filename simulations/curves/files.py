"""Curves as files: NetCDF keeps everything, CSV a table for any program."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from simulations.runtime.atomic_files import atomic_path
from simulations.runtime.netcdf import write_netcdf

__all__ = ["save_curve"]


def save_curve(path: Path | str, curve: xr.Dataset) -> None:
    """Write a curve of `simulations.curves.interpolation_curves` whole or not at all, by the path's suffix.

    ".nc" is NetCDF 4. ".csv" has a row for each alpha: `alpha`, then every quantity along it; one with a
    second dimension becomes a column for each of its entries (`class_share_0`, ...). Attributes are lines
    before it that begin with "#", so `pandas.read_csv(path, comment="#")` reads it.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".nc", ".csv"):
        raise ValueError(f"curves are written as .nc or .csv, got {path}")
    if path.suffix == ".nc":
        write_netcdf(path, curve)
        return
    with atomic_path(path) as temporary:
        temporary.write_text(_csv(curve), encoding="utf-8")


def _csv(curve: xr.Dataset) -> str:
    columns = {"alpha": curve["alpha"].to_numpy()}
    for name, values in curve.data_vars.items():
        if values.dims == ("alpha",):
            columns[str(name)] = values.to_numpy()
        elif values.ndim == 2 and "alpha" in values.dims:
            (further,) = (dim for dim in values.dims if dim != "alpha")
            for label in curve[further].to_numpy():
                columns[f"{name}_{label}"] = values.sel({further: label}).to_numpy()
    lines = [f"# {key}: {' '.join(str(value).split())}" for key, value in curve.attrs.items()]
    lines.append(",".join(columns))
    # repr of a float64 is the shortest text that reads back as the same number.
    lines += [",".join(repr(float(value)) for value in row) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"
