"""`mli report`: one page of what was computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mli.commands.messages import expected_errors, input_errors
from mli.commands.run_options import STORE

__all__ = ["report"]


def report(
    input: Annotated[  # noqa: A002 - the option's name
        Path, typer.Option(help="Folder that `mli validate` wrote: report.json and figures.")
    ] = Path("results", "validate"),
    store: Annotated[
        Path | None,
        typer.Option(help="Folder of its runs, for their lines; a store in --input, or else results/store."),
    ] = None,
    figures: Annotated[
        Path, typer.Option(help="Folder that `mli figures` wrote; left out where it is not there.")
    ] = Path("results", "figures"),
    output: Annotated[
        Path, typer.Option(help="Folder for report.html, report.md, report.json and tables.")
    ] = Path("results", "report"),
    links: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where a copy of the repository is, https://... or a folder: the page links docs, code and "
            "tests that it names to it. Without it they stand as paths.",
        ),
    ] = "",
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Only keep the verdicts in this folder (docs): its pages and the README's table are remade.",
        ),
    ] = None,
) -> None:
    """Show what was computed. Reads what validate and figures wrote; writes one HTML page and CSV tables.

    Computes nothing.
    """
    with expected_errors(), input_errors():
        if record is not None:
            from validation.docs_pages.verdict_record import record_of
            from validation.docs_pages.write_pages import write_verdicts
            from validation.html_report.source import read_report, told_as_misshapen

            data = read_report(input)
            with told_as_misshapen(input):
                verdicts = record_of(data)
            for path in write_verdicts(record, verdicts):
                typer.echo(path)
            return
        from validation.html_report.write import write_report_page

        if store is not None and not store.is_dir():
            raise FileNotFoundError(
                f"there is no store at {store}: leave --store out to draw no lines of runs that are not there"
            )
        runs = store or (input / "store" if (input / "store").is_dir() else STORE)
        typer.echo(f"The page: {write_report_page(input, runs, figures, output, links)}")
