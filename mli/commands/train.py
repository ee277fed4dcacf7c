"""`mli train`: one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mli.commands.messages import expected_errors, input_errors
from mli.commands.run_options import STORE, Device, StoreFolder, key_values

__all__ = ["train"]


def train(
    spec: Annotated[
        Path | None, typer.Argument(help="A run's TOML file, such as a store's spec.toml.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A field of the run, over the file's."),
    ] = None,
    device: Device = "cpu",
    store: StoreFolder = STORE,
) -> None:
    """One run, here: train, walk its lines, and put it in the store."""
    with expected_errors(), input_errors():
        from torch import nn

        from simulations.models.devices import checked_device
        from simulations.runs.one_run import RunSpec, Store, make_run
        from simulations.sweeps.runner import DISK, record_failure

        values = {} if spec is None else RunSpec.from_toml(spec).to_dict()
        run = RunSpec.from_dict(
            values | {key: RunSpec.parsed(key, text) for key, text in key_values(set_ or [])}
        )
        folder = Store(store)
        checked_device(device, nn.Identity(), "float32")
        folder.prepare()
        try:
            made = make_run(run, folder, device=device, progress="bar")
        except Exception as error:
            if not (isinstance(error, OSError) and error.errno in DISK):
                record_failure(folder, run, error)
            raise
        for problem in made.repaired:
            typer.echo(f"made again: {problem}")
        typer.echo(f"{made.status}{', as it was in the store' if made.kept else ''}: {folder.path(run)}")
