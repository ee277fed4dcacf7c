"""Loss and error on the line, a column for each panel: what F1, F5 and F12 share.

Lines of a panel are told apart by `LineStyle`s; predictions are drawn without a band. Numbers are kept as
float32: seven digits, half the kilobytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from paper_figures.drawing.arm_words import in_words
from paper_figures.drawing.panel_labels import share_limits
from paper_figures.drawing.run_curves import Curves, NothingToDrawError
from paper_figures.drawing.seed_statistics import draw_band, mean_low_high, range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA, typeset
from validation.metrics.curve_shape import plateau_end

__all__ = [
    "QUANTITIES",
    "LineStyle",
    "Panel",
    "broken",
    "collect_lines",
    "draw_lines",
    "line_sentences",
    "lines_layout",
]

QUANTITIES = {"loss": "loss (nats)", "error": "error (share of samples)"}


class LineStyle(NamedTuple):
    """How a line is drawn; for a prediction, which line of its panel it predicts (`of`): it has no band.

    `beside` names a line that a measured one is compared with in the caption.
    """

    style: Mapping[str, Any]
    of: str = ""
    beside: str = ""


class Panel(NamedTuple):
    """A title, the alphas (m,) of its curves, and curves by the label of their line."""

    title: str
    alphas: NDArray[np.float64]
    lines: Mapping[str, Curves]


def collect_lines(
    panels: Sequence[Panel], styles: Mapping[str, LineStyle], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """Means and ranges over seeds of every line of every panel.

    Returns:
        For loss and error: `<q>_mean`, `<q>_low`, `<q>_high` (panel, line, alpha), nan where a panel has no
        such line; `<q>_plateau_end(panel, line, seed)`, of each seed's own curve; `<q>_off(panel, line,
        seed)`, the worst distance of one seed's curve from its curve of the line `of` or `beside`;
        `n_seeds(panel, line)`.

    Raises:
        NothingToDrawError: no panel with a line.
    """
    kept = [panel for panel in panels if any(panel.lines.get(name) for name in styles)]
    if not kept:
        raise NothingToDrawError(
            "there is no curve to draw: no run of the experiments reached its target loss"
        )
    alphas = np.unique(np.concatenate([panel.alphas for panel in kept]))
    seeds = sorted({seed for panel in kept for curves in panel.lines.values() for seed in curves})
    names = [name for name in styles if any(panel.lines.get(name) for panel in kept)]
    shape = (len(kept), len(names))
    found: dict[str, NDArray[Any]] = {"n_seeds": np.zeros(shape, dtype=np.int16)}
    for q in QUANTITIES:
        for part in ("mean", "low", "high"):
            found[f"{q}_{part}"] = np.full((*shape, len(alphas)), np.nan, dtype=np.float32)
        for part in ("plateau_end", "off"):
            found[f"{q}_{part}"] = np.full((*shape, len(seeds)), np.nan, dtype=np.float32)
    for p, panel in enumerate(kept):
        at = np.searchsorted(alphas, panel.alphas)
        for n, name in enumerate(names):
            curves = panel.lines.get(name) or {}
            found["n_seeds"][p, n] = len(curves)
            target = panel.lines.get(styles[name].of or styles[name].beside) or {}
            for which, q in enumerate(QUANTITIES if curves else ()):
                of_all = mean_low_high([curve[which] for curve in curves.values()])
                for part, values in zip(("mean", "low", "high"), of_all, strict=True):
                    found[f"{q}_{part}"][p, n, at] = values
                for seed, curve in curves.items():
                    s = seeds.index(seed)
                    found[f"{q}_plateau_end"][p, n, s] = end_of_plateau(panel.alphas, curve[which])
                    if seed in target:
                        distance = np.abs(curve[which] - target[seed][which])
                        found[f"{q}_off"][p, n, s] = np.nanmax(distance)
    dims = {"mean": "alpha", "low": "alpha", "high": "alpha", "end": "seed", "off": "seed"}
    return xr.Dataset(
        {
            name: (("panel", "line", dims[name.rpartition("_")[2]])[: values.ndim], values)
            if values.ndim == 3
            else (("panel", "line"), values)
            for name, values in found.items()
        },
        coords={"panel": [panel.title for panel in kept], "line": names, "alpha": alphas, "seed": seeds},
        attrs=dict(attrs),
    )


def end_of_plateau(alphas: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """`validation.metrics.plateau_end` of a curve that may start with nan (a prediction starts at 0+)."""
    there = np.isfinite(values)
    return plateau_end(alphas[there], values[there]) if there.any() else float("nan")


def lines_layout(dataset: xr.Dataset) -> Layout:
    """Loss above error, a column for each panel; one panel's two side by side."""
    columns = dataset.sizes["panel"]
    rows, across, height = (1, 2, 2.7) if columns == 1 else (2, columns, 3.9)
    return Layout(rows, across, DOUBLE_COLUMN, height, legend=3)


def draw_lines(axes: AxesGrid, dataset: xr.Dataset, styles: Mapping[str, LineStyle]) -> None:
    """Every panel's loss and error onto the axes of `lines_layout`."""
    titles = [str(title) for title in dataset["panel"].to_numpy()]
    rows = axes.reshape(len(QUANTITIES), len(titles))
    for row, (quantity, label) in zip(rows, QUANTITIES.items(), strict=True):
        for column, title in enumerate(titles):
            draw_quantity(row[column], dataset.isel(panel=column), quantity, styles)
            if quantity == "loss" or len(titles) == 1:
                small = {"fontsize": 7} if len(titles) > 3 else {}
                row[column].set_title(broken(in_words(title), len(titles)), **small)
            row[column].set(xlabel=ALPHA, ylabel=label)
        share_limits(row)


def draw_quantity(ax: Axes, panel: xr.Dataset, quantity: str, styles: Mapping[str, LineStyle]) -> None:
    """One panel's lines of one quantity, with bands for what was measured."""
    for n, name in enumerate(panel["line"].to_numpy()):
        if not int(panel["n_seeds"][n]):
            continue
        mean, low, high = (panel[f"{quantity}_{part}"][n].to_numpy() for part in ("mean", "low", "high"))
        how = styles[str(name)]
        if how.of:
            # At alpha = 0 biases are 0 and logits of a zero start tie: laws of the error start at 0+.
            from_zero = (panel["alpha"].to_numpy() == 0) & (quantity == "error")
            low = high = mean = np.where(from_zero, np.nan, mean)
        draw_band(ax, panel["alpha"].to_numpy(), mean, low, high, label=in_words(str(name)), **how.style)
    ax.set(xlim=(0, 1))
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_ylim(bottom=0)


def broken(title: str, columns: int) -> str:
    """A long title on lines of its own after its first comma, after each in narrow columns; typeset."""
    breaks = {1: 0, 2: 0, 3: 1, 4: 1}.get(columns, title.count(", "))
    return typeset(title.replace(", ", "\n", breaks))


def line_sentences(dataset: xr.Dataset, styles: Mapping[str, LineStyle]) -> list[str]:
    """For each panel: seeds, where the plateaus end, and how far off each prediction is."""
    sentences = []
    for p, title in enumerate(dataset["panel"].to_numpy()):
        panel = dataset.isel(panel=p)
        parts = []
        for n, name in enumerate(panel["line"].to_numpy()):
            seeds = int(panel["n_seeds"][n])
            if not seeds:
                continue
            how = styles[str(name)]
            off = " nats and ".join(range_text(panel[f"{q}_off"][n]) for q in QUANTITIES) + " of the error"
            if how.of:
                parts.append(f"{name} is off by {off} at its worst α")
                continue
            loss, error = (range_text(panel[f"{q}_plateau_end"][n]) for q in QUANTITIES)
            parts.append(f"{name} (n = {seeds}): plateau's end {loss} in loss, {error} in error")
            if how.beside:
                parts[-1] += f", at most {off} from {how.beside}"
        sentences.append(f"{title}: {'; '.join(parts)}.")
    return sentences
