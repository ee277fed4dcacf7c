"""F13: the shape of the line against the steps that training took: is MLI about hardness?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from paper_figures.drawing.panel_labels import share_limits
from paper_figures.drawing.run_curves import NothingToDrawError, left_out_text, reached
from paper_figures.drawing.seed_statistics import range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance
from validation.claims.steps_and_shapes import QUANTITIES, SHAPES, steps_and_shapes

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "The line's shape against the steps to the target loss"
EXPERIMENTS = ("hardness",)
TOLERANCE = 0.01
"""The largest rise that C2 calls monotone, a share of the fall."""
_LABELS = {"rise": "largest rise / fall", "plateau_end": f"plateau's end ({ALPHA})"}
_LEAST_ARMS = 4  # a rank correlation over fewer says nothing


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Steps and shapes of every run.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Returns:
        `steps(arm, seed)`; `value(shape, quantity, arm, seed)`, shapes and quantities as they are drawn, nan
        where there is no such run or the curve does not fall.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    if not usable:
        raise NothingToDrawError("there is no line to draw: no run of hardness reached its target loss")
    found = steps_and_shapes(usable)
    return found.assign_coords(
        arm=[label.replace("-", " ") for label in found["arm"].to_numpy()]
    ).assign_attrs(provenance(usable, n_left_out=len(runs) - len(usable)))


def layout(dataset: xr.Dataset) -> Layout:  # noqa: ARG001 - the same for any data
    """A row for each shape, loss beside error."""
    return Layout(len(SHAPES), len(QUANTITIES), DOUBLE_COLUMN, 4.2, legend=4)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Every run a dot; the dotted line is what C2 calls monotone."""
    steps = dataset["steps"].to_numpy()
    for s, shape in enumerate(SHAPES):
        for q, quantity in enumerate(QUANTITIES):
            ax = axes[s, q]
            for n, arm in enumerate(dataset["arm"].to_numpy()):
                style = STYLES[n % len(STYLES)] | {"linestyle": "none", "alpha": 0.7}
                ax.plot(steps[n], dataset["value"][s, q, n], label=str(arm), markersize=3.5, **style)
            ax.set(xscale="log", xlabel="steps to the target loss", ylabel=_LABELS[shape], title=quantity)
            if shape == "rise":
                limit: dict[str, Any] = {"color": "0.45", "linestyle": ":", "linewidth": 1}
                ax.axhline(TOLERANCE, label="C2: monotone below", **limit)
            top = 1.0 if shape == "plateau_end" else ax.get_ylim()[1]
            ax.set_ylim(-0.05 * top, 1.03 * top)  # room for the whole of a dot at 0
        share_limits(axes[s])


def rank_correlations(dataset: xr.Dataset, shape: str, quantity: str) -> NDArray[np.float64]:
    """Spearman's rank correlation of shape and steps over the arms, of each seed with four or more."""
    steps = dataset["steps"].to_numpy()
    values = dataset["value"].sel(shape=shape, quantity=quantity).to_numpy()
    found = []
    for x, y in zip(steps.T, values.T, strict=True):
        there = np.isfinite(x) & np.isfinite(y)
        if there.sum() >= _LEAST_ARMS and np.ptp(x[there]) > 0 and np.ptp(y[there]) > 0:
            found.append(float(stats.spearmanr(x[there], y[there]).statistic))
    return np.array(found)


def caption(dataset: xr.Dataset) -> str:
    """What is drawn."""
    return (
        f"F13. {TITLE}. The same networks on true and on random labels, at a quarter and twice the learning "
        "rate, and to other target losses; every dot is a run. (a, b): the largest rise between any two "
        "α as a "
        f"share of the fall; below {TOLERANCE:g} (dotted) C2 calls a line monotone. (c, d): the first α "
        "at which "
        f"a tenth of the fall is spent.{left_out_text(dataset)}"
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Rank correlations with the steps, and each arm's steps and largest rise."""
    ranks = "; ".join(
        f"{words} of the {quantity} {range_text(rank_correlations(dataset, shape, quantity))}"
        for shape, words in (("rise", "largest rise"), ("plateau_end", "plateau's end"))
        for quantity in QUANTITIES
    )
    rises = dataset["value"].sel(shape="rise")
    return [
        "Spearman's rank correlation with the steps over the arms of one seed, mean (smallest to largest "
        f"seed): {ranks}.",
        *(
            f"{arm}: {range_text(dataset['steps'][n], 0)} steps, rise {range_text(rises[0, n], 4)} in loss, "
            f"{range_text(rises[1, n], 4)} in error."
            for n, arm in enumerate(dataset["arm"].to_numpy())
        ),
    ]
