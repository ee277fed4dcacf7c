"""F15: what is proved of two trained networks' lines at every real alpha, around what was measured."""

from __future__ import annotations

import numpy as np
import xarray as xr

from paper_figures.drawing.certified_bands import draw_error_band, draw_loss_band, zoom
from paper_figures.drawing.style import DOUBLE_COLUMN, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA

__all__ = ["FILE", "MADE_BY", "START", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "The certified line: error and loss at every real α"
MADE_BY = "python -m benchmarks.certified_line_figure"
FILE = "certified-line.nc"  # beside the store
START = 0.0625
"""Up to this alpha the lower rows show the line."""
_BANDS = {"error": draw_error_band, "loss": draw_loss_band}
_WANTED = ("error_lower", "error_upper", "loss_lower", "loss_upper", "error", "loss", "plateau")


def collect(measured: xr.Dataset) -> xr.Dataset:
    """The bands that benchmarks/certified_line_figure.py writes, as they are.

    Args:
        measured: `drawing.certified_bands.certified_bands` of each network, with losses, along `network`.

    Raises:
        ValueError: a dataset without them.
    """
    missing = [name for name in _WANTED if name not in measured]
    if missing:
        raise ValueError(f"F15 needs {', '.join(_WANTED)}, and {missing[0]} is missing: {MADE_BY} makes them")
    return measured.assign_attrs(source="benchmarks/certified_line_figure.py", **measured.attrs)


def layout(dataset: xr.Dataset) -> Layout:
    """Error and loss on the whole line, then near its start; a column for each network."""
    return Layout(4, dataset.sizes["network"], DOUBLE_COLUMN, 6.6, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Bands are proved, dots are measured, the grey interval is the proved plateau."""
    for column, name in enumerate(dataset["network"].to_numpy()):
        one = dataset.isel(network=column)
        for row, (quantity, band) in enumerate(_BANDS.items()):
            band(axes[row, column], one)
            band(axes[row + 2, column], one)
            bounds = (one[f"{quantity}_{side}"].to_numpy() for side in ("lower", "upper"))
            zoom(axes[row + 2, column], START, *bounds)
        axes[0, column].set_title(str(name))
        axes[3, column].set_xlabel(ALPHA)
    for ax, label in zip(axes[:, 0], ("error", "loss (nats)", "error, start", "loss, start"), strict=True):
        ax.set_ylabel(label)


def caption(dataset: xr.Dataset) -> str:
    """What is proved, of what, and what was measured."""
    return (
        f"F15. {TITLE}. Each band holds at every real α of its cell (1,024 equal cells), for the exact line "
        "between the stored weights (T15): no grid and no rounding come between. Dots: measured in float32 "
        f"at {dataset.sizes['alpha']} α, {dataset.attrs['data']}. Grey: every sample is proved to be "
        f"predicted as the class of the largest bias. Below: α up to {START:g}."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """What is proved of each network, and how wide the bands are."""
    return [_proved(dataset.isel(network=n)) for n in range(dataset.sizes["network"])]


def _proved(one: xr.Dataset) -> str:
    start, end = one["plateau"].to_numpy().tolist()
    if np.isfinite(start):
        held = f"plateau proved on [{start:.4g}, {end:.4g}]"
    elif int(one["no_plateau"]):
        held = "proved that at every alpha some sample is not on that class"
    else:
        held = "no plateau proved"
    widths = [float((one[f"{q}_upper"] - one[f"{q}_lower"]).mean()) for q in ("error", "loss")]
    return (
        f"{one['network'].item()}: {held}; the bands are {widths[0]:.2g} (error) and {widths[1]:.2g} nats "
        "(loss) wide on average."
    )
