"""One look for every figure, and files that are the same bytes each time.

Colours are Okabe and Ito's, told apart with every common colour vision; line styles and markers tell the same
apart in grey. Nothing here touches pyplot or matplotlib's global settings: figures are made and saved inside
`rc_context`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from paper_figures.drawing.panel_labels import drop_repeated_labels, letter_panels, wrap_labels
from simulations.runtime.atomic_files import atomic_path, writable_folder

__all__ = [
    "CLASS_COLOURS",
    "DOUBLE_COLUMN",
    "ENDPOINT_LAW",
    "ERROR_COLOUR",
    "FORMATS",
    "LOSS_COLOUR",
    "PREDICTION",
    "PROBE_LAW",
    "RC",
    "SINGLE_COLUMN",
    "STYLES",
    "WIDTHS",
    "ZERO_START_LAW",
    "AxesGrid",
    "Layout",
    "finished_figure",
    "save_figure",
]

AxesGrid = NDArray[Any]
"""Axes of a figure, (rows, columns)."""

# Inches. A column of a two-column page (IEEE 3.5, PNAS 3.42, ICML 3.25) and a text as wide as a page
# (ICML and PNAS 6.75 to 7, NeurIPS and ICLR 5.5: scaled down by a fifth, 8 points become 6.5).
SINGLE_COLUMN, DOUBLE_COLUMN = 3.25, 6.75
WIDTHS = {"single": SINGLE_COLUMN, "double": DOUBLE_COLUMN}
FORMATS = ("pdf", "png", "svg")

LOSS_COLOUR = "#0072B2"  # blue
ERROR_COLOUR = "#D55E00"  # vermilion
CLASS_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
PREDICTION: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.2}
# A law has one look in all figures: theory for zero initial weights, and the two laws of the signal's gain.
ZERO_START_LAW: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.1}
ENDPOINT_LAW: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.1}
PROBE_LAW: dict[str, Any] = {"color": "0.45", "linestyle": "-.", "linewidth": 1.1}
# The n-th kind of anything that several lines of one panel are told apart by.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": (0, (5, 1.5)), "marker": "s"},
    {"color": "#009E73", "linestyle": (0, (3, 1, 1, 1)), "marker": "^"},
    {"color": "#CC79A7", "linestyle": (0, (1, 1)), "marker": "D"},
    {"color": "#E69F00", "linestyle": (0, (7, 1.5, 1, 1.5, 1, 1.5)), "marker": "v"},
    {"color": "#56B4E9", "linestyle": (0, (2, 2)), "marker": "P"},
)

RC: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42,  # TrueType: text stays text, as journals ask
    "svg.fonttype": "path",  # glyphs go into the file: SVG has no fonts to embed that every reader knows
    "svg.hashsalt": "mli-plateau",  # ids of clip paths and markers: random without it
    "savefig.dpi": 200,
}

# What would differ between two runs: the date, and the software line of a PNG.
_METADATA: dict[str, Any] = {
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
    "svg": {"Date": None},
}


class Layout(NamedTuple):
    """The panels of a figure, its size in inches, and the legend of all panels that stands below them.

    Where it does, `draw` names its artists and leaves the legend to whoever owns the figure.
    """

    rows: int
    columns: int
    width: float
    height: float
    legend: int = 0
    """Its columns; 0 for none."""
    turned: bool = False
    """Whether the panels of a row lie one below the other on the page."""

    def at_width(self, width: str) -> Layout:
        """For one column of a page ("single") or its whole width ("double").

        In a single column a row of panels is turned into a column: `draw` has the same array of axes.
        """
        if width == "double" or self.width <= SINGLE_COLUMN:
            return self
        turned = self.columns > self.rows
        down = self.columns if turned else self.rows
        panel = min(_TALLEST, (self.height - _LEGEND) / self.rows)
        return self._replace(
            width=SINGLE_COLUMN,
            height=down * panel + 2 * _LEGEND,
            legend=min(self.legend, 2),
            turned=turned,
        )


_TALLEST, _LEGEND = 1.6, 0.5  # inches: a panel of a single column, a legend of three rows
_LEGEND_ROWS = 3
_A_LINE = 36  # characters: of a title across a single column, its letter and its axis' numbers left out


def save_figure(
    folder: Path | str,
    name: str,
    draw: Callable[[AxesGrid], None],
    layout: Layout,
    *,
    formats: tuple[str, ...] = ("png", "pdf"),
    note: str = "",
) -> list[Path]:
    """Draw the panels and write `folder/<name>.<format>`, each whole or not at all.

    Args:
        folder: made if need be.
        name: of the files, without a suffix.
        draw: is given the array of axes, (rows, columns) of the layout.
        layout: the panels, the figure's size, its legend.
        formats: of `FORMATS`.
        note: small text below the panels.

    Raises:
        ValueError: an unknown format.
    """
    unknown = [one for one in formats if one not in FORMATS]
    if unknown:
        raise ValueError(f"figures are written as {', '.join(FORMATS)}, not as {unknown[0]!r}")
    folder = writable_folder(folder)
    paths = []
    with rc_context(RC):
        figure = finished_figure(draw, layout, note)
        for suffix in formats:
            path = folder / f"{name}.{suffix}"
            with atomic_path(path) as temporary:
                figure.savefig(temporary, metadata=_METADATA[suffix])
            paths.append(path)
    return paths


def finished_figure(draw: Callable[[AxesGrid], None], layout: Layout, note: str = "") -> Figure:
    """The figure with everything in its place, as it is saved; to be called inside `rc_context(RC)`.

    Args:
        draw: as for `save_figure`.
        layout: likewise.
        note: likewise.
    """
    figure = Figure(figsize=(layout.width, layout.height), layout="constrained")
    FigureCanvasAgg(figure)
    across = (layout.columns, layout.rows) if layout.turned else (layout.rows, layout.columns)
    on_page: AxesGrid = figure.subplots(*across, squeeze=False)
    axes = on_page.T if layout.turned else on_page
    draw(axes)
    letter_panels(axes.ravel())
    drop_repeated_labels(on_page)
    narrow = layout.width <= SINGLE_COLUMN
    if narrow:
        wrap_labels(axes.ravel(), _A_LINE // across[1], 24)
    if layout.legend:
        named = {label: artist for ax in axes.ravel() for artist, label in zip(*_named(ax), strict=True)}
        small: dict[str, Any] = {"fontsize": 6, "columnspacing": 1.0} if narrow else {}
        more = -(-len(named) // layout.legend) - _LEGEND_ROWS if narrow else 0
        figure.set_size_inches(layout.width, layout.height + 0.14 * max(more, 0))
        # The note as the legend's title: two texts below the panels would lie on each other.
        figure.legend(
            named.values(),
            named.keys(),
            loc="outside lower center",
            ncols=layout.legend,
            title=note or None,
            title_fontproperties={"size": 5},
            **small,
        )
    elif note:
        figure.supxlabel(note, x=0.995, ha="right", fontsize=5, color="0.35")
    figure.draw_without_rendering()  # finds all places: once for all formats, as it takes most time
    figure.set_layout_engine("none")
    return figure


def _named(ax: Axes) -> tuple[list[Artist], list[str]]:
    artists, labels = ax.get_legend_handles_labels()
    return artists, labels
