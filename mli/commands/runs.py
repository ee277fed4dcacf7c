"""`mli runs`: the store of runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mli.commands.messages import WENT_WRONG, expected_errors, input_errors, stop
from mli.commands.run_options import STORE, AsJson, StoreFolder, key_values

if TYPE_CHECKING:
    from simulations.runs.one_run import Store

__all__ = ["runs"]

runs = typer.Typer(
    no_args_is_help=True,
    help="What is in a store of runs, and whether it is whole. Reads the store; gc alone removes from it, "
    "measures writes beside it.",
)


def _existing(folder: Path) -> Store:
    from simulations.runs.one_run import Store

    if not folder.is_dir():
        raise FileNotFoundError(f"there is no store at {folder}: give its folder by --store")
    return Store(folder)


@runs.command("list")
def list_runs(
    store: StoreFolder = STORE,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Only runs of this value: depth=8, bias=last, seed=0, state=failed, or another field of a "
            "run. Several keys must all agree; a key given twice may have either value.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every run on one line: network, data, seed, state, and why it failed. Reads no curves."""
    with expected_errors(), input_errors():
        from simulations.runs.run_table import matching_runs, run_data_of, run_table
        from simulations.runs.store_inventory import stored_runs

        found = matching_runs(stored_runs(_existing(store)), key_values(where or []))
        if as_json:
            _print_json([run_data_of(run) for run in found])
            return
        for line in run_table(found):
            typer.echo(line)


@runs.command()
def show(
    name: Annotated[str, typer.Argument(help="Or its beginning.")],
    store: StoreFolder = STORE,
    as_json: AsJson = False,
) -> None:
    """A run's spec, how it was made, and its numbers (with --json: those that are one number each)."""
    with expected_errors(), input_errors():
        import json

        import xarray as xr

        from simulations.runs.store_inventory import full_name

        here = _existing(store)
        name = full_name(here, name)
        if as_json:
            with _still_there(here, name):
                shown = _shown(here, name)
            _print_json(shown)
            return
        with _still_there(here, name):
            typer.echo(here.spec(name).to_toml())
            if here.is_finished(name):
                typer.echo(json.dumps(here.provenance(name), indent=1))
                with xr.set_options(display_max_rows=200):  # type: ignore[no-untyped-call]
                    typer.echo(here.load(name))
            elif failure := here.failure(name):
                typer.echo(failure.get("traceback", failure.get("error", "")))


@contextmanager
def _still_there(store: Store, name: str) -> Iterator[None]:
    """Says that a run vanished while it was read."""
    from simulations.runs.store import NotFinishedError

    try:
        yield
        if not store.path(name).is_dir():  # after its spec was read: it would look unfinished
            raise NotFinishedError(name)
    except (NotFinishedError, FileNotFoundError):
        stop(
            f"the run {name} vanished from {store.folder} while it was read: another process removes it, or "
            "makes it again",
            code=WENT_WRONG,
        )


def _shown(store: Store, name: str) -> dict[str, Any]:
    from simulations.runs.run_table import run_data_of
    from simulations.runs.store_inventory import stored_run

    found = run_data_of(stored_run(store, name)) | {"provenance": None, "numbers": {}, "arrays": {}}
    if store.is_finished(name):
        run = store.load(name)
        found["provenance"] = store.provenance(name)
        found["numbers"] = {str(key): value.item() for key, value in run.items() if not value.dims}
        found["arrays"] = {str(key): dict(value.sizes) for key, value in run.items() if value.dims}
    return found | {"failure": store.failure(name)}


def _print_json(data: Any) -> None:
    from validation.text.plain_data import plain, strict_json

    typer.echo(strict_json(plain(data)), nl=False)


@runs.command()
def verify(store: StoreFolder = STORE) -> None:
    """Read every file and compare its digest; the exit code is 1 where one is not what was written."""
    with expected_errors(), input_errors():
        from simulations.runs.store_inventory import vanished_runs

        here = _existing(store)
        version = here.format()
        finished, problems = 0, list[str]()
        with vanished_runs(here) as vanished:
            for name in filter(here.is_finished, here.names()):
                with vanished.skipped(name):
                    problems += here.problems(name)
                    finished += 1
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{finished} finished runs, {len(problems)} problems")
        if version == 1 and finished:
            typer.echo(
                "The store is of format 1: a provenance.json without its own digest is checked for sense "
                f"alone; `mli runs upgrade --store {store}` gives each its digest"
            )
        if problems:
            sys.exit(WENT_WRONG)


