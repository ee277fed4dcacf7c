"""Curves as files: NetCDF keeps everything, CSV a table for any program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from simulations.runtime.atomic_files import atomic_path
from simulations.runtime.netcdf import write_netcdf

__all__ = ["save_curve"]


def save_curve(path: Path | str, curve: xr.Dataset) -> None:
    """Write a curve of `simulations.curves.interpolation_curves` whole or not at all, by the path's suffix.

    ".nc" is NetCDF 4. ".csv" of one data set without exits or samples has a row for each alpha: `alpha`, then
    every quantity along it; one with a second dimension becomes a column for each of its entries
    (`class_share_0`, ...). Where a quantity has other dimensions (splits, samples) the table is long: a row
    for each number, with the columns `quantity`, one for each dimension (empty where it has none; a sample
    by its place) and `value` (of a truth value 1 or 0). Attributes are lines before it that begin with "#",
    so `pandas.read_csv(path, comment="#")` reads both; words by split are such lines too.

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
    words = [str(name) for name, values in curve.data_vars.items() if values.dtype.kind in "OSU"]
    numbers = curve.drop_vars(words)
    wide = all("alpha" in values.dims and values.ndim <= 2 for values in numbers.data_vars.values())
    text = io.StringIO()
    for key, value in curve.attrs.items():
        text.write(f"# {key}: {' '.join(str(value).split())}\n")
    for name in words:
        for where, value in _numbers(curve, name):
            labels = ", ".join(f"{dim} {label}" for dim, label in where.items())
            text.write(f"# {name} of {labels}: {' '.join(str(value).split())}\n")
    csv.writer(text, lineterminator="\n").writerows(_wide(numbers) if wide else _long(numbers))
    return text.getvalue()


def _wide(curve: xr.Dataset) -> Iterator[list[str]]:
    columns = {"alpha": curve["alpha"].to_numpy()}
    for name, values in curve.data_vars.items():
        further = [dim for dim in values.dims if dim != "alpha"]
        if not further:
            columns[str(name)] = values.to_numpy()
            continue
        for label in curve[further[0]].to_numpy():
            columns[f"{name}_{label}"] = values.sel({further[0]: label}).to_numpy()
    yield list(columns)
    yield from ([_text(value) for value in row] for row in zip(*columns.values(), strict=True))


def _long(curve: xr.Dataset) -> Iterator[list[str]]:
    dims = [str(dim) for dim in curve.dims]
    yield ["quantity", *dims, "value"]
    for name in curve.data_vars:
        for where, value in _numbers(curve, str(name)):
            yield [str(name), *(str(where.get(dim, "")) for dim in dims), _text(value)]


def _numbers(curve: xr.Dataset, name: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every value of a variable, with its labels by dimension."""
    dims = [str(dim) for dim in curve[name].dims]
    values, labels = curve[name].to_numpy(), [curve[dim].to_numpy().tolist() for dim in dims]
    for place in np.ndindex(values.shape):
        yield {d: labels[i][place[i]] for i, d in enumerate(dims)}, values[place]


def _text(value: Any) -> str:
    # repr of a float64 is the shortest text that reads back as the same number.
    return repr(float(value))
