"""`mli diagnose`: why a network's line looks like this."""

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
    folder_to_write,
    how_to_read,
    say_dry_run,
    user_network,
)
from mli.commands.messages import expected_errors, input_errors

__all__ = ["diagnose"]


def diagnose(
    model: Model,
    end: End,
    data: Data,
    start: Start = "init:0",
    buffers: Buffers = "refuse",
    output: Annotated[Path, typer.Option(help="Folder for report, curves and figure.")] = Path(
        "results", "diagnosis"
    ),
    alphas: Alphas = 101,
    bias: Bias = None,
    last_layer: Last = None,
    logits: Logits = None,
    allow_pickle: AllowPickle = False,
    dry_run: DryRunFlag = False,
    batch_norm: BatchNorm = None,
) -> None:
    """Why your own network's line looks as it does. Reads checkpoints and data, writes a report.

    It tells what bias, depth and initialisation account for.
    """
    with expected_errors(), input_errors():
        from simulations.runtime.atomic_files import writable_folder

        read = how_to_read(buffers, batch_norm, bias, last_layer, logits)
        if dry_run:
            from mli.dry_run import DryRun, read_files, tell_diagnosis

            told = DryRun()
            with told.trying():
                folder_to_write(output)
            files = read_files(told, model, start, end, data, allow_pickle=allow_pickle)
            tell_diagnosis(told, files, alphas, **read)
            say_dry_run(told)
        folder_to_write(output)
        from validation.diagnosis.report import DIAGNOSIS_FILES

        writable_folder(writable_folder(output, DIAGNOSIS_FILES) / "figures")
        network, first, last, samples, note = user_network(model, start, end, data, allow_pickle)
        from rich.console import Console

        from paper_figures.figures.diagnosis_figure import save_diagnosis_figure
        from validation.diagnosis.accounts import diagnose as run
        from validation.diagnosis.report import account_table, write_diagnosis

        found = run(network, first, last, samples, alphas=alphas, notes=(note,), **read)
        save_diagnosis_figure(output / "figures", found)
        report = write_diagnosis(output, found)
        console = Console()
        for note in report["notes"]:
            console.print(note, markup=False)
        console.print(f"Found: {report['roles']['in_words']}.", markup=False)
        for sentence in report["verdict"]:
            console.print(sentence.replace("**", ""), markup=False)
        console.print(account_table(report))
        typer.echo(f"The report: {output / 'report.md'}")
