"""Figures as files: F1.pdf, F1.png, F1.svg; the caption F1.txt, the page F1.md, the numbers F1.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from paper_figures.catalogue import FIGURES
from paper_figures.drawing.captions import caption_text, figure_page, shipped_note
from paper_figures.drawing.style import FORMATS, WIDTHS, AxesGrid, save_figure
from paper_figures.sources import NoDataError, figure_data, figure_module, load_experiments
from simulations.runtime.atomic_files import atomic_path, writable_folder
from simulations.runtime.spreadsheet_text import spreadsheet_text

__all__ = [
    "FigureSource",
    "figure_formats",
    "figure_texts",
    "long_table",
    "make_figures",
    "write_data",
    "write_figure",
]


@dataclass(frozen=True)
class FigureSource:
    """Where the numbers of a figure come from, in words."""

    name: str
    source: str

    def __str__(self) -> str:
        return f"{self.name}: {self.source}"


def figure_formats(text: str) -> tuple[str, ...]:
    """The formats of a list with commas, each once.

    Raises:
        ValueError: an unknown or no format.
    """
    wanted = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [one for one in wanted if one not in FORMATS]
    if unknown or not wanted:
        raise ValueError(f"formats are {', '.join(FORMATS)}, separated by commas, got {text!r}")
    return wanted


def make_figures(
    folder: Path | str,
    names: Sequence[str],
    formats: Sequence[str] = FORMATS,
    *,
    tables: Sequence[str] = (),
    store: Path | str,
    form: str = "quick",
    shipped: bool = False,
    width: str = "double",
) -> Iterator[FigureSource | Path | NoDataError]:
    """Draw figures into a folder and write tables of figures there: each file as it is done, or why not.

    Before the files of a figure comes where its numbers come from.

    Args:
        folder: made if need be.
        names: in `paper_figures.catalogue.FIGURES`, drawn.
        formats: of `FORMATS`.
        tables: names likewise, written as CSV.
        store: a folder of runs; it need not exist.
        form: of the experiments, "quick" or "paper".
        shipped: take what the package ships even where the store has its own.
        width: of `WIDTHS`: "single" for one column of a page, "double" for its whole width.

    Raises:
        ValueError: another width.
        OSError: the folder cannot be written.
    """
    if width not in WIDTHS:
        raise ValueError(f"width must be one of {', '.join(WIDTHS)}, got {width!r}")
    wanted = [name for name in FIGURES if name in names or name in tables]
    files = [f"{name}.{suffix}" for name in names for suffix in (*formats, "txt", "md")]
    writable_folder(folder, [*files, *(f"{name}.csv" for name in tables)])  # found out before the reading
    loaded = {} if shipped else load_experiments(wanted, store, form)
    for name in wanted:
        try:
            dataset = figure_data(name, store, form, shipped=shipped, loaded=loaded)
        except NoDataError as why:
            yield why
            continue
        yield FigureSource(name, str(dataset.attrs["source"]))
        if name in names:
            yield from write_figure(folder, name, dataset, formats, width)
        if name in tables:
            yield write_data(folder, name, dataset)


def write_figure(
    folder: Path | str,
    name: str,
    dataset: xr.Dataset,
    formats: Sequence[str] = FORMATS,
    width: str = "double",
) -> list[Path]:
    """Draw one figure into `folder/<name>.<format>`; its caption, `<name>.txt`, and page, `<name>.md`.

    Each file is written whole or not at all, and with the same bytes whenever the dataset is the same.

    Args:
        folder: made if need be.
        name: in `paper_figures.catalogue.FIGURES`.
        dataset: as the figure's `collect` gives it.
        formats: of `FORMATS`.
        width: "single" for one column of a page, "double" for its whole width.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = writable_folder(folder)
    module = figure_module(name)

    def draw(axes: AxesGrid) -> None:
        module.draw(axes, dataset)

    layout = module.layout(dataset).at_width(width)
    paths = save_figure(folder, name, draw, layout, formats=tuple(formats), note=shipped_note(dataset))
    shown = [f"{name}.{suffix}" for suffix in ("png", "svg") if suffix in formats]
    caption, page = figure_texts(name, dataset, *shown[:1])
    for suffix, text in (("txt", caption), ("md", page)):
        path = folder / f"{name}.{suffix}"
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def figure_texts(name: str, dataset: xr.Dataset, picture: str = "") -> tuple[str, str]:
    """A figure's caption, and its page: picture, caption, and the numbers that the caption has no room for.

    Args:
        name: in `paper_figures.catalogue.FIGURES`.
        dataset: as the figure's `collect` gives it.
        picture: file beside the page, "" for none.
    """
    module = figure_module(name)
    caption = caption_text(module.caption(dataset), dataset)
    numbers = module.details(dataset) if hasattr(module, "details") else []
    return f"{caption}\n", figure_page(f"{name}: {module.TITLE}", picture, caption, numbers)


def write_data(folder: Path | str, name: str, dataset: xr.Dataset) -> Path:
    """Write `folder/<name>.csv`: `long_table`, after the attributes as lines that begin with "#".

    Raises:
        OSError: the folder cannot be written.
    """
    path = writable_folder(folder) / f"{name}.csv"
    lines = [f"# {key}: {' '.join(str(value).split())}" for key, value in dataset.attrs.items()]
    table = "\n".join([*lines, *(",".join(row) for row in long_table(dataset))])
    with atomic_path(path) as temporary:
        temporary.write_text(table + "\n", encoding="utf-8")
    return path


def long_table(dataset: xr.Dataset) -> list[list[str]]:
    """One row a number: what it is, where (a column for each dimension, empty where it has none), the number.

    The first row is the header. A dimension is given by its labels, or by position where it has none.
    Quantities that label a dimension without being its index are rows of their own. A nan is left out: it
    means that there is no number.
    """
    dims = [str(dim) for dim in dataset.dims]
    labels = {
        dim: [_text(label) for label in dataset[dim].to_numpy()]
        if dim in dataset.coords
        else [str(i) for i in range(dataset.sizes[dim])]
        for dim in dims
    }
    rows = [["quantity", *dims, "value"]]
    others = [name for name in dataset.coords if name not in dataset.dims]
    for name in [*others, *dataset.data_vars]:
        values = dataset[name].to_numpy()
        for place in np.ndindex(values.shape):
            if values.dtype.kind == "f" and np.isnan(values[place]):
                continue
            at = dict(zip(dataset[name].dims, place, strict=True))
            where = [labels[dim][at[dim]] if dim in at else "" for dim in dims]
            rows.append([_text(name), *where, _text(values[place])])
    return rows


def _text(value: object) -> str:
    """A number's shortest text that reads back as the same, or words, quoted where CSV needs it."""
    if isinstance(value, np.floating):
        return str(value)
    text = spreadsheet_text(str(value))
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text
