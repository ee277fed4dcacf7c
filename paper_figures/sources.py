"""Where a figure's data come from: the store and the files beside it, else what the package ships.

Figures of runs read merged runs from the store. F7 and F10 read one file each beside it, F3 integrates the
power model anew, which takes a second. What is shipped was collected from a full store (`collect_data`);
F14's is the table that claims are judged on (`validation.job.recorded_tables`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import xarray as xr

from paper_figures.catalogue import FIGURES
from paper_figures.drawing.run_curves import NothingToDrawError
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.netcdf import read_netcdf, write_netcdf
from simulations.runtime.progress import progress_bar
from simulations.runtime.sealed_files import read_netcdf_of_any_version
from simulations.runtime.worker_processes import in_processes
from validation.job.recorded_tables import TABLED, committed_table

__all__ = ["NoDataError", "collect_data", "figure_data", "figure_module", "load_experiments", "shipped_data"]

Runs = dict[str, list[xr.Dataset]]
"""Merged runs by experiment."""

SHIPPED = Path(__file__).parent / "data"
_MANY_RUNS = 100  # for fewer, a second process starts too late to help
_WORTH_COMPRESSING = 4096  # bytes: for less, HDF5's own tables are larger than what is saved


class NoDataError(Exception):
    """A figure has no data; the message says which command makes them."""


def figure_module(name: str) -> ModuleType:
    """The module of a figure of the catalogue: `collect`, `layout`, `draw`, `caption`, TITLE."""
    return import_module(f"paper_figures.figures.{FIGURES[name]}")


def figure_data(
    name: str,
    store: Path | str,
    form: str = "quick",
    *,
    shipped: bool = False,
    loaded: Runs | None = None,
) -> xr.Dataset:
    """What a figure draws, from the store if it has it, else as the package ships it.

    Args:
        name: in `FIGURES`.
        store: a folder of runs; it need not exist.
        form: of the experiments whose runs are taken, "quick" or "paper".
        shipped: take the shipped data even where the store has its own.
        loaded: of `load_experiments`, for several figures; None: what this one needs is read now.

    Returns:
        The figure's collected dataset. Attribute `shipped`: the date on which shipped data were made, ""
        for data of the store; attribute `source`: where they come from, in words.

    Raises:
        NoDataError: there are none; the message says which command makes them.
    """
    own = None if shipped else store_data(name, Path(store), form, loaded)
    if own is not None:
        return own.assign_attrs(source=_own_source(own, figure_module(name), Path(store)))
    found = shipped_data(name)
    if found is None:
        raise NoDataError(
            f"{name} has no data in {store} and none are shipped: {_made_by(figure_module(name))}"
        )
    return found


def _own_source(found: xr.Dataset, module: ModuleType, store: Path) -> str:
    if hasattr(module, "FILE"):
        return f"data of {store.parent / module.FILE}"
    if hasattr(module, "EXPERIMENTS"):
        return f"data of {found.attrs.get('n_runs', 'the')} runs in {store}"
    return "data computed when it was drawn"


def store_data(name: str, store: Path, form: str, loaded: Runs | None = None) -> xr.Dataset | None:
    """A figure's data collected from the store and the files beside it, None where there are none."""
    module = figure_module(name)
    found: xr.Dataset
    if hasattr(module, "FILE"):
        path = store.parent / module.FILE
        if not path.is_file():
            return None
        found = module.collect(read_netcdf_of_any_version(path))
    elif hasattr(module, "EXPERIMENTS"):
        known = loaded or {}
        lists = [known[e] if e in known else _runs(store, e, form) for e in module.EXPERIMENTS]
        runs = [run for one in lists for run in one]
        if not any(run.attrs["status"] == "reached" for run in runs):
            return None
        try:
            found = module.collect(runs)
        except NothingToDrawError:  # runs, but none of those that this figure draws
            return None
    else:
        found = module.collect()
    return found.assign_attrs(figure=name, shipped="")


def load_experiments(names: Sequence[str], store: Path | str, form: str = "quick") -> Runs:
    """The runs of all experiments that some figures draw, each read once: for `figure_data`.

    Reading is most of what a figure costs: many runs are read by two processes, which a script must guard
    its main part for (`simulations.runtime.worker_processes`).
    """
    experiments = [e for name in names for e in getattr(figure_module(name), "EXPERIMENTS", ())]
    wanted, store = list(dict.fromkeys(experiments)), Path(store)
    if len(list(store.glob("*/provenance.json"))) < _MANY_RUNS or len(wanted) < 2:
        return {experiment: _runs(store, experiment, form) for experiment in wanted}
    results = in_processes(_named_runs, (store, form), wanted, processes=2)
    with progress_bar() as bar, closing(results):  # type: ignore[type-var]
        return dict(bar.track(results, total=len(wanted), description="reading runs"))


def _named_runs(where: tuple[Path, str], experiment: str) -> tuple[str, list[xr.Dataset]]:
    return experiment, _runs(where[0], experiment, where[1])


def _runs(store: Path, experiment: str, form: str) -> list[xr.Dataset]:
    """An experiment's merged runs, with what the store records of them besides."""
    if not store.is_dir():  # reading must not make one
        return []
    from simulations.runs.finished_runs import experiment_runs

    return experiment_runs(store, experiment, form, every_seed=experiment in TABLED)


def shipped_data(name: str) -> xr.Dataset | None:
    """A figure's data as the package ships them, None where it ships none."""
    recorded = getattr(figure_module(name), "RECORDED", "")
    path = SHIPPED / f"{name}.nc"
    if not recorded and not path.is_file():
        return None
    found = committed_table(recorded) if recorded else read_netcdf(path)
    if found is None:
        return None
    made = str(found.attrs["made"])
    return found.assign_attrs(figure=name, shipped=made, source=f"data shipped with the package, made {made}")


def collect_data(
    folder: Path | str, names: Sequence[str], store: Path | str, form: str = "quick"
) -> dict[str, Path | NoDataError]:
    """Write `folder/<name>.nc` from the store for each figure that has data there, compressed.

    A figure of a table that claims are judged on (`RECORDED` in its module) has its data there, once.

    Returns:
        For each name the file, or why there is none; a file that is already there then stays.

    Raises:
        OSError: the folder cannot be written; found before any work.
    """
    folder = writable_folder(folder)
    written: dict[str, Path | NoDataError] = {}
    recorded = {name: getattr(figure_module(name), "RECORDED", "") for name in names}
    loaded = load_experiments([name for name in names if not recorded[name]], store, form)
    for name in names:
        if recorded[name]:
            written[name] = NoDataError(
                f"{name} is drawn from what the claims are judged on: `mli runs record validation/recorded "
                f"{recorded[name]} --store {store}` writes it"
            )
            continue
        found = store_data(name, Path(store), form, loaded)
        if found is None:
            written[name] = NoDataError(f"{name} has no data in {store}: {_made_by(figure_module(name))}")
            continue
        found.attrs["made"] = datetime.now(UTC).date().isoformat()
        encoding = {
            variable: {"zlib": True, "complevel": 9}
            for variable, values in found.variables.items()
            if values.nbytes > _WORTH_COMPRESSING and values.dtype.kind in "fi"
        }
        path = folder / f"{name}.nc"
        write_netcdf(path, found, encoding=encoding)
        written[name] = path
    return written


def _made_by(module: ModuleType) -> str:
    if hasattr(module, "EXPERIMENTS"):
        commands = " and ".join(f"`mli sweep {name}`" for name in module.EXPERIMENTS)
        return f"{commands} make them"
    return f"`{module.MADE_BY}` makes them"
