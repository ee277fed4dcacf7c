"""F14: the map of regimes, depth against initial scale: both plateaus' ends and what a bias adds to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from paper_figures.drawing.run_curves import NothingToDrawError, reached
from paper_figures.drawing.style import DOUBLE_COLUMN, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from validation.job.recorded_tables import table_of
from validation.regimes import BORDER, LEAST_EFFECT, LONG, cell_means
from validation.regimes.borders import START_BEFORE

__all__ = ["EXPERIMENTS", "RECORDED", "TITLE", "caption", "collect", "draw", "layout"]

TITLE = "A map of regimes"
EXPERIMENTS = ("regime_map",)
RECORDED = "regime_map"  # the table that the package ships, which claim C14 is judged on
NAMES = {"sgd": "SGD with momentum", "adam": "Adam", "adamw": "AdamW"}
# The variable, the words above it, its colours and their ends, the level of its contours, and the laws' own.
COLUMNS: tuple[tuple[str, str, str, float, float, dict[str, str]], ...] = (
    (
        "loss_end",
        f"end of the loss's plateau ({ALPHA})",
        "Blues",
        0.6,
        LONG,
        {"M2": "m2_loss_end", "T13": "t13_loss_end"},
    ),
    (
        "error_end",
        f"end of the error's plateau ({ALPHA})",
        "Oranges",
        0.6,
        LONG,
        {"M2": "m2_error_end", "T13": "t13_error_end"},
    ),
    (
        "error_last_minus_none",
        f"error's end: bias less none ({ALPHA})",
        "PuOr_r",
        0.4,
        LEAST_EFFECT,
        {"M2": "m2_error_end", "T13": "t13_error_end", "T14": "t14_log10_start"},
    ),
)
MEASURED: dict[str, Any] = {"color": "black", "linewidth": 1.6, "linestyle": "-"}
LOOKS: dict[str, dict[str, Any]] = {
    "M2": {"color": "#009E73", "linewidth": 1.3, "linestyle": "--"},
    "T13": {"color": "#CC79A7", "linewidth": 1.3, "linestyle": ":"},
    "T14": {"color": "#0072B2", "linewidth": 1.1, "linestyle": (0, (4, 1, 1, 1))},
    "scale": {"color": "black", "linewidth": 1.1, "linestyle": "-."},
}
HATCHED: dict[str, Any] = {"hatch": "////", "facecolor": "0.95", "edgecolor": "0.55", "linewidth": 0}
CROSS: dict[str, Any] = {
    "marker": "x",
    "markersize": 3.5,
    "color": "0.15",
    "markeredgewidth": 0.9,
    "path_effects": [withStroke(linewidth=2, foreground="white")],
}
_MOST_NUMBERED = 40  # cells of a panel: more numbers could not be read

Floats = NDArray[np.float64]


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """`validation.job.recorded_tables.table_of` the runs, those that missed their target included.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with, or none without, a last-layer bias at its target.
    """
    modes = {str(run.attrs["bias_mode"]) for run in reached(runs)}
    if not {"last", "none"} <= modes:
        raise NothingToDrawError("there is no map to draw: it needs runs with and without a last-layer bias")
    return table_of(RECORDED, runs)


def layout(dataset: xr.Dataset) -> Layout:
    """A row an optimiser."""
    rows = dataset.sizes["optimizer"]
    return Layout(rows, len(COLUMNS), DOUBLE_COLUMN, 1.15 + 1.95 * rows, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Colours and numbers are means over seeds; hatched cells have no run at its target."""
    cells = cell_means(dataset)
    order = [name for name in NAMES if name in dataset["optimizer"].to_numpy().tolist()]
    for row, optimizer in enumerate(order):
        one = cells.sel(optimizer=optimizer)
        for ax, column in zip(axes[row], COLUMNS, strict=True):
            _panel(ax, one, column)
            ax.set_title(column[1], fontsize=7)
            ax.set(xlabel="initial scale", ylabel=f"{NAMES[optimizer]}\ndepth")
    _legend(axes[0, 0])


def _panel(ax: Axes, cells: xr.Dataset, column: tuple[str, str, str, float, float, dict[str, str]]) -> None:
    name, _, colours, most, level, laws = column
    values = _values(cells, name)
    least = -most if colours == "PuOr_r" else 0.0
    ax.grid(visible=False)
    ax.pcolormesh(
        np.ma.masked_invalid(values), cmap=colours, vmin=least, vmax=most, edgecolors="white", linewidth=0.3
    )
    _mark_missing(ax, cells, values)
    if values.size <= _MOST_NUMBERED:
        _write_numbers(ax, values, least, most)
    for law, of in laws.items():
        _contour(ax, _values(cells, of), np.log10(START_BEFORE) if law == "T14" else level, LOOKS[law])
    _edges(ax, values > level, np.isfinite(values))
    if name == "error_last_minus_none":
        _scale_border(ax, cells)
    _ticks(ax, cells)


def _values(cells: xr.Dataset, name: str) -> Floats:
    """(depth, init_scale), of the runs with a last-layer bias where there are two kinds."""
    found = cells[name].sel(bias="last") if "bias" in cells[name].dims else cells[name]
    return found.transpose("depth", "init_scale").to_numpy()


