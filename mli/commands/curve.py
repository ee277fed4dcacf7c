"""`mli curve`: loss and error on the line, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mli.commands.line_options import (
    AllowPickle,
    Alphas,
    BatchNorm,
    Bias,
    Buffers,
    Data,
    DryRunFlag,
    End,
    Last,
    Logits,
    Model,
    Start,
    file_to_write,
    how_to_read,
    say_dry_run,
    user_network,
)
from mli.commands.messages import expected_errors, input_errors
from mli.commands.objective_options import (
    Calibrated,
    ClassWeights,
    Ignored,
    ObjectiveOption,
    Smoothing,
    Target,
    what_to_measure,
)

__all__ = ["curve"]


def curve(
    model: Model,
    end: End,
    data: Data,
    output: Annotated[Path, typer.Option(help="A .nc (NetCDF) or .csv file.")],
    start: Start = "init:0",
    buffers: Buffers = "refuse",
    path: Annotated[
        str, typer.Option(help="linear, homogeneous, weights, bias, last_bias or only:PATTERN.")
    ] = "linear",
    alphas: Alphas = 101,
    bias: Bias = None,
    last_layer: Last = None,
    logits: Logits = None,
    allow_pickle: AllowPickle = False,
    dry_run: DryRunFlag = False,
    batch_norm: BatchNorm = None,
    objective: ObjectiveOption = "cross_entropy",
    class_weights: ClassWeights = None,
    label_smoothing: Smoothing = 0.0,
    ignore_index: Ignored = None,
    target: Target = "labels",
    calibrated: Calibrated = False,
) -> None:
    """Loss and error on the line of your own network. Reads its checkpoints and data, writes one file."""
    with expected_errors(), input_errors():
        from simulations.runtime.atomic_files import writable_file

        read = how_to_read(buffers, batch_norm, bias, last_layer, logits)
        read |= what_to_measure(objective, class_weights, label_smoothing, ignore_index, target, calibrated)
        if dry_run:
            from mli.dry_run import DryRun, read_files, tell_curve

            told = DryRun()
            with told.trying():
                file_to_write(output)
            files = read_files(told, model, start, end, data, allow_pickle=allow_pickle)
            tell_curve(told, files, alphas, path=path, **read)
            say_dry_run(told)
        file_to_write(output)
        writable_file(output)
        network, first, last, samples, note = user_network(model, start, end, data, allow_pickle)
        typer.echo(note)
        from simulations.curves.files import save_curve
        from simulations.curves.one_path import interpolation_curves

        found = interpolation_curves(network, first, last, samples, alphas=alphas, path=path, **read)
        save_curve(output, found.assign_attrs(start=note))
        typer.echo(f"The curves: {output}")
