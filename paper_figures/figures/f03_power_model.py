"""F3: the power model over time. Classes are learned in turn, at T9's times; the last has the largest bias.

Columns: the first start whose last class is held by its bias to the end, and the first whose last class
escapes after all (T11), which T9 knows nothing of. A start that is missing is a column that is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from mli_theory import escape_schedule
from paper_figures.drawing.panel_labels import letters, share_limits
from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.drawing.seed_statistics import range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, SINGLE_COLUMN, STYLES, AxesGrid, Layout
from simulations.gradient_flow import integrate
from simulations.runs.described_runs import package_version
from simulations.runtime.random_streams import numpy_stream
from validation.claims.power_model_runs import START_STREAM

__all__ = ["MADE_BY", "TITLE", "caption", "collect", "details", "draw", "layout", "power_model_flows"]

TITLE = "The power model's weights and biases over time"
MADE_BY = "mli figures F3"
SEEDS = tuple(range(100, 112))
HELD, ESCAPED = "last class held by its bias", "last class escapes (T11)"


def power_model_flows(seeds: Sequence[int] = SEEDS) -> list[xr.Dataset]:
    """Flows of four classes at r = 3 from 0.01 U(0.5, 1) to 1e-6 nats: the starts of `mli validate`."""
    starts = np.stack([numpy_stream(s, START_STREAM).uniform(0.5, 1.0, (4, 4)) for s in seeds])
    flows = integrate(1e-2 * starts, 3, 1e-6)
    return [flows.isel(seed=n).assign_attrs(flows.attrs | {"seed": s}) for n, s in enumerate(seeds)]


def collect(flows: Sequence[xr.Dataset] | None = None) -> xr.Dataset:
    """Weights and biases of at most two starts, T9's times, and how far off these are over all starts.

    Args:
        flows: of `simulations.gradient_flow.integrate`, one start each, with the attribute `seed`; all of
            one number of classes and one degree. None: `power_model_flows`, integrated now (a second).

    Returns:
        Classes ordered by initial weight, largest first. `time(start, record)`; `weights`, `bias` (start,
        record, class_rank); `predicted_time`, `found_time` (start, class_rank); over all starts
        `relative_error(seed, class_rank)`, found/predicted - 1 (nan for the class fitted by the bias), and
        `escaped(seed)`.

    Raises:
        NothingToDrawError: no flow.
    """
    flows = power_model_flows() if flows is None else flows
    if not flows:
        raise NothingToDrawError("F3 needs at least one flow of the power model")
    degree = int(flows[0].attrs["degree"])
    ranked = [_by_rank(flow) for flow in flows]
    predicted = np.stack([escape_schedule(start["weights"].to_numpy()[0], degree) for start in ranked])
    found = np.stack([start["signal_time"].to_numpy() for start in ranked])
    timed = np.isfinite(predicted)
    error = np.where(timed, found / np.where(timed, predicted, 1.0) - 1, np.nan)
    escaped = np.array([bool(np.isfinite(times[-1])) for times in found])
    shown = [int(np.argmax(escaped == kind)) for kind in (False, True) if (escaped == kind).any()]
    length = max(ranked[n].sizes["record"] for n in shown)
    starts = [ranked[n].pad(record=(0, length - ranked[n].sizes["record"]), mode="edge") for n in shown]
    return xr.Dataset(
        {
            "time": (("start", "record"), np.stack([s["time"] for s in starts])),
            "weights": (("start", "record", "class_rank"), np.stack([s["weights"] for s in starts])),
            "bias": (("start", "record", "class_rank"), np.stack([s["bias"] for s in starts])),
            "predicted_time": (("start", "class_rank"), predicted[shown]),
            "found_time": (("start", "class_rank"), found[shown]),
            "relative_error": (("seed", "class_rank"), error),
            "escaped": ("seed", escaped.astype(np.int8)),
        },
        coords={
            "start": [ESCAPED if escaped[n] else HELD for n in shown],
            "seed": [int(flow.attrs["seed"]) for flow in flows],
        },
        attrs={
            "degree": degree,
            "n_classes": predicted.shape[1],
            "final_loss": float(flows[0].attrs["final_loss"]),
            "shown_seeds": " ".join(str(flows[n].attrs["seed"]) for n in shown),
            "n_seeds": len(flows),
            "source": "gradient flow of the power model",
            "package_version": package_version(),
        },
    )


def _by_rank(flow: xr.Dataset) -> xr.Dataset:
    """Diagonal weights, biases and times with classes in the order of initial weight, largest first."""
    diagonal = np.diagonal(flow["weights"].to_numpy(), axis1=1, axis2=2)
    order = np.argsort(-diagonal[0], kind="stable")
    return xr.Dataset(
        {
            "time": ("record", flow["time"].to_numpy()),
            "weights": (("record", "class_rank"), diagonal[:, order]),
            "bias": (("record", "class_rank"), flow["bias"].to_numpy()[:, order]),
            "signal_time": ("class_rank", flow["signal_time"].to_numpy()[order]),
        }
    )


def layout(dataset: xr.Dataset) -> Layout:
    """Two rows, a column for each start."""
    columns = dataset.sizes["start"]
    return Layout(
        2, columns, DOUBLE_COLUMN if columns > 1 else SINGLE_COLUMN, 4.0, legend=3 if columns > 1 else 2
    )


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Above the diagonal weights, below the biases; T9's times are dotted in the class's colour."""
    for column in range(dataset.sizes["start"]):
        one = dataset.isel(start=column)
        _draw_one(axes[0, column], one, "weights", "diagonal weight $W_{ii}$")
        _draw_one(axes[1, column], one, "bias", "bias $b_i$ (nats)")
        axes[0, column].set_title(str(one["start"].item()))
    for row in axes:
        share_limits(row)
    times: dict[str, Any] = {"color": "0.35", "linestyle": ":", "linewidth": 0.9}
    axes[0, 0].plot([], [], label="T9's time, in its class's colour", **times)


