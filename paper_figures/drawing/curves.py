"""Any curves of the line onto any axes: for users' own figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from paper_figures.drawing.style import CLASS_COLOURS, ERROR_COLOUR, LOSS_COLOUR, PREDICTION
from paper_figures.drawing.symbols import ALPHA
from validation.metrics.curve_shape import held_interval, plateau_end

__all__ = ["DrawablePrediction", "draw_curves", "mark_end"]

_NAMES = {"loss": "loss (nats)", "error": "error (share of samples)"}
_CURVE, _END = "curve", "end of plateau"  # gids: what is on the axes already


class DrawablePrediction(Protocol):
    """`mli_theory.PredictedCurves`, `simulations.prediction.GainPrediction`, or one's own."""

    @property
    def alphas(self) -> NDArray[np.float64]:
        """The grid (m,)."""

    @property
    def loss(self) -> NDArray[np.float64]:
        """Nats (m,)."""

    @property
    def error(self) -> NDArray[np.float64]:
        """Share of samples (m,)."""


def draw_curves(
    ax: Axes | Sequence[Axes] | NDArray[Any],
    dataset: xr.Dataset,
    prediction: DrawablePrediction | None = None,
    *,
    quantity: str = "loss",
    label: str = "measured",
    colour: str | None = None,
    ends: bool = False,
    held: float | None = None,
) -> Axes | Sequence[Axes] | NDArray[Any]:
    """One line for each curve in the data set, and the prediction dashed in black.

    Called again for another network, it draws beside what is there, in the next colour.

    Args:
        ax: drawn on; nothing else is touched: no files, no global settings. With quantity "both" a pair, the
            loss's and the error's.
        dataset: of `simulations.curves.interpolation_curves`, or several along one more dimension whose
            labels become the legend. A band of two standard errors is drawn where the data set has them.
        prediction: drawn from alpha = 0 on; without it only what was measured is.
        quantity: "loss", "error" or "both".
        label: of one curve in the legend; of several, what stands before their own labels unless "measured".
        colour: of one curve; None: the loss's or error's own, and the next of the colours for one more.
        ends: mark where each plateau ends, `validation.metrics.plateau_end`; a curve that does not fall
            has no mark.
        held: shade the longest stretch on which one class has at least this share of the predictions,
            `validation.metrics.held_interval`, in (0.5, 1]; of one curve with `class_share`. None: no shade.

    Returns:
        `ax`.

    Raises:
        ValueError: another quantity; axes that do not fit it; a data set without it, `alpha` or, for `held`,
            `class_share`, or with more than two dimensions.
    """
    if quantity == "both":
        pair = np.asarray(ax, dtype=object).ravel()
        if pair.size != 2:
            raise ValueError(f'quantity="both" needs two axes, for loss and error, got {pair.size}')
        for one, name in zip(pair, _NAMES, strict=True):
            options: dict[str, Any] = {"label": label, "colour": colour, "ends": ends, "held": held}
            draw_curves(one, dataset, prediction, quantity=name, **options)
        return ax
    if quantity not in _NAMES:
        raise ValueError(f"quantity must be loss, error or both, got {quantity!r}")
    if not isinstance(ax, Axes):
        raise ValueError(
            f'ax must be one matplotlib Axes, or two with quantity="both", got {type(ax).__name__}'
        )
    if quantity not in dataset or "alpha" not in dataset[quantity].dims or dataset[quantity].ndim > 2:
        raise ValueError(
            f"the data set must hold {quantity}(alpha), with at most one more dimension; it holds "
            f"{ {str(name): values.dims for name, values in dataset.data_vars.items()} }"
        )
    alphas = dataset["alpha"].to_numpy()
    (further,) = [dim for dim in dataset[quantity].dims if dim != "alpha"] or [None]
    if held is not None:
        _shade_held(ax, dataset, further, held)
    names = [label] if further is None else [str(name) for name in dataset[further].to_numpy()]
    if further is not None and label != "measured":
        names = [f"{label}: {name}" for name in names]
    for index, name in enumerate(names):
        curve = dataset if further is None else dataset.isel({further: index})
        drawn = sum(line.get_gid() == _CURVE for line in ax.get_lines())
        own = LOSS_COLOUR if quantity == "loss" else ERROR_COLOUR
        chosen = own if further is None and not drawn else CLASS_COLOURS[drawn % len(CLASS_COLOURS)]
        chosen = colour if colour is not None and further is None else chosen
        values = curve[quantity].to_numpy()
        ax.plot(alphas, values, color=chosen, label=name, gid=_CURVE)
        if f"{quantity}_standard_error" in curve:
            band = 2 * curve[f"{quantity}_standard_error"].to_numpy()
            ax.fill_between(alphas, values - band, values + band, color=chosen, alpha=0.2, linewidth=0)
        if ends:
            mark_end(ax, alphas, values, chosen)
    if prediction is not None:
        ax.plot(prediction.alphas, getattr(prediction, quantity), label="prediction", **PREDICTION)
    ax.set(xlabel=ALPHA, ylabel=_NAMES[quantity], xlim=(float(alphas[0]), float(alphas[-1])))
    ax.legend()
    return ax


def mark_end(
    ax: Axes, alphas: NDArray[np.float64], values: NDArray[np.float64], colour: str, size: float = 6
) -> None:
    """A ring where the plateau of a curve ends; nothing where it has none.

    Args:
        ax: drawn on.
        alphas: (m,), increasing.
        values: (m,), nan where the curve has no number, as at the start of a prediction.
        colour: of the ring.
        size: in points.
    """
    there = np.isfinite(values)
    end = plateau_end(alphas[there], values[there]) if there.any() else float("nan")
    if not np.isfinite(end):
        return
    named = any(line.get_gid() == _END for line in ax.get_lines())
    ring: dict[str, Any] = {
        "marker": "o",
        "markersize": size,
        "markerfacecolor": "white",
        "linestyle": "none",
    }
    ax.plot(
        [end],
        [float(np.interp(end, alphas[there], values[there]))],
        color=colour,
        markeredgewidth=1.6,
        zorder=4,
        clip_on=False,
        label="_end" if named else "end of its plateau",
        gid=_END,
        **ring,
    )


def _shade_held(ax: Axes, dataset: xr.Dataset, further: object, share: float) -> None:
    if further is not None or "class_share" not in dataset:
        raise ValueError("held needs one curve with class_share(alpha, predicted_class)")
    shares = dataset["class_share"].transpose("alpha", ...).to_numpy()
    found = held_interval(dataset["alpha"].to_numpy(), shares, share)
    if found.class_index >= 0:
        words = f"class {found.class_index} has at least {100 * share:g} %"
        ax.axvspan(found.start, found.end, color="0.9", zorder=0, linewidth=0, label=words, gid="held")
