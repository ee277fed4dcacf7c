"""F5: VGG-16 and ResNet-18, with and without batch norm: what taking the last bias away does to the line.

The curves themselves lie on one another: drawn are their differences from those of the network with the bias,
each seed with its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from paper_figures.drawing.line_panels import (
    QUANTITIES,
    LineStyle,
    Panel,
    broken,
    collect_lines,
    line_sentences,
    lines_layout,
)
from paper_figures.drawing.panel_labels import letters
from paper_figures.drawing.run_curves import (
    Curves,
    batch_norm,
    describe,
    endpoint_law,
    left_out_text,
    measured,
    network,
    reached,
    theory,
)
from paper_figures.drawing.seed_statistics import BAND, draw_band, mean_low_high, range_text
from paper_figures.drawing.style import ENDPOINT_LAW, ERROR_COLOUR, LOSS_COLOUR, ZERO_START_LAW, AxesGrid
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "LINES", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "VGG-16 and ResNet-18: the line without its last bias, minus the line with it"
EXPERIMENTS = ("practical_networks",)
LINEAR = "bias in the last layer"
LINES = {
    LINEAR: LineStyle({"color": LOSS_COLOUR, "linestyle": "-"}),
    "homogeneous": LineStyle({"color": "#009E73", "linestyle": (0, (3, 1, 1, 1))}),
    "the same, bias held at 0": LineStyle({"color": "#CC79A7", "linestyle": (0, (1, 1))}),
    "trained without bias": LineStyle({"color": ERROR_COLOUR, "linestyle": (0, (5, 1.5))}),
    "theory, zero start (T1)": LineStyle(ZERO_START_LAW, LINEAR),
    "from both ends (M2)": LineStyle(ENDPOINT_LAW, LINEAR),
}

DRAWN = ("homogeneous", "the same, bias held at 0", "trained without bias")
_PARTS = ("mean", "low", "high")


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """A panel for each network and normalisation: `collect_lines`' curves, and `_differences` of them.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    panels = []
    for kind, normalised in sorted({(network(run), batch_norm(run)) for run in usable}, reverse=True):
        group = [run for run in usable if (network(run), batch_norm(run)) == (kind, normalised)]
        with_bias = [run for run in group if run.attrs["bias_mode"] == "last"]
        lines = {
            LINEAR: measured(with_bias),
            "homogeneous": measured(with_bias, "homogeneous"),
            "the same, bias held at 0": measured(with_bias, "no_last_bias"),
            "trained without bias": measured([run for run in group if run.attrs["bias_mode"] == "none"]),
            "theory, zero start (T1)": theory(with_bias),
            "from both ends (M2)": endpoint_law(with_bias),
        }
        panels.append(Panel(describe(group[0]), group[0]["alpha"].to_numpy(), lines))
    found = collect_lines(panels, LINES, provenance(usable, n_left_out=len(runs) - len(usable)))
    return found.assign(_differences(found, panels))


def _differences(found: xr.Dataset, panels: Sequence[Panel]) -> dict[str, xr.Variable]:
    """`<q>_less_<mean, low, high>(panel, line, alpha)`: of each seed's curve minus its own with the bias."""
    by_title = {panel.title: panel for panel in panels}
    shape = tuple(found.sizes[name] for name in ("panel", "line", "alpha"))
    parts = {
        f"{q}_less_{part}": np.full(shape, np.nan, dtype=np.float32) for q in QUANTITIES for part in _PARTS
    }
    for p, title in enumerate(found["panel"].to_numpy()):
        panel = by_title[str(title)]
        at = np.searchsorted(found["alpha"].to_numpy(), panel.alphas)
        for n, name in enumerate(found["line"].to_numpy()):
            pairs = _paired(panel.lines.get(str(name)) or {}, panel.lines[LINEAR])
            for which, q in enumerate(QUANTITIES if pairs else ()):
                of_all = mean_low_high([one[which] - other[which] for one, other in pairs])
                for part, values in zip(_PARTS, of_all, strict=True):
                    parts[f"{q}_less_{part}"][p, n, at] = values
    return {name: xr.Variable(("panel", "line", "alpha"), values) for name, values in parts.items()}


