"""`mli diagnose`: why a network's line looks like this."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mli.commands.certify_line import certificate_statements, certificate_table, in_words
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
from mli.commands.objective_options import ObjectiveOption

__all__ = ["diagnose"]

CERTIFIED_TO = 2.0**-12


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
    certify: Annotated[
        bool, typer.Option("--certify", help="Prove the line too: `mli certify-line`, to 2^-12 of alpha.")
    ] = False,
    allow_pickle: AllowPickle = False,
    dry_run: DryRunFlag = False,
    batch_norm: BatchNorm = None,
    objective: ObjectiveOption = "cross_entropy",
) -> None:
    """Why your own network's line looks as it does. Reads checkpoints and data, writes a report.

    It tells what bias, depth and initialisation account for.
    """
    with expected_errors(), input_errors():
        from simulations.runtime.atomic_files import writable_folder

        if objective != "cross_entropy":
            raise ValueError(
                "a diagnosis accounts for the classes of a softmax (--objective cross_entropy), got "
                f"{objective!r}: its line is drawn by mli curve --objective"
            )
        read = how_to_read(buffers, batch_norm, bias, last_layer, logits)
        if dry_run:
            from mli.dry_run import DryRun, read_files, tell_certificate, tell_diagnosis

            told = DryRun()
            with told.trying():
                folder_to_write(output)
            files = read_files(told, model, start, end, data, allow_pickle=allow_pickle)
            tell_diagnosis(told, files, alphas, **read)
            if certify:
                tell_certificate(told, files, buffers=read["buffers"], tolerance=CERTIFIED_TO)
            say_dry_run(told)
        folder_to_write(output)
        from validation.diagnosis.report import DIAGNOSIS_FILES
        from validation.html_report.diagnosis_page import DIAGNOSIS_PAGE, write_diagnosis_page

        names = ("diagnosis", *(["certified_line"] if certify else []))
        pictures = [f"{name}.{suffix}" for name in names for suffix in ("png", "pdf")]
        writable_folder(writable_folder(output, [*DIAGNOSIS_FILES, DIAGNOSIS_PAGE]) / "figures", pictures)
        network, first, last, samples, note = user_network(model, start, end, data, allow_pickle)
        from rich.console import Console

        if certify:
            _refuse_what_cannot_be_certified(network, first, last, samples, read)
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
        proved = None
        if certify:
            proved = _certified(network, first, last, samples, read, output)
            console.print(certificate_table(proved))
        page = write_diagnosis_page(
            output, found, certificate=certificate_statements(proved) if proved is not None else ()
        )
        typer.echo(f"The report: {output / 'report.md'}")
        typer.echo(f"As one page, to look at or to mail: {page}")


def _refuse_what_cannot_be_certified(
    network: Any, first: Any, last: Any, samples: Any, read: dict[str, Any]
) -> None:
    """Before the diagnosis, and how long the certificate will take."""
    from simulations.certified_line.certify import seconds_expected

    network.eval()
    seconds = seconds_expected(network, first, last, samples, buffers=read["buffers"], tolerance=CERTIFIED_TO)
    typer.echo(f"The certificate takes about {in_words(seconds)}.")


def _certified(network: Any, first: Any, last: Any, samples: Any, read: dict[str, Any], output: Path) -> Any:
    """Write certificate and figure beside the report, and give what is proved."""
    from paper_figures.figures.certificate_figure import save_certificate_figure
    from simulations.certified_line import certify_line
    from simulations.curves import interpolation_curves

    kept = output / "certificate.json"
    kept.unlink(missing_ok=True)  # an older diagnosis's
    found = certify_line(
        network, first, last, samples, buffers=read["buffers"], tolerance=CERTIFIED_TO, output=kept
    )
    curves = interpolation_curves(network, first, last, samples, buffers=read["buffers"])
    save_certificate_figure(output / "figures", found, curves)
    return found
