"""The store's runs as observations: labelled by their arms, failures listed, Gauss lengths added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import xarray as xr

from simulations.runs.finished_runs import runs_beyond, specs_by_all_but_seed
from simulations.runs.one_run import Store
from simulations.runs.store_inventory import vanished_runs
from simulations.specs.run_spec import RunSpec
from validation.claims.observations import FAILED, ExcludedRun, Observations, observe
from validation.job.profiles import JudgedSweep
from validation.job.run_gauss_length import run_gauss_length

__all__ = ["not_judged", "observe_store"]


def observe_store(
    store: Store,
    judged: Sequence[JudgedSweep],
    power_model: Iterable[xr.Dataset] = (),
    *,
    every_seed: bool = False,
    recorded: Iterable[xr.Dataset] = (),
    tables: Mapping[str, xr.Dataset] | None = None,
) -> tuple[tuple[xr.Dataset, ...], Observations]:
    """All runs of the sweeps that the store has, and the observations made of them.

    A run's attribute `arm` is its label behind "<experiment>/", alone for the star; runs of another form than
    the quick one have that form's name before it, so that they are never counted with those that the rules
    are about. Runs of the star have `gauss_length`. With `every_seed`, runs of an arm from seeds that its
    sweep does not plan are taken too (`mli sweep --seeds` makes them). `recorded` runs, which
    `validation.job.recorded_runs` reads, stand beside those of the store, and so do `tables`, by
    experiment, which `validation.job.recorded_tables` reads.

    Raises:
        DamagedRunError: a file in the store is not what was written.

    Warns:
        UserWarning: runs vanished while they were read, which another process makes again.
    """
    runs: list[xr.Dataset] = []
    failed: list[ExcludedRun] = []
    stored = specs_by_all_but_seed(store) if every_seed else {}
    with vanished_runs(store) as vanished:
        for one in judged:
            for planned in (*one.sweep.runs, *runs_beyond(one.sweep, stored)):
                arm, spec = one.prefix + planned.label, planned.spec
                if store.is_finished(spec):
                    with vanished.skipped(spec.name):
                        runs.append(_labelled(store, spec, one, arm))
                elif failure := store.failure(spec):
                    words = f"ended in an error: {failure.get('error', '')}"
                    failed.append(ExcludedRun(arm, spec.seed, words))
    runs += recorded
    observations = observe(runs, power_model, tables)
    return tuple(run for run in runs if run.attrs["status"] != FAILED), replace(
        observations, left_out=(*observations.left_out, *failed)
    )


def not_judged(store: Store, runs: Iterable[xr.Dataset]) -> int:
    """How many finished runs a store has besides these: those of a user's own sweeps, for instance."""
    judged = {str(run.attrs["run"]) for run in runs}
    return sum(store.is_finished(name) and name not in judged for name in store.names())


def _labelled(store: Store, spec: RunSpec, judged: JudgedSweep, arm: str) -> xr.Dataset:
    run = store.load(spec).assign_attrs(experiment=judged.sweep.name, form=judged.form, arm=arm)
    if judged.prefix == "" and run.attrs["status"] == "reached":
        run = run.assign(gauss_length=run_gauss_length(store, spec))
    return run
