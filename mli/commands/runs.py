"""`mli runs`: the store of runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mli.commands.messages import expected_errors, input_errors
from mli.commands.run_options import STORE, StoreFolder

if TYPE_CHECKING:
    from simulations.runs.one_run import Store

__all__ = ["runs"]

runs = typer.Typer(no_args_is_help=True, help="The store of runs: what is in it, and whether it is whole.")


def _existing(folder: Path) -> Store:
    from simulations.runs.one_run import Store

    if not folder.is_dir():
        raise FileNotFoundError(f"there is no store at {folder}: give its folder by --store")
    return Store(folder)


@runs.command("list")
def list_runs(store: StoreFolder = STORE) -> None:
    """Every run: its name, state, data, network and seed."""
    with expected_errors():
        from simulations.runs.store_inventory import stored_runs

        for run in stored_runs(_existing(store)):
            spec = run.spec
            words = (
                [] if spec is None else [spec.data, spec.network, f"bias={spec.bias}", f"seed={spec.seed}"]
            )
            words += ["(made by other code)"] if run.other_code else []
            typer.echo("  ".join([run.name, f"{run.state:<10}", *words]))


@runs.command()
def show(name: Annotated[str, typer.Argument(help="Or its beginning.")], store: StoreFolder = STORE) -> None:
    """A run's spec, how it was made, and its numbers."""
    with expected_errors(), input_errors():
        import json

        import xarray as xr

        from simulations.runs.store_inventory import full_name

        here = _existing(store)
        name = full_name(here, name)
        typer.echo(here.spec(name).to_toml())
        if here.is_finished(name):
            typer.echo(json.dumps(here.provenance(name), indent=1))
            with xr.set_options(display_max_rows=200):  # type: ignore[no-untyped-call]
                typer.echo(here.load(name))
        elif failure := here.failure(name):
            typer.echo(failure["traceback"])


@runs.command()
def verify(store: StoreFolder = STORE) -> None:
    """Read every file and compare its digest; the exit code is 1 where one is not what was written."""
    with expected_errors():
        here = _existing(store)
        finished = [name for name in here.names() if here.is_finished(name)]
        problems = [problem for name in finished for problem in here.problems(name)]
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{len(finished)} finished runs, {len(problems)} problems")
        if problems:
            sys.exit(1)


@runs.command()
def record(
    folder: Annotated[Path, typer.Argument(help="Such as validation/recorded in a checkout.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME_OR_FILE...",
            help="Experiments or TOML files; by default those on realistic networks and data.",
        ),
    ] = None,
    store: StoreFolder = STORE,
) -> None:
    """Write finished runs as small files, FOLDER/EXPERIMENT/RUN.nc, without samples and checkpoints."""
    with expected_errors(), input_errors():
        from simulations.specs.sweep_file import REALISTIC, read_sweep
        from validation.job.recorded_runs import record_sweep

        here = _existing(store)
        for sweep in [read_sweep(name) for name in names or REALISTIC]:
            found = record_sweep(sweep, here, folder)
            typer.echo(
                f"{sweep.name}: {found.recorded} of {len(sweep.runs)} runs recorded, {found.written} files "
                f"written now; statuses: {found.statuses_text() or 'none'}"
            )


@runs.command()
def gc(
    store: StoreFolder = STORE,
    other_code: bool = typer.Option(False, "--other-code", help="Also runs made by other code."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
) -> None:
    """Remove runs that a sweep would make again: failed, unfinished, damaged; none that is being made."""
    with expected_errors():
        from simulations.runs.store_inventory import garbage, garbage_run

        here = _existing(store)
        here.prepare()
        for run in garbage(here, other_code=other_code):
            with here.locked(run.name, wait=False) as mine:
                # Judged again: reading a store takes minutes, in which a sweep may have finished the run.
                if mine and garbage_run(here, run.name, other_code=other_code) is None:
                    continue
                if mine and not dry_run:
                    here.remove(run.name)
                typer.echo(f"{run.name}  {run.state}  {run.about if mine else 'is being made: kept'}")
