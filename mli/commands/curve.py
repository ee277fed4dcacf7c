"""`mli curve`: loss and error on the line, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mli.commands.line_options import (
    AllowPickle,
    Alphas,
    BatchNorm,
    Data,
    DryRunFlag,
    End,
    Model,
    Start,
    file_to_write,
    say_dry_run,
    user_network,
)
from mli.commands.messages import expected_errors, input_errors

__all__ = ["curve"]


def curve(
    model: Model,
    end: End,
    data: Data,
    output: Annotated[Path, typer.Option(help="A .nc (NetCDF) or .csv file.")],
    start: Start = "init:0",
    batch_norm: BatchNorm = None,
    path: Annotated[
        str, typer.Option(help="linear, homogeneous, weights, bias, last_bias or only:PATTERN.")
    ] = "linear",
    alphas: Alphas = 101,
    allow_pickle: AllowPickle = False,
    dry_run: DryRunFlag = False,
) -> None:
    """Loss and error of a network on the line, as a file."""
    with expected_errors(), input_errors():
        from simulations.runtime.atomic_files import writable_folder

        if dry_run:
            from mli.dry_run import DryRun, read_files, tell_curve

            told = DryRun()
            with told.trying():
                file_to_write(output)
            files = read_files(told, model, start, end, data, allow_pickle=allow_pickle)
            tell_curve(told, files, alphas, path=path, batch_norm=batch_norm)
            say_dry_run(told)
        file_to_write(output)
        writable_folder(output.parent)
        network, first, last, samples, note = user_network(model, start, end, data, allow_pickle)
        typer.echo(note)
        from simulations.curves.files import save_curve
        from simulations.curves.one_path import interpolation_curves

        found = interpolation_curves(
            network, first, last, samples, alphas=alphas, path=path, batch_norm=batch_norm
        )
        save_curve(output, found.assign_attrs(start=note))
        typer.echo(f"The curves: {output}")