def _mark_missing(ax: Axes, cells: xr.Dataset, values: Floats) -> None:
    """Hatch cells without a number whose runs missed the target; a corner where only some of them did."""
    missed, runs = (cells[key].transpose("depth", "init_scale").to_numpy() for key in ("missed", "runs"))
    for row, column in np.argwhere(missed > 0):
        if np.isnan(values[row, column]) and runs[row, column] > 0:
            ax.add_patch(Rectangle((column, row), 1, 1, **HATCHED))
        else:
            ax.plot(column + 0.88, row + 0.85, **CROSS)


def _write_numbers(ax: Axes, values: Floats, least: float, most: float) -> None:
    for row, column in np.argwhere(np.isfinite(values)):
        value = round(values[row, column], 2) + 0.0  # no "-.00"
        dark = abs(value) > 0.62 * most
        text = f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
        ax.text(
            column + 0.5,
            row + 0.5,
            text,
            ha="center",
            va="center",
            fontsize=5.5,
            color="white" if dark and least <= value else "black",
            zorder=5,
            path_effects=[withStroke(linewidth=1.4, foreground="0.25" if dark else "white", alpha=0.75)],
        )


def _contour(ax: Axes, values: Floats, level: float, look: dict[str, Any]) -> None:
    """The level between the centres of cells, where some are above it and some below."""
    known = np.ma.masked_invalid(values)
    if min(values.shape) < 2 or not known.count() or not known.min() < level < known.max():
        return
    x, y = (np.arange(size) + 0.5 for size in values.shape[::-1])
    line: dict[str, Any] = {f"{key}s": [look[key]] for key in ("color", "linewidth", "linestyle")}
    ax.contour(x, y, known, levels=[level], **line)


def _edges(ax: Axes, above: NDArray[np.bool_], known: NDArray[np.bool_]) -> None:
    """The edges between cells that are above the level and those that are not, where both are known."""
    for row, column in np.argwhere((above[:, 1:] != above[:, :-1]) & known[:, 1:] & known[:, :-1]):
        ax.plot([column + 1, column + 1], [row, row + 1], **MEASURED)
    for row, column in np.argwhere((above[1:] != above[:-1]) & known[1:] & known[:-1]):
        ax.plot([column, column + 1], [row + 1, row + 1], **MEASURED)


def _scale_border(ax: Axes, cells: xr.Dataset) -> None:
    """scale^depth = BORDER, straight between the centres of cells as the axes are."""
    depths, scales = (cells[name].to_numpy().astype(float) for name in ("depth", "init_scale"))
    fine = np.linspace(depths[0], depths[-1], 200)
    border = BORDER ** (1 / fine)
    inside = (border >= scales[0]) & (border <= scales[-1])
    x = np.interp(border[inside], scales, np.arange(scales.size) + 0.5)
    ax.plot(x, np.interp(fine[inside], depths, np.arange(depths.size) + 0.5), **LOOKS["scale"])


def _ticks(ax: Axes, cells: xr.Dataset) -> None:
    for axis, name in ((ax.xaxis, "init_scale"), (ax.yaxis, "depth")):
        labels = cells[name].to_numpy()
        axis.set_ticks(np.arange(labels.size) + 0.5, [f"{label:g}" for label in labels])
    ax.tick_params(length=0, labelsize=6)


def _legend(ax: Axes) -> None:
    for label, look in (
        ("measured", MEASURED),
        ("by M2", LOOKS["M2"]),
        ("by T13", LOOKS["T13"]),
        (f"T14 starts by {START_BEFORE:g}", LOOKS["T14"]),
        (f"scale$^\\mathrm{{depth}}$ = {BORDER:g}", LOOKS["scale"]),
    ):
        ax.add_line(Line2D([], [], label=label, **look))
    ax.add_patch(Rectangle((0, 0), 0, 0, label="no run at its target", **HATCHED))
    ax.plot([], [], linestyle="", label="some runs missed it", **CROSS)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and how many cells have a plateau that the bias makes."""
    cells = cell_means(dataset)
    plateau = cells["bias_makes_error_plateau"]
    runs, missed = int(cells["runs"].sum()), int(cells["missed"].sum())
    lacking = int(dataset.attrs["planned_runs"]) - runs
    return (
        f"F14. {TITLE}. Fully connected networks, {dataset.attrs['data']}; means over seeds "
        f"{dataset.attrs['seeds'].replace(' ', ', ')}. Blue and orange: ends of the plateaus with a "
        f"last-layer bias, in α, lines at {LONG:g}. Brown: how much later the error's ends than without "
        f"any bias, lines at {LEAST_EFFECT:g}: exceeded in {int(plateau.sum())} of "
        f"{int(plateau.notnull().sum())} cells. "
        "Solid: as measured; M2, T13, T14 know the trained network, scale^depth only the start. "
        f"Hatched or crossed: runs not at their target after {dataset.attrs['max_epochs']} epochs "
        f"({missed} of {runs}). White: no run."
        + (f" A part of the map: {lacking} runs are not there yet." if lacking > 0 else "")
    )
