"""F8: does the loss rise first? What T4 says for zero initial weights, beside what trained networks do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from mli_theory import DomainError, loss_bump, predict_curves
from paper_figures.drawing.run_curves import NothingToDrawError, degree, reached
from paper_figures.drawing.seed_statistics import BAND, draw_band, mean_low_high, range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, LOSS_COLOUR, STYLES, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance
from validation.metrics.curve_shape import max_rise

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "The loss at the start of the line"
EXPERIMENTS = ("star", "initial_scale", "imposed_bias")
# Finer near 0, where T4's bump is.
_FINE = np.unique(np.concatenate([np.geomspace(1e-3, 1, 60), np.linspace(0.02, 1, 50)]))
_FLOOR = 1e-8  # nats: a rise of 0 is drawn below, as float32 rounds a loss by more
_STEP = 1.35  # from one arm's level below the floor to the next
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """The centre's loss less its start, theory beside it; and each run's largest rise, found and predicted.

    Args:
        runs: merged runs of `EXPERIMENTS` with a last-layer bias; the first panel's are those of the centre:
            of the star if there are any, else of the first arm.

    Returns:
        `rise_mean`, `rise_low`, `rise_high` (alpha), nats; `theory_mean`, ... (fine); `bump_alpha`,
        `bump_height` (seed), T4's, nan where T4 has none; `found`, `exact`, `expanded` (run): the largest
        rise measured, of the homogeneous prediction on a fine grid, and by T4's next order; `arm(run)`.

    Raises:
        NothingToDrawError: no run with a line and a bias.
    """
    usable = [run for run in reached(runs) if run.attrs["bias_mode"] != "none" and degree(run) is not None]
    if not usable:
        raise NothingToDrawError("there is no curve to draw: no run with a bias reached its target loss")
    arms = list(dict.fromkeys(str(run.attrs["arm"]) for run in usable))
    first = "centre" if "centre" in arms else arms[0]
    centre = [run for run in usable if run.attrs["arm"] == first]
    lines = [run["loss"].sel(path="linear").to_numpy() for run in centre]
    rows = [_rises(run) for run in usable]
    of_centre = [row for row, run in zip(rows, usable, strict=True) if run.attrs["arm"] == first]
    theory = mean_low_high([_theory(run) for run in centre])
    measured = mean_low_high([line - line[0] for line in lines])
    parts = ("mean", "low", "high")
    return xr.Dataset(
        {
            **{f"rise_{p}": ("alpha", v.astype(np.float32)) for p, v in zip(parts, measured, strict=True)},
            **{f"theory_{p}": ("fine", v.astype(np.float32)) for p, v in zip(parts, theory, strict=True)},
            "bump_alpha": ("seed", [row["alpha"] for row in of_centre]),
            "bump_height": ("seed", [row["expanded"] for row in of_centre]),
            **{name: ("run", [row[name] for row in rows]) for name in ("found", "exact", "expanded")},
            "arm": ("run", [_words(run) for run in usable]),
            "fall": ("run", [float(run["start_loss"] - run["end_loss"]) for run in usable]),
        },
        coords={
            "alpha": centre[0]["alpha"].to_numpy(),
            "fine": _FINE,
            "seed": [int(run.attrs["seed"]) for run in centre],
        },
        attrs=provenance(usable, n_left_out=len(runs) - len(reached(runs)), centre=first),
    )


def _ends(run: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    r = degree(run)
    assert r is not None
    signal, bias, labels = (run[name].to_numpy() for name in ("signal", "bias", "labels"))
    return signal, bias, labels, r


def _words(run: xr.Dataset) -> str:
    """An arm in a legend: the star's by name, others by what they vary."""
    a = run.attrs
    if a.get("imposed_bias_gap", "") != "":
        return f"imposed gap {float(a['imposed_bias_gap']):g}"
    return str(a["arm"]) if "/" not in a["arm"] else f"depth {a['depth']}, scale {a['init_scale']:g}"


def _theory(run: xr.Dataset) -> np.ndarray:
    signal, bias, labels, r = _ends(run)
    return np.asarray(predict_curves(signal, bias, labels, r, _FINE).loss - np.log(len(bias)))


def _rises(run: xr.Dataset) -> dict[str, float]:
    """Largest rise found and predicted, and where T4 puts its bump; nan where T4 does not apply."""
    signal, bias, labels, r = _ends(run)
    try:
        bump = loss_bump(signal, bias, labels, r, next_order=True)
        alpha, height = bump.alpha, bump.height
    except DomainError:  # classes not balanced, or a bump beyond alpha = 1
        alpha = height = float("nan")
    return {
        "found": max_rise(run["loss"].sel(path="linear").to_numpy()),
        "exact": max(0.0, float(_theory(run).max())),
        "alpha": alpha,
        "expanded": height,
    }