def _paired(one: Curves, other: Curves) -> list[tuple[tuple[NDArray[np.float64], ...], ...]]:
    return [(curve, other[seed]) for seed, curve in one.items() if seed in other]


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss above, error below: each line less the solid one of the network with a bias, which is the zero."""
    titles = [str(title) for title in dataset["panel"].to_numpy()]
    rows = axes.reshape(len(QUANTITIES), len(titles))
    for row, quantity in zip(rows, QUANTITIES, strict=True):
        largest = 0.0
        for ax, title in zip(row, titles, strict=True):
            panel = dataset.sel(panel=title)
            ax.axhline(0, color="0.4", linewidth=0.8)
            for name in DRAWN:
                curves = _curves(panel, quantity, name)
                if curves is not None:
                    draw_band(ax, panel["alpha"].to_numpy(), *curves, label=name, **LINES[name].style)
                    largest = max(largest, float(np.nanmax(np.abs(curves))))
            ax.set(xlim=(0, 1))
            ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            if quantity == "loss" or len(titles) == 1:
                ax.set_title(broken(title, len(titles)), fontsize=7)
            unit = " (nats)" if quantity == "loss" else ""
            ax.set(xlabel=ALPHA, ylabel=f"{quantity}, minus with bias{unit}")
        for ax in row:  # one scale a row: a small difference must look small beside a large one
            ax.set_ylim(-1.1 * (largest or 1), 1.1 * (largest or 1))


def _curves(panel: xr.Dataset, quantity: str, name: str) -> tuple[NDArray[np.float64], ...] | None:
    """Mean, smallest and largest difference; of data without them the means' alone, of as many seeds."""
    if name not in panel["line"].to_numpy():
        return None
    line, with_bias = panel.sel(line=name), panel.sel(line=LINEAR)
    if f"{quantity}_less_mean" in panel:
        found = tuple(line[f"{quantity}_less_{part}"].to_numpy().astype(float) for part in _PARTS)
    elif int(line["n_seeds"]) == int(with_bias["n_seeds"]):
        mean = (line[f"{quantity}_mean"] - with_bias[f"{quantity}_mean"]).to_numpy().astype(float)
        found = (mean, mean, mean)
    else:
        return None
    return found if np.isfinite(found[0]).any() else None


def _moved(dataset: xr.Dataset) -> list[str]:
    """How far each way of taking the bias away moves the ends of the plateaus, seed by seed."""
    sentences = []
    for title in dataset["panel"].to_numpy():
        panel = dataset.sel(panel=title)
        parts = []
        for name in DRAWN:
            if name in panel["line"].to_numpy() and int(panel["n_seeds"].sel(line=name)):
                loss, error = (
                    range_text(ends.sel(line=name) - ends.sel(line=LINEAR), 3)
                    for ends in (panel[f"{q}_plateau_end"] for q in QUANTITIES)
                )
                parts.append(f"{name} {loss} in loss, {error} in error")
        sentences.append(f"{title}: {'; '.join(parts)}.")
    return sentences


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    band = BAND if "loss_less_mean" in dataset else "line: mean over paired seeds"
    n = dataset.sizes["panel"]
    return (
        f"F5. {TITLE}, training data: loss {letters(0, n)}, error {letters(n, n)}. {band}. Each line is "
        "a curve "
        "minus that of the network with a bias in its last layer on the linear path, seed by seed: the same "
        "network with that bias at α^r (homogeneous), with it held at 0 (where walked), and a network "
        "trained "
        f"without it. Above zero: higher than with the bias.{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """How far the plateaus' ends move without the bias, and how far off the laws are."""
    laws = {name: how for name, how in LINES.items() if how.of}
    kept = dataset.sel(line=[name for name in dataset["line"].to_numpy() if str(name) in laws])
    predicted: list[str] = []
    if kept.sizes["line"]:
        predicted = line_sentences(kept.isel(panel=(kept["n_seeds"] > 0).any("line").to_numpy()), laws)
    return [
        "By how much each moves a plateau's end, the first α at which a tenth of the fall is spent, mean "
        "(smallest to largest seed):",
        *_moved(dataset),
        *predicted,
    ]
