"""`mli sweep`: all runs of experiments."""

from __future__ import annotations

from typing import Annotated

import typer

from mli.commands.messages import WENT_WRONG, expected_errors, input_errors, stop
from mli.commands.run_options import STORE, Device, StoreFolder, key_values

__all__ = ["sweep"]


def sweep(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_FILE...", help="Experiments, or TOML files, or all.")
    ],
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="At least so many in each arm: its own, then those that follow."),
    ] = None,
    form: Annotated[str, typer.Option(help="Of experiments: quick (two cores) or paper (a GPU).")] = "quick",
    executor: Annotated[str, typer.Option(help="local (processes here), dask or slurm.")] = "local",
    scheduler: Annotated[str | None, typer.Option(help="Of dask: tcp://HOST:PORT.")] = None,
    processes: Annotated[int | None, typer.Option(help="Of local; one a core by default.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Of slurm: a parameter of submitit.")
    ] = None,
    device: Device = "cpu",
    store: StoreFolder = STORE,
) -> None:
    """Make all runs of experiments or of your own TOML file. Writes them into the store.

    What is in the store is kept, an interrupted sweep goes on.
    """
    with expected_errors(goes_on=True), input_errors():
        from simulations.runs.one_run import Store
        from simulations.specs.sweep_file import EXPERIMENTS, read_sweep, with_seeds
        from simulations.sweeps.executors import open_executor
        from simulations.sweeps.runner import run_sweeps

        wanted = list(EXPERIMENTS) if names == ["all"] else names
        sweeps = [read_sweep(name, form) for name in wanted]
        if seeds is not None:
            sweeps = [with_seeds(one, seeds) for one in sweeps]
        parameters = {
            key: int(value) if value.isdecimal() else value for key, value in key_values(slurm or [])
        }
        runs = Store(store)
        with open_executor(
            executor,
            processes=processes,
            scheduler=scheduler,
            device=device,
            logs=store.parent / "slurm-logs",
            slurm=parameters,
        ) as opened:
            outcome = run_sweeps(sweeps, runs, opened, device=device)
        for line in outcome.lines(sweeps, runs):
            typer.echo(line)
        if outcome.failed:
            stop(f"{len(outcome.failed)} runs failed; the same command tries them again", code=WENT_WRONG)
