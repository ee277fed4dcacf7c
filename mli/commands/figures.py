"""`mli figures`: the figures, their tables, and what the package ships."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mli.commands.messages import WENT_WRONG, expected_errors, input_errors, stop
from mli.commands.run_options import STORE

if TYPE_CHECKING:
    import xarray as xr

    from paper_figures.sources import NoDataError

__all__ = ["figures"]


def figures(
    names: Annotated[list[str] | None, typer.Argument(help="F1 to F24 and F13b; all by default.")] = None,
    formats: Annotated[str, typer.Option("--format", help="Of pdf, png, svg.")] = "pdf,png,svg",
    output: Annotated[Path, typer.Option(help="Folder for the figures and their captions.")] = Path(
        "results", "figures"
    ),
    width: Annotated[
        str, typer.Option(help="Of a page: single for one column, double for all of it.")
    ] = "double",
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder of runs; F7 and F10 read their files beside it. results/store by default, where "
            "there is one."
        ),
    ] = None,
    form: Annotated[str, typer.Option(help="Form of the experiments: quick or paper.")] = "quick",
    data: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Write this figure's numbers as CSV instead.")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Draw the data shipped with the package.")
    ] = False,
    collect: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Only write what the store has for each figure, as NetCDF."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Only write F14's map in words and tables, as regimes.md, and what came out of the "
            "experiments of the subject's papers, as literature.md.",
        ),
    ] = None,
) -> None:
    """Draw F1 to F24 and F13b, or write their numbers. Reads stored runs, else the package; writes files.

    For each figure it says where its numbers come from, as does the end of its caption. Nothing is trained.
    """
    from paper_figures.catalogue import figure_names
    from paper_figures.figure_files import figure_formats, make_figures
    from paper_figures.sources import NoDataError, collect_data

    missing = []
    with expected_errors(), input_errors():
        asked, kinds = figure_names(names or ()), figure_formats(formats)
        tables = figure_names(data) if data else ()
        if form not in ("quick", "paper"):
            raise ValueError(f"form must be one of quick, paper, got {form!r}")
        if store is not None and not store.is_dir():
            raise FileNotFoundError(
                f"there is no store at {store}: name a folder of runs, or leave --store out to draw what the "
                "package ships"
            )
        runs = store or STORE
        made: Iterable[object]
        if page is not None:
            made = _pages(page, runs, form, shipped)
        elif collect is not None:
            made = collect_data(collect, asked, runs, form).values()
        else:
            drawn = asked if names or not tables else ()
            made = make_figures(
                output, drawn, kinds, tables=tables, store=runs, form=form, shipped=shipped, width=width
            )
        for one in made:
            if isinstance(one, NoDataError):
                missing.append(str(one))
            else:
                typer.echo(one)
    if missing:
        stop(*missing, code=WENT_WRONG)


def _pages(folder: Path, store: Path, form: str, shipped: bool) -> list[Path | NoDataError]:
    """regimes.md and literature.md, each written or why it is not."""
    from paper_figures.literature_page import write_literature_page
    from paper_figures.sources import NoDataError, figure_data
    from simulations.runtime.atomic_files import writable_folder
    from validation.docs_pages.regimes_page import write_regimes_page

    def data(name: str) -> xr.Dataset:
        return figure_data(name, store, form, shipped=shipped)

    writable_folder(folder, ["regimes.md", "literature.md"])
    found: list[Path | NoDataError] = []
    try:
        found.append(write_regimes_page(folder, data("F14")))
    except NoDataError as why:
        found.append(why)
    try:
        found.append(write_literature_page(folder, data))
    except NoDataError as why:
        found.append(why)
    return found
