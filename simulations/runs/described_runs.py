"""Where the numbers taken from merged runs come from: which runs, seeds, data and versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import xarray as xr

__all__ = ["data_name", "package_version", "provenance"]


def provenance(runs: Sequence[xr.Dataset], **more: Any) -> dict[str, Any]:
    """Where a collected dataset comes from: attributes, numbers and strings alone.

    Args:
        runs: merged runs; their attributes alone are read.
        more: attributes to add.
    """

    def distinct(read: Callable[[xr.Dataset], Any]) -> str:
        return ", ".join(sorted({str(read(run)) for run in runs} - {""}))

    seeds = sorted({int(run.attrs["seed"]) for run in runs})
    left_out = [run for run in runs if run.attrs["status"] != "reached"]
    return {
        "runs": " ".join(sorted(str(run.attrs.get("run", "")) for run in runs)),
        "n_runs": len(runs),
        "n_left_out": len(left_out),
        "seeds": " ".join(map(str, seeds)),
        "n_seeds": len(seeds),
        "data": distinct(data_name),
        "experiments": distinct(lambda run: run.attrs.get("experiment", "star")),
        "forms": distinct(lambda run: run.attrs.get("form", "")),
        "dates_of_runs": distinct(lambda run: str(run.attrs.get("made", ""))[:10]),
        "torch_version": distinct(lambda run: run.attrs.get("torch_version", "")),
        "package_version": package_version(),
        **more,
    }


def data_name(run: xr.Dataset) -> str:
    """The last part of what the data are called: a folder's path says nothing in a figure."""
    return str(run.attrs["data"]).rstrip("/").rpartition("/")[2]


def package_version() -> str:
    """Of this package, or "source" where it is not installed."""
    try:
        return version("mli-plateau")
    except PackageNotFoundError:
        return "source"
