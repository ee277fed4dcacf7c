"""One run's measured curve on the line, with the homogeneous prediction drawn on it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from mli_theory.homogeneous import predict_curves
from paper_figures.style import ERROR_COLOUR, LOSS_COLOUR, PREDICTION
from validation.metrics import held_interval, plateau_end

__all__ = ["draw_error", "draw_loss"]

_FINE = np.linspace(0, 1, 1001)[1:]  # at alpha = 0 all logits tie: figures start at the limit 0+


def draw_loss(ax: Axes, run: xr.Dataset) -> None:
    """Measured and predicted loss on the linear path; the end of the measured plateau is marked."""
    _draw(ax, run, "loss", LOSS_COLOUR)
    ax.set(title=_title(run), xlabel="alpha", ylabel="loss (nats)", xlim=(0, 1))
    ax.legend(loc="lower left")


def draw_error(ax: Axes, run: xr.Dataset) -> None:
    """The same for the error; the alphas on which one class has 99 % of the predictions are shaded."""
    alphas = run["alpha"].to_numpy()
    held = held_interval(alphas, run["class_share"].sel(path="linear").to_numpy())
    if held.class_index >= 0:
        ax.axvspan(
            held.start,
            held.end,
            color="0.9",
            zorder=0,
            label=f"99 % predicted as class {held.class_index}",
        )
    _draw(ax, run, "error", ERROR_COLOUR)
    largest = int(np.argmax(run["bias"].to_numpy()))
    ax.set(
        title=f"largest last-layer bias: class {largest}",
        xlabel="alpha",
        ylabel="error (share of samples)",
        xlim=(0, 1),
        ylim=(-0.02, 1.45),  # head room: the curves fill the square below
        yticks=[0, 0.25, 0.5, 0.75, 1],
    )
    ax.legend(loc="upper right")


def _draw(ax: Axes, run: xr.Dataset, quantity: str, colour: str) -> None:
    alphas, values = run["alpha"].to_numpy(), run[quantity].sel(path="linear").to_numpy()
    prediction = predict_curves(
        run["signal"].to_numpy(),
        run["bias"].to_numpy(),
        run["labels"].to_numpy(),
        int(run.attrs["depth"]),
        _FINE,
    )
    ax.plot(alphas, values, color=colour, label="measured")
    ax.plot(_FINE, getattr(prediction, quantity), label="homogeneous prediction", **PREDICTION)
    end = plateau_end(alphas, values)
    if np.isfinite(end):
        ax.axvline(end, color=colour, linewidth=0.8, linestyle=":", label=f"plateau's end, {end:.2f}")


def _title(run: xr.Dataset) -> str:
    a = run.attrs
    return f"depth {a['depth']}, bias {a['bias_mode']}, scale {a['init_scale']:g}, seed {a['seed']}"
