"""Any curves of the line onto any axes: for users' own figures."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from paper_figures.drawing.style import CLASS_COLOURS, ERROR_COLOUR, LOSS_COLOUR, PREDICTION

__all__ = ["DrawablePrediction", "draw_curves"]

_NAMES = {"loss": "loss (nats)", "error": "error (share of samples)"}


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
    ax: Axes, dataset: xr.Dataset, prediction: DrawablePrediction | None = None, *, quantity: str = "loss"
) -> None:
    """One line for each curve in the data set, and the prediction dashed in black.

    Args:
        ax: drawn on; nothing else is touched: no files, no global settings.
        dataset: of `simulations.curves.interpolation_curves`, or several along one more dimension whose
            labels become the legend. A band of two standard errors is drawn where the data set has them.
        prediction: drawn from alpha = 0 on; without it only what was measured is.
        quantity: "loss" or "error".

    Raises:
        ValueError: another quantity, or a data set without it or `alpha`, or with more than two dimensions.
    """
    if quantity not in _NAMES:
        raise ValueError(f"quantity must be loss or error, got {quantity!r}")
    if quantity not in dataset or "alpha" not in dataset[quantity].dims or dataset[quantity].ndim > 2:
        raise ValueError(
            f"the data set must hold {quantity}(alpha), with at most one more dimension; it holds "
            f"{ {str(name): values.dims for name, values in dataset.data_vars.items()} }"
        )
    alphas = dataset["alpha"].to_numpy()
    (further,) = [dim for dim in dataset[quantity].dims if dim != "alpha"] or [None]
    own = LOSS_COLOUR if quantity == "loss" else ERROR_COLOUR
    for index, label in enumerate(["measured"] if further is None else dataset[further].to_numpy()):
        curve = dataset if further is None else dataset.isel({further: index})
        colour = own if further is None else CLASS_COLOURS[index % len(CLASS_COLOURS)]
        values = curve[quantity].to_numpy()
        ax.plot(alphas, values, color=colour, label=str(label))
        if f"{quantity}_standard_error" in curve:
            band = 2 * curve[f"{quantity}_standard_error"].to_numpy()
            ax.fill_between(alphas, values - band, values + band, color=colour, alpha=0.2, linewidth=0)
    if prediction is not None:
        ax.plot(prediction.alphas, getattr(prediction, quantity), label="prediction", **PREDICTION)
    ax.set(xlabel="alpha", ylabel=_NAMES[quantity], xlim=(float(alphas[0]), float(alphas[-1])))
    ax.legend()
