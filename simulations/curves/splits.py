"""Curves of several splits, walked in one sweep, in one data set; and one of them alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from simulations.runtime.names_in_words import first_of

__all__ = ["join_splits", "split_curves"]

BY_SPLIT = (
    "n_samples",
    "forward_passes",
    "estimated_loss_error",
    "estimated_error_error",
    "estimated_class_share_error",
)


def join_splits(curves: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The splits along a leading dimension `split`.

    The attributes `BY_SPLIT`, and any other that differs between splits, become variables of `split`. What is
    by sample is filled up to the longest split: nan, or False. A class that only some splits have is nan in
    the others.
    """
    longest = max(curve.sizes.get("sample", 0) for curve in curves.values())
    names = xr.DataArray(list(curves), dims="split", name="split")
    attrs = [curve.attrs for curve in curves.values()]
    differ = [name for name in attrs[0] if name in BY_SPLIT or any(a[name] != attrs[0][name] for a in attrs)]
    filled = [_filled(curve, longest) for curve in curves.values()]
    joined = xr.concat(filled, dim=names, combine_attrs="drop_conflicts", join="outer")
    for name in differ:
        joined.attrs.pop(name, None)
        joined[name] = ("split", [a[name] for a in attrs])
    return joined


def split_curves(curves: xr.Dataset, split: str) -> xr.Dataset:
    """One split of `interpolation_curves` of several: what it returns for that split's data alone.

    Raises:
        ValueError: no such split; those there are named.
    """
    if "split" not in curves.dims or split not in curves.split:
        known = first_of(map(repr, curves.split.values.tolist())) if "split" in curves.dims else "none"
        raise ValueError(f"there is no split {split!r} in these curves; they hold {known}")
    by_split = [name for name, variable in curves.data_vars.items() if variable.dims == ("split",)]
    one = curves.sel(split=split, drop=True)
    values = {str(name): one[name].item() for name in by_split}
    one = one.drop_vars(by_split)
    if "sample" in one.dims:
        one = one.isel(sample=slice(values["n_samples"]))
    one.attrs |= values
    return one


def _filled(curve: xr.Dataset, longest: int) -> xr.Dataset:
    missing = longest - curve.sizes.get("sample", longest)
    if not missing:
        return curve
    fill = {
        name: False if variable.dtype == bool else np.nan
        for name, variable in curve.data_vars.items()
        if "sample" in variable.dims
    }
    return curve.pad(sample=(0, missing), constant_values=fill)
