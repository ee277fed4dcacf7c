"""`mli sweep`: all runs of experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mli.commands.messages import WENT_WRONG, expected_errors, input_errors, stop
from mli.commands.run_options import STORE, Device, StoreFolder, key_values

if TYPE_CHECKING:
    from simulations.sweeps.dask_security import DaskTls

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
    scheduler: Annotated[
        str | None, typer.Option(help="Of dask: tls://HOST:PORT, or tcp://127.0.0.1:PORT.")
    ] = None,
    tls_ca_file: Annotated[
        Path | None, typer.Option(help="Of dask on tls://: the certificates that are trusted.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Of dask on tls://: our own certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Of dask on tls://: its private key.")] = None,
    insecure_dask: Annotated[
        bool,
        typer.Option(
            "--insecure-dask", help="Accept a Dask cluster on which whoever reaches its ports runs code."
        ),
    ] = False,
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
            tls=_tls(tls_ca_file, tls_cert, tls_key),
            insecure_dask=insecure_dask,
            device=device,
            logs=store.parent / "slurm-logs",
            slurm=parameters,
        ) as opened:
            outcome = run_sweeps(sweeps, runs, opened, device=device)
        for line in outcome.lines(sweeps, runs):
            typer.echo(line)
        if outcome.failed:
            stop(f"{len(outcome.failed)} runs failed; the same command tries them again", code=WENT_WRONG)


def _tls(ca_file: Path | None, cert: Path | None, key: Path | None) -> DaskTls | None:
    """The three files, or none of them.

    Raises:
        ValueError: some of them.
    """
    if ca_file is None or cert is None or key is None:
        if ca_file is cert is key is None:
            return None
        raise ValueError("--tls-ca-file, --tls-cert and --tls-key go together: name all three files")
    from simulations.sweeps.dask_security import DaskTls

    return DaskTls(ca_file, cert, key)
