"""The finished runs of an experiment, read from a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import xarray as xr

from simulations.runs.store import Store
from simulations.runs.store_inventory import vanished_runs
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import PlannedRun, Sweep, read_sweep

__all__ = ["each_experiment_run", "experiment_runs", "runs_beyond", "specs_by_all_but_seed"]


def experiment_runs(
    store: Store | Path | str, name: str, form: str = "quick", *, every_seed: bool = False
) -> list[xr.Dataset]:
    """The merged runs (`Store.load`) of an experiment that are finished in a store, in the sweep's order.

    Each has the attributes `experiment` (the name), `form`, `made` (when) and `arm`: the arm's label behind
    "<experiment>/", or alone for the star.

    Args:
        store: a store, or its folder.
        name: as `read_sweep` takes it.
        form: likewise.
        every_seed: those of seeds that the sweep does not plan, too (`mli sweep --seeds` makes them).

    Raises:
        ValueError: as `read_sweep`; a run whose files are not what was written (`DamagedRunError`).

    Warns:
        UserWarning: runs vanished while they were read, which another process makes again.
    """
    return list(each_experiment_run(store, name, form, every_seed=every_seed))


def each_experiment_run(
    store: Store | Path | str, name: str, form: str = "quick", *, every_seed: bool = False
) -> Iterator[xr.Dataset]:
    """`experiment_runs` one by one: a large experiment's runs together are gigabytes."""
    store = store if isinstance(store, Store) else Store(store)
    sweep = read_sweep(name, form)
    prefix = "" if sweep.name == "star" else f"{sweep.name}/"
    beyond = runs_beyond(sweep, specs_by_all_but_seed(store)) if every_seed else ()
    with vanished_runs(store) as vanished:
        for planned in (*sweep.runs, *beyond):
            if not store.is_finished(planned.spec):
                continue
            run = None
            with vanished.skipped(planned.spec.name):
                labels = {"experiment": sweep.name, "arm": prefix + planned.label, "form": form}
                labels["made"] = store.provenance(planned.spec)["time"]
                run = store.load(planned.spec).assign_attrs(labels)
            if run is not None:
                yield run


def specs_by_all_but_seed(store: Store) -> dict[RunSpec, list[RunSpec]]:
    """The specs of all finished runs by what they share with other seeds."""
    found: dict[RunSpec, list[RunSpec]] = {}
    for name in store.names():
        if store.is_finished(name):
            try:
                spec = store.spec(name)
            except FileNotFoundError:  # it vanished, as reading it would find out
                continue
            found.setdefault(replace(spec, seed=0), []).append(spec)
    return found


def runs_beyond(sweep: Sweep, stored: Mapping[RunSpec, Sequence[RunSpec]]) -> Iterator[PlannedRun]:
    """Stored runs of the sweep's arms from seeds that it does not plan, arm by arm in order of seed.

    Args:
        sweep: whose arms are looked for.
        stored: of `specs_by_all_but_seed`.
    """
    planned = {run.spec for run in sweep.runs}
    for label, shared in {run.label: replace(run.spec, seed=0) for run in sweep.runs}.items():
        for spec in sorted(stored.get(shared, ()), key=lambda spec: spec.seed):
            if spec not in planned:
                yield PlannedRun(label, spec)