def layout(dataset: xr.Dataset) -> Layout:  # noqa: ARG001 - the same for any data
    """Two panels side by side."""
    return Layout(1, 2, DOUBLE_COLUMN, 3.6, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Left the centre's loss above its start; right every run's largest rise, found against predicted."""
    _draw_start(axes[0, 0], dataset)
    _draw_rises(axes[0, 1], dataset)


def _draw_start(ax: Axes, dataset: xr.Dataset) -> None:
    parts = ("mean", "low", "high")
    rise, theory = ([dataset[f"{name}_{p}"].to_numpy() for p in parts] for name in ("rise", "theory"))
    draw_band(ax, dataset["alpha"].to_numpy(), *rise, label="measured", color=LOSS_COLOUR)
    dotted: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.2}
    draw_band(ax, dataset["fine"].to_numpy(), *theory, label="theory, zero start (T1)", **dotted)
    bump: dict[str, Any] = {"color": "black", "marker": "x", "linestyle": "none", "markersize": 4}
    ax.plot(dataset["bump_alpha"], dataset["bump_height"], label="its bump, expanded (T4)", **bump)
    top = max(float(theory[2].max()), float(rise[2].max()), 1e-3)
    ax.axhline(0, color="0.5", linewidth=0.6)
    ax.set(xlabel=ALPHA, ylabel="loss less its start (nats)", xlim=(0, 1), ylim=(-2.5 * top, 1.3 * top))
    ax.set_title(f"{dataset.attrs['centre']}, $n$ = {dataset.sizes['seed']}")


def _draw_rises(ax: Axes, dataset: xr.Dataset) -> None:
    """A marker for each arm, a colour for each kind; runs that never rise lie below, an arm a level."""
    exact, found = (np.maximum(dataset[name].to_numpy(), _FLOOR) for name in ("exact", "found"))
    arms = dataset["arm"].to_numpy()
    names = list(dict.fromkeys(map(str, arms)))
    lowest = _FLOOR / _STEP ** (len(names) + 1)
    for n, arm in enumerate(names):
        chosen = arms == arm
        rise = np.where(found[chosen] > _FLOOR, found[chosen], _FLOOR / _STEP ** (n + 1))
        ax.plot(
            exact[chosen],
            rise,
            linestyle="none",
            markersize=3.5,
            alpha=0.8,
            label=arm.replace("-", " "),
            **look(arm, names),
        )
    high = 2 * max(float(exact.max()), float(found.max()))
    ax.plot([_FLOOR, high], [_FLOOR, high], color="0.5", linewidth=0.7, label="equal")
    ax.axhspan(lowest, _FLOOR, color="0.95", zorder=0)
    ax.set(xscale="log", yscale="log", xlim=(_FLOOR / 2, high), ylim=(lowest, high))
    ax.set(
        xlabel="predicted for a zero start (T1)", ylabel="measured", title="largest rise of the loss (nats)"
    )
    powers = np.arange(np.ceil(np.log10(_FLOOR)) + 1, np.log10(high) + 1e-9, 2)
    ax.set_yticks(
        [float(np.sqrt(lowest * _FLOOR)), *10.0**powers], ["none", *(f"$10^{{{p:.0f}}}$" for p in powers)]
    )
    ax.set_yticks([], minor=True)


def look(arm: str, arms: Sequence[str]) -> dict[str, Any]:
    """The look of an arm among all: a colour for each kind of arm, a marker for each of a kind."""
    kinds = ("imposed gap", "depth 10", "")
    of = {name: next(n for n, start in enumerate(kinds) if name.startswith(start)) for name in arms}
    place = [name for name in arms if of[name] == of[arm]].index(arm)
    return {"marker": _MARKERS[place % len(_MARKERS)], "color": STYLES[of[arm]]["color"]}


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and in how many runs the loss rises."""
    found = dataset["found"].to_numpy()
    rises = int((found > 0.01 * dataset["fall"].to_numpy()).sum())
    return (
        f"F8. {TITLE}. (a): {dataset.attrs['centre']}, n = {dataset.sizes['seed']} seeds; {BAND}. From zero "
        "initial weights unequal biases raise the loss at once (dotted; crosses: T4's bump by next order, a "
        f"seed each). (b): {dataset.sizes['run']} runs, the largest rise anywhere on the line, measured "
        "against "
        f"predicted; it is above 1 % of the fall in {rises} of {len(found)} runs. Runs in the grey "
        "strip never "
        "rise (an arm a level): there the theorem for zero initial weights says nothing about the "
        "network, whose "
        "initial weights are not zero."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """By how much the loss rises, and how good T4's expansion is."""
    found, exact, expanded = (dataset[name].to_numpy() for name in ("found", "exact", "expanded"))
    both = np.isfinite(expanded) & (exact > 0)
    off = np.abs(expanded[both] / exact[both] - 1)
    return [
        f"Predicted: {range_text(exact, 4)} nats; measured: {range_text(found, 4)} nats, mean (smallest to "
        "largest).",
        f"T4's expansion gives that height to within {100 * np.median(off):.1f} % (median) in "
        f"{int(both.sum())} runs and has none in {int((~np.isfinite(expanded)).sum())}."
        if both.any()
        else "T4's expansion applies to no run.",
    ]
