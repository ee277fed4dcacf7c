"""`mli certify-line`: which class leads at every real alpha of a network's line, proved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mli.commands.line_options import AllowPickle, Data, End, Model, Start, user_network
from mli.commands.messages import expected_errors, input_errors

__all__ = ["certificate_statements", "certificate_table", "certify_line", "in_words"]


def certify_line(
    model: Model,
    end: End,
    data: Data,
    start: Start = "init:0",
    path: Annotated[
        str, typer.Option(help="linear, weights, bias, last_bias or only:PATTERN: the straight ones.")
    ] = "linear",
    exact: Annotated[
        bool, typer.Option("--exact", help="Settle the undecided rest: every change of class, to 1e-15.")
    ] = False,
    loss: Annotated[
        bool,
        typer.Option("--loss", help="Bound the loss on 1,024 cells, and whether it rises above its start."),
    ] = False,
    buffers: Annotated[
        str, typer.Option(help="Running statistics that differ: refuse, or keep the end's on the whole line.")
    ] = "refuse",
    output: Annotated[
        Path,
        typer.Option(help="A .json file, written as it grows; the same command goes on from it."),
    ] = Path("results", "certificate.json"),
    figure: Annotated[
        Path | None, typer.Option(help="Folder for a figure: the proved band around the measured curve.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Width of alpha below which a cell stays undecided; coarser is faster.")
    ] = 2.0**-22,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove every cell again, by other arithmetic.")
    ] = False,
    allow_pickle: AllowPickle = False,
) -> None:
    """Which class leads at every alpha of my line, proved: reads network and data, writes a certificate."""
    with expected_errors(), input_errors():
        if output.suffix != ".json":
            raise ValueError(f"--output must end in .json, got {output}")
        if output.is_dir():
            raise ValueError(f"--output {output} is a folder: name a .json file")
        from simulations.certified_line.certify import certify_line as run
        from simulations.certified_line.certify import seconds_expected
        from simulations.runtime.atomic_files import writable_file, writable_folder
        from simulations.runtime.progress import progress_bar

        writable_file(output)
        if figure is not None:
            writable_folder(figure, ["certified_line.png", "certified_line.pdf"])
        network, first, last, samples, note = user_network(model, start, end, data, allow_pickle)
        network.eval()
        typer.echo(note)
        asked: dict[str, Any] = {
            "path": path,
            "buffers": buffers,
            "tolerance": tolerance,
            "exact": exact,
            "loss": loss,
        }
        seconds = seconds_expected(network, first, last, samples, **asked)
        typer.echo(f"All of it takes about {in_words(seconds)}; it can be interrupted and gone on with.")
        with progress_bar() as bar:
            task = bar.add_task("samples", total=None)
            found = run(
                network,
                first,
                last,
                samples,
                **asked,
                output=output,
                progress=lambda done, n: bar.update(task, completed=done, total=n),
            )
        from rich.console import Console

        Console().print(certificate_table(found))
        if figure is not None:
            from paper_figures.figures.certificate_figure import save_certificate_figure
            from simulations.curves import interpolation_curves

            curves = interpolation_curves(network, first, last, samples, path=path, buffers=buffers)
            save_certificate_figure(figure, found, curves)
            typer.echo(f"The figure: {figure / 'certified_line.png'}")
        if verify:
            again = found.verify(network, first, last, samples)
            if len(again.unproved):
                raise ValueError(f"{len(again.unproved)} of {again.cells} cells could not be proved again")
            typer.echo(f"All {again.cells} cells were proved again, by other arithmetic.")
            if exact:
                typer.echo(
                    "At both ends of every change's enclosure other arithmetic gives the classes it says."
                )
        typer.echo(f"The certificate: {output}")


def certificate_table(found: Any) -> Any:
    """What a `CertifiedLine` proves, as a table in words."""
    from rich.table import Table

    table = Table(title="The certified line", show_header=False)
    for name, words in certificate_statements(found):
        table.add_row(name, words)
    return table


def certificate_statements(found: Any) -> list[tuple[str, str]]:
    """What is proved, in words."""
    label, plateau = found.label, found.plateau
    digits = 9 if found.settled is None else 15
    if label is None:
        held = "the last layer has no bias that is largest at the end: there is no class to ask for"
    elif plateau is not None:
        held = (
            f"proved: every sample is predicted as class {label}, that of the largest bias, at every alpha "
            f"from {plateau.start:.{digits}g} to {plateau.end:.{digits}g}"
        )
    elif found.no_plateau:
        held = f"proved: at every alpha some sample is not on class {label}, that of the largest bias"
    else:
        longest = found.longest_possible_plateau
        held = f"open: none is proved for class {label}, and none is longer than {longest:.3g}"
    lower, upper = found.error_bounds([0.0, 0.25, 0.5, 0.75, 1.0])
    bounds = ", ".join(
        f"{low:.4f} to {high:.4f} at {alpha:g}"
        for low, high, alpha in zip(lower, upper, (0, 0.25, 0.5, 0.75, 1), strict=True)
    )
    monotone = {
        False: "proved: it rises somewhere",
        True: "proved: it never rises",
        None: "open: it is not proved to rise anywhere",
    }[found.error_monotone]
    changes = []
    if found.class_changes is not None:
        counts = found.class_changes
        told = (
            f"{counts.sum()} in all, {counts.min()} to {counts.max()} a sample, each enclosed to 1e-15: exact"
        )
        changes = [("class changes", told)]
    return [
        ("plateau", held),
        ("error", bounds),
        ("monotone error", monotone),
        *changes,
        *_loss_statement(found),
        (
            "undecided",
            f"{found.undecided.mean():.2g} of the line a sample, at most {found.undecided.max():.2g}",
        ),
        ("about", f"{found.n_samples} samples, {found.n_classes} classes, path {found.path}; the exact line"),
        ("", "between the weights as they are stored, not torch's rounding of it"),
    ]


def _loss_statement(found: Any) -> list[tuple[str, str]]:
    if found.loss is None:
        return []
    (low, high), (least, most) = found.loss.start, found.loss.largest_rise
    told = f"{low:.6f} to {high:.6f} at 0; "
    if found.loss.rises():
        told += f"proved: it rises above that, by {least:.4g} to {most:.4g} at most"
    else:
        told += f"it is not proved to rise above that; proved: nowhere by more than {most:.3g}"
    return [("loss", told)]


def in_words(seconds: float) -> str:
    """A time to wait, rounded."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
