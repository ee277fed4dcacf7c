"""The main job: make the runs that are missing, integrate the power model, judge the claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from mli_theory.short_repr import short_repr
from simulations.gradient_flow import integrate
from simulations.runs.one_run import Store
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.random_streams import numpy_stream
from simulations.sweeps.executors import open_executor
from simulations.sweeps.runner import run_sweeps
from validation.claims.observations import Observations
from validation.claims.power_model_runs import START_STREAM, PowerModelRuns
from validation.job.observed_store import observe_store
from validation.job.profiles import Job
from validation.job.recorded_runs import committed_runs
from validation.job.recorded_tables import committed_tables
from validation.judgement.judging import Verdict, judge

__all__ = ["Outcome", "integrate_power_model", "require_store", "run_main_job"]


@dataclass(frozen=True)
class Outcome:
    """All that the main job found: every run (those left out too), what was judged, and the verdicts."""

    job: Job
    runs: tuple[xr.Dataset, ...]
    observations: Observations
    verdicts: tuple[Verdict, ...]

    __repr__ = short_repr

    def settings(self) -> dict[str, Any]:
        """The job as plain numbers and words."""
        return self.job.settings()


def run_main_job(folder: Path | str, job: Job, store: Store | Path | str) -> Outcome:
    """Make the runs (those already in the store are kept), then judge what the store and the package have.

    A job without sweeps of a store needs no store.

    Writes runs into the store and `folder/power_model/*.nc`, each file whole or not at all, so an
    interrupted job can simply be run again. A run that ends in an error stops no other; it is listed among
    those left out.

    Raises:
        OSError: a folder cannot be written (found before any work), or there is no store and no training.
        DamagedRunError: a run in the store is not what was written, and this job does not make it again.
    """
    store = store if isinstance(store, Store) else Store(store)
    require_store(job, store.folder)
    folder = writable_folder(folder)
    recorded = committed_runs(job.recorded) if job.recorded else []
    tables = committed_tables(job.tables)
    if job.trains:
        store.prepare()
    # Before the training, which takes longer: a mistake here must not cost it.
    power_model = integrate_power_model(folder / "power_model", job.power_model_seeds, job.power_model)
    if job.trains:
        with open_executor("local", processes=job.processes) as executor:
            run_sweeps([judged.sweep for judged in job.judged], store, executor)
    runs, observations = observe_store(
        store, job.judged, power_model, every_seed=not job.trains, recorded=recorded, tables=tables
    )
    return Outcome(job, runs, observations, judge(job.claims, observations))


def require_store(job: Job, folder: Path) -> None:
    """Refuse a job that judges a store and makes no runs where there is no store; nothing is written.

    Raises:
        FileNotFoundError: there is none at `folder`.
    """
    if job.judged and not job.trains and not folder.is_dir():
        raise FileNotFoundError(
            f"there is no store {folder} to judge: make one with `mli validate --profile standard`"
        )


def integrate_power_model(
    folder: Path | str, seeds: Sequence[int], model: PowerModelRuns
) -> list[xr.Dataset]:
    """One gradient flow a seed, saved as `folder/seed<seed>.nc`."""
    if not seeds:
        return []
    folder = writable_folder(folder)
    flows = []
    for seed in seeds:
        start = numpy_stream(seed, START_STREAM).uniform(0.5, 1.0, (model.n_classes, model.n_classes))
        flow = integrate(model.scale * start, model.degree, model.final_loss)
        flow = flow.assign_attrs(flow.attrs | asdict(model) | {"seed": int(seed)})
        write_netcdf(folder / f"seed{seed}.nc", flow)
        flows.append(flow)
    return flows
