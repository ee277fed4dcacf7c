"""Sweeps of many small runs as one small committed file each: a table of their numbers over the seeds.

validation/recorded/<experiment>.nc is one sweep. `mli runs record` writes it from a store; the profile
recorded judges it, figure F14 and docs/regimes.md show it. Single runs of larger networks are kept by
`validation.job.recorded_runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from simulations.runs.described_runs import provenance
from simulations.runs.finished_runs import each_experiment_run
from simulations.runs.store import Store
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.netcdf import dataset_from_bytes, netcdf_bytes, write_bytes
from simulations.specs.sweep_file import FORMS, read_sweep
from validation.claims.steps_and_shapes import steps_and_shapes
from validation.job.recorded_digests import check_all_there, keep_digest, recorded_bytes
from validation.job.recorded_runs import COMMITTED, WORTH_PACKING
from validation.regimes import regime_map

__all__ = ["TABLED", "RecordedTable", "committed_table", "committed_tables", "record_table", "table_of"]

_TABLES: dict[str, Callable[[Iterable[xr.Dataset]], xr.Dataset]] = {
    "regime_map": regime_map,
    "harder_problems": lambda runs: steps_and_shapes(list(runs)),
}
TABLED = tuple(_TABLES)
"""The experiments that are kept as one table."""


@dataclass(frozen=True)
class RecordedTable:
    """What `record_table` did.

    Attributes:
        runs: of the store that the table has.
        planned: of the sweep, with as many seeds as the store has.
        written: whether the file is new or has other bytes than before.
    """

    runs: int
    planned: int
    written: bool


def table_of(experiment: str, runs: Iterable[xr.Dataset]) -> xr.Dataset:
    """The table of some runs of an experiment in `TABLED`, those that missed their target included.

    Returns:
        `validation.regimes.regime_map` or `validation.claims.steps_and_shapes`, with the attributes of
        `simulations.runs.described_runs.provenance` and `experiment`, `max_epochs`, `planned_runs` (of the
        sweep's form, with as many seeds as the runs have, those planned at the least), `largest_ensemble`,
        and `made`, the date of the latest run.

    Raises:
        ValueError: no runs, or two of one place in the table.
    """
    described: list[xr.Dataset] = []

    def one_by_one() -> Iterator[xr.Dataset]:  # a store's runs together are gigabytes
        for run in runs:
            described.append(xr.Dataset(attrs=run.attrs))
            yield run

    found = _TABLES[experiment](one_by_one())
    if not described:
        raise ValueError(f"a table needs runs, got none: `mli sweep {experiment}` makes them")
    reached = sum(run.attrs["status"] == "reached" for run in described)
    form = str(described[0].attrs.get("form", "")) or FORMS[0]
    dates = [str(run.attrs.get("made", ""))[:10] for run in described]
    return found.assign_attrs(
        **provenance(described, n_left_out=len(described) - reached),
        experiment=experiment,
        max_epochs=max(int(run.attrs["max_epochs"]) for run in described),
        planned_runs=_planned(experiment, form, {int(run.attrs["seed"]) for run in described}),
        largest_ensemble=max(int(run.attrs.get("trained_together", 1)) for run in described),
        made=max(dates),
    )


def _planned(experiment: str, form: str, seeds: set[int]) -> int:
    sweep = read_sweep(experiment, form)
    return len(sweep.labels()) * len(seeds | {run.spec.seed for run in sweep.runs})


def record_table(experiment: str, store: Store, folder: Path | str) -> RecordedTable:
    """Write `folder/<experiment>.nc` from all seeds of the experiment's quick form that the store has.

    A file that is there with the same bytes is left as it is; without a run in the store nothing is written.

    Raises:
        OSError: the folder cannot be written.
        DamagedRunError: a run in the store is not what was written.
    """
    folder = writable_folder(folder)
    runs = each_experiment_run(store, experiment, every_seed=True)
    try:
        first = next(runs)
    except StopIteration:
        return RecordedTable(0, len(read_sweep(experiment).runs), False)
    table = table_of(experiment, _chained(first, runs))
    packed = {
        name: {"zlib": True, "complevel": 9, "shuffle": True}
        for name, variable in table.data_vars.items()
        if variable.size >= WORTH_PACKING
    }
    content, path = netcdf_bytes(folder, table, packed), folder / f"{experiment}.nc"
    changed = not path.is_file() or path.read_bytes() != content
    if changed:
        write_bytes(path, content)
    keep_digest(path, content)
    return RecordedTable(int(table.attrs["n_runs"]), int(table.attrs["planned_runs"]), changed)


def _chained(first: xr.Dataset, others: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    yield first
    yield from others


def committed_table(experiment: str) -> xr.Dataset | None:
    """The table of an experiment that the package carries, None where it carries none.

    Raises:
        DamagedRunError: a file that is no table of this experiment, or not what was recorded.
    """
    path = COMMITTED / f"{experiment}.nc"
    check_all_there(COMMITTED)
    if not path.is_file():
        return None
    content = recorded_bytes(path)
    try:
        table = dataset_from_bytes(content)
    except (OSError, ValueError) as error:
        raise DamagedRunError(f"{path} is no recorded table ({error}): record it again") from error
    if table.attrs.get("experiment") != experiment or "seed" not in table.dims:
        raise DamagedRunError(f"{path} is no table of {experiment}: record it again")
    return table


def committed_tables(experiments: Sequence[str]) -> dict[str, xr.Dataset]:
    """Those of these experiments whose table the package carries, by experiment.

    Raises:
        DamagedRunError: as `committed_table`.
    """
    found = {name: committed_table(name) for name in experiments}
    return {name: table for name, table in found.items() if table is not None}
