"""The finished runs of an experiment, read from a store."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from simulations.runs.store import Store
from simulations.runs.store_inventory import vanished_runs
from simulations.specs.sweep_file import read_sweep

__all__ = ["experiment_runs"]


def experiment_runs(store: Store | Path | str, name: str, form: str = "quick") -> list[xr.Dataset]:
    """The merged runs (`Store.load`) of an experiment that are finished in a store, in the sweep's order.

    Each has the attributes `experiment` (the name) and `arm`: the arm's label behind "<experiment>/", or
    alone for the star.

    Raises:
        ValueError: as `read_sweep`; a run whose files are not what was written (`DamagedRunError`).

    Warns:
        UserWarning: runs vanished while they were read, which another process makes again.
    """
    store = store if isinstance(store, Store) else Store(store)
    sweep = read_sweep(name, form)
    prefix = "" if sweep.name == "star" else f"{sweep.name}/"
    found = []
    with vanished_runs(store) as vanished:
        for planned in sweep.runs:
            if store.is_finished(planned.spec):
                with vanished.skipped(planned.spec.name):
                    labels = {"experiment": sweep.name, "arm": prefix + planned.label}
                    found.append(store.load(planned.spec).assign_attrs(labels))
    return found