def _draw_one(ax: Axes, one: xr.Dataset, quantity: str, unit: str) -> None:
    time, values = one["time"].to_numpy(), one[quantity].to_numpy()
    predicted = one["predicted_time"].to_numpy()
    # A logarithmic axis has no 0; nothing happens long before the first class is learned.
    from_time = 0.4 * float(np.nanmin(np.where(np.isfinite(predicted), predicted, np.nan)))
    shown = time >= from_time
    shown[: max(int(np.argmax(shown)) - 1, 1)] = False
    for rank in range(values.shape[1]):
        style = {key: STYLES[rank % len(STYLES)][key] for key in ("color", "linestyle")}
        name = "largest" if rank == 0 else "smallest" if rank == values.shape[1] - 1 else _ordinal(rank + 1)
        label = f"{name} initial weight"
        ax.plot(time[shown], values[shown, rank], label=label, gid=f"{quantity}{rank}", **style)
        if np.isfinite(predicted[rank]):
            ax.axvline(predicted[rank], color=style["color"], linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel="time of the gradient flow", ylabel=unit, xlim=(from_time, time[-1]))


def _ordinal(place: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(place, f"{place}th") + " largest"


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and in how many starts the last class escaped."""
    n, k = int(dataset.attrs["n_seeds"]), int(dataset.attrs["n_classes"])
    columns = dataset.sizes["start"]
    return (
        f"F3. {TITLE}: {k} classes, degree {dataset.attrs['degree']}, gradient flow to "
        f"{dataset.attrs['final_loss']:g} nats; seeds {dataset.attrs['shown_seeds']} of {n} starts. "
        f"{letters(0, columns)}: diagonal weights; {letters(columns, columns)}: biases. Classes are "
        "learned in "
        "the order of their initial weights, each near T9's time (dotted). T9 has no time for the class "
        "of the "
        f"smallest weight: the bias fits it. In {int(dataset['escaped'].sum())} of {n} starts its weight "
        "escaped later all the same (T11), which ends the growth of its bias."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """T9's error over all starts, and whose bias is the largest at the end."""
    error = np.abs(dataset["relative_error"].to_numpy())
    worst = np.nanmax(np.where(np.isfinite(error), error, np.nan), axis=1)
    missed = int(np.isinf(error).any(axis=1).sum() + np.isnan(worst).sum())
    n, k = int(dataset.attrs["n_seeds"]), int(dataset.attrs["n_classes"])
    largest = int((dataset["bias"].to_numpy()[:, -1].argmax(axis=1) == k - 1).sum())
    return [
        f"Over {n} starts the worst class of a start is off by {range_text(100 * worst, 1)} % of T9's "
        "time, mean "
        "(smallest to largest).",
        "The class of the smallest initial weight has the largest bias at the end in "
        f"{largest} of the {dataset.sizes['start']} starts drawn (T10).",
        *([f"In {missed} starts a class that T9 times was never learned."] if missed else []),
    ]
