"""The finished runs of an experiment, read from a store."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from simulations.runs.store import Store
from simulations.specs.sweep_file import read_sweep

__all__ = ["experiment_runs"]


def experiment_runs(store: Store | Path | str, name: str, form: str = "quick") -> list[xr.Dataset]:
    """The merged runs (`Store.load`) of an experiment that are finished in a store, in the sweep's order.

    Each has the attributes `experiment` (the name) and `arm`: the arm's label behind "<experiment>/", or
    alone for the star.

    Raises:
        ValueError: as `read_sweep`; a run whose files are not what was written (`DamagedRunError`).
    """
    store = store if isinstance(store, Store) else Store(store)
    sweep = read_sweep(name, form)
    prefix = "" if sweep.name == "star" else f"{sweep.name}/"
    return [
        store.load(run.spec).assign_attrs(experiment=sweep.name, arm=prefix + run.label)
        for run in sweep.runs
        if store.is_finished(run.spec)
    ]