@runs.command()
def upgrade(store: StoreFolder = STORE) -> None:
    """Bring a store of an earlier format to this one: reads and verifies its runs, writes their digests.

    Each provenance.json gets a digest of its own; a run that does not verify is named and left as it is.
    """
    with expected_errors(), input_errors():
        here = _existing(store)
        here.format()
        (here.folder / ".locks").mkdir(exist_ok=True)
        sealed, problems = here.upgrade()
        for problem in problems:
            typer.echo(problem)
        typer.echo(
            f"{sealed} runs were given a digest, {len(problems)} problems; the format is {here.format()}"
        )
        if problems:
            sys.exit(WENT_WRONG)


@runs.command()
def record(
    folder: Annotated[Path, typer.Argument(help="Such as validation/recorded in a checkout.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME_OR_FILE...",
            help="Experiments or TOML files; by default those that the profile recorded judges.",
        ),
    ] = None,
    store: StoreFolder = STORE,
) -> None:
    """Keep finished runs as small files: reads a store, writes FOLDER, without samples and checkpoints.

    A run of a realistic network is FOLDER/EXPERIMENT/RUN.nc; the experiments regime_map and harder_problems,
    of many small runs, are one table each, FOLDER/EXPERIMENT.nc. Beside them is digests.json, by which
    verdicts refuse a file that is damaged or missing.
    """
    with expected_errors(), input_errors():
        from simulations.runtime.atomic_files import writable_folder
        from simulations.specs.sweep_file import REALISTIC, read_sweep
        from validation.job.recorded_runs import record_sweep
        from validation.job.recorded_tables import TABLED, record_table

        here = _existing(store)
        sweeps = [read_sweep(name) for name in names or (*REALISTIC, *TABLED)]
        for sweep in sweeps:
            writable_folder(folder if sweep.name in TABLED else folder / sweep.name)
        for sweep in sweeps:
            if sweep.name in TABLED:
                table = record_table(sweep.name, here, folder)
                typer.echo(
                    f"{sweep.name}: {table.runs} of {table.planned} runs recorded in one table, "
                    f"{'written now' if table.written else 'nothing new'}"
                )
                continue
            found = record_sweep(sweep, here, folder)
            typer.echo(
                f"{sweep.name}: {found.recorded} of {len(sweep.runs)} runs recorded, {found.written} files "
                f"written now; statuses: {found.statuses_text() or 'none'}"
            )


@runs.command()
def measures(
    store: StoreFolder = STORE,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for run-measures.nc and .csv; that of the store's folder by default."),
    ] = None,
) -> None:
    """Measure every finished run: rises, convexities, distance moved, Gauss length. Reads the store.

    Prints a line a run; writes run-measures.nc, which figure F24 draws, and the same numbers as CSV.
    """
    with expected_errors(), input_errors():
        from paper_figures.figure_files import write_data
        from simulations.runtime.atomic_files import writable_folder
        from simulations.runtime.netcdf import write_netcdf
        from validation.job.run_measures import FILE, measure_runs, measures_table

        here = _existing(store)
        folder = writable_folder(output or store.parent, [FILE, f"{Path(FILE).stem}.csv"])
        found = measure_runs(here)
        write_netcdf(folder / FILE, found)
        for line in measures_table(found):
            typer.echo(line)
        for path in (folder / FILE, write_data(folder, Path(FILE).stem, found)):
            typer.echo(path)


@runs.command()
def gc(
    store: StoreFolder = STORE,
    other_code: bool = typer.Option(False, "--other-code", help="Also runs made by other code."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
) -> None:
    """Remove runs that a sweep would make again: failed, unfinished, damaged; none that is being made."""
    with expected_errors(), input_errors():
        from simulations.runs.store import NotFinishedError
        from simulations.runs.store_inventory import garbage, garbage_run

        here = _existing(store)
        here.prepare()
        for run in garbage(here, other_code=other_code):
            with here.locked(run.name, wait=False) as mine:
                # Judged again: reading a store takes minutes, in which a sweep may have finished the run, or
                # another process removed it.
                try:
                    if mine and garbage_run(here, run.name, other_code=other_code) is None:
                        continue
                except NotFinishedError:
                    continue
                if mine and not dry_run:
                    here.remove(run.name)
                typer.echo(f"{run.name}  {run.state}  {run.about if mine else 'is being made: kept'}")
