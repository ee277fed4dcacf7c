"""`mli train`: one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mli.commands.messages import expected_errors, input_errors
from mli.commands.run_options import STORE, Device, StoreFolder, key_values

if TYPE_CHECKING:
    from simulations.specs.run_spec import RunSpec

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
    """Make one run here: train, walk its lines. Reads a TOML file or --set, writes into the store."""
    with expected_errors(goes_on=True), input_errors():
        from torch import nn

        from simulations.models.devices import checked_device
        from simulations.runs.one_run import RunSpec, Store, make_run
        from simulations.runtime.atomic_files import DISK_IS_FULL
        from simulations.sweeps.runner import record_failure
        from simulations.training.progress_report import training_bar

        values = {} if spec is None else RunSpec.from_toml(spec).to_dict()
        run = RunSpec.from_dict(
            values | {key: RunSpec.parsed(key, text) for key, text in key_values(set_ or [])}
        )
        folder = Store(store)
        checked_device(device, nn.Identity(), "float32")
        folder.prepare()
        try:
            with training_bar(run.max_epochs, _arm(run)) as draw:
                made = make_run(run, folder, device=device, progress=draw)
        except Exception as error:
            if not (isinstance(error, OSError) and error.errno in DISK_IS_FULL):
                record_failure(folder, run, error)
            raise
        for problem in made.repaired:
            typer.echo(f"made again: {problem}")
        typer.echo(f"{made.status}{', as it was in the store' if made.kept else ''}: {folder.path(run)}")


def _arm(run: RunSpec) -> str:
    size = "" if run.depth is None else f" of depth {run.depth}"
    return f"{run.network}{size}, bias {run.bias}, seed {run.seed}"
