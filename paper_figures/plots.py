"""Plots of results, a function a question: `mli.plots`, whose docstring lists them.

Without `ax` axes of a new pyplot figure are made, so that a notebook shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from paper_figures.drawing.curves import DrawablePrediction, draw_curves
from paper_figures.drawing.style import CLASS_COLOURS, ERROR_COLOUR, LOSS_COLOUR, STYLES
from paper_figures.drawing.symbols import ALPHA
from paper_figures.figures.certificate_figure import draw_proved
from paper_figures.figures.diagnosis_figure import draw_otherwise
from simulations.certified_line import CertifiedLine
from validation.diagnosis.accounts import Diagnosis

__all__ = [
    "accounts",
    "classes",
    "holders",
    "layers",
    "line",
    "networks",
    "otherwise",
    "proved",
    "weights_and_biases",
]

Pair = NDArray[Any]
"""Two axes (2,)."""


def line(
    curves: xr.Dataset,
    prediction: DrawablePrediction | None = None,
    *,
    held: float | None = None,
    axes: Pair | None = None,
) -> Pair:
    """What does the line look like? Loss and error side by side, the ends of both plateaus ringed.

    Args:
        curves: of `mli.interpolation_curves`.
        prediction: of `mli.predict_curves` or `mli.predict_from_endpoints`, dashed.
        held: shade where one class has at least this share of the predictions, such as 0.99.
        axes: two to draw on; None: new ones.

    Raises:
        ValueError: as `draw_curves`.
    """
    found = _axes(2) if axes is None else np.asarray(axes, dtype=object).ravel()
    draw_curves(found, curves, prediction, quantity="both", ends=True, held=held)
    return found


def networks(curves: Mapping[str, xr.Dataset], *, axes: Pair | None = None) -> Pair:
    """How do several networks' lines differ? Loss and error of each in a colour of its own, ends ringed.

    Args:
        curves: of `mli.interpolation_curves`, by the network's name in the legend.
        axes: two to draw on; None: new ones.

    Raises:
        ValueError: no network; as `draw_curves`.
    """
    if not curves:
        raise ValueError("curves must hold at least one network's curves by its name, got none")
    found = _axes(2) if axes is None else np.asarray(axes, dtype=object).ravel()
    for n, (name, one) in enumerate(curves.items()):
        colour = CLASS_COLOURS[n % len(CLASS_COLOURS)]
        draw_curves(found, one, quantity="both", label=name, colour=colour, ends=True)
    return found


def holders(curves: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Which class holds the predictions? The share of samples predicted as each class, stacked.

    Args:
        curves: with `class_share(alpha, predicted_class)`, of `mli.interpolation_curves`.
        ax: drawn on; None: a new one.

    Raises:
        ValueError: curves without it.
    """
    shares = _needs(curves, "class_share", "predicted_class")
    ax = _axes(1)[0] if ax is None else ax
    labels = [f"class {c}" for c in curves["predicted_class"].to_numpy()]
    colours = [CLASS_COLOURS[n % len(CLASS_COLOURS)] for n in range(len(labels))]
    drawn = ax.stackplot(curves["alpha"].to_numpy(), shares.T, labels=labels, colors=colours, alpha=0.75)
    for n, one in enumerate(drawn):
        one.set_hatch(("", "//", "\\\\", "..")[n // len(CLASS_COLOURS) % 4])  # beyond eight classes
    ax.set(xlabel=ALPHA, ylabel="share of the predictions", xlim=(0, 1), ylim=(0, 1))
    ax.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def classes(curves: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """When is each class learned? The error of each class's own samples.

    Args:
        curves: with `class_error(alpha, label)`, of `mli.interpolation_curves`.
        ax: drawn on; None: a new one.

    Raises:
        ValueError: curves without it.
    """
    errors = _needs(curves, "class_error", "label")
    ax = _axes(1)[0] if ax is None else ax
    for n, (name, values) in enumerate(zip(curves["label"].to_numpy(), errors.T, strict=True)):
        style = STYLES[n // len(CLASS_COLOURS) % len(STYLES)]["linestyle"]
        colour = CLASS_COLOURS[n % len(CLASS_COLOURS)]
        ax.plot(curves["alpha"].to_numpy(), values, color=colour, linestyle=style, label=f"class {name}")
    ax.set(xlabel=ALPHA, ylabel="error of a class's samples", xlim=(0, 1), ylim=(-0.02, 1.02))
    ax.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def otherwise(found: Diagnosis, *, axes: Pair | None = None) -> Pair:
    """What would the line be otherwise? The network's own line on top, each counterfactual below it.

    Args:
        found: of `mli.diagnose`.
        axes: two to draw on, for loss and error; None: new ones.
    """
    pair = _axes(2) if axes is None else np.asarray(axes, dtype=object).ravel()
    for ax, quantity in zip(pair, ("loss", "error"), strict=True):
        draw_otherwise(ax, found, quantity=quantity)
    pair[0].legend(fontsize="x-small")
    return pair


def accounts(found: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """What makes the plateau? How much longer each cause makes it, in alpha, with two standard errors.

    Args:
        found: of `mli.diagnose`. A cause that is left out has no bar.
        ax: drawn on; None: a new one.
    """
    ax = _axes(1)[0] if ax is None else ax
    names = list(found.accounts)
    places = np.arange(len(names), dtype=float)
    for quantity, colour, shift in (("error", ERROR_COLOUR, 0.18), ("loss", LOSS_COLOUR, -0.18)):
        values = np.array([getattr(found.accounts[name], quantity) for name in names])
        errors = np.array([getattr(found.account_errors[name], quantity) for name in names])
        there = np.isfinite(values)
        ax.barh(
            (places + shift)[there],
            values[there],
            height=0.34,
            xerr=np.nan_to_num(2 * errors[there]),
            color=colour,
            label=f"the {quantity}'s plateau",
        )
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.set_yticks(places, [name.replace("alpha^r", r"$\alpha^r$") for name in names])
    ax.invert_yaxis()
    ax.set_xlabel(f"longer by ({ALPHA})")
    ax.legend(fontsize="x-small")
    return ax


def layers(found: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Which layers keep their initial weights? Each weight's retention: 0 made anew, 1 not moved (M2).

    Args:
        found: of `mli.diagnose`.
        ax: drawn on; None: a new one.

    Raises:
        ValueError: a diagnosis whose signal is undefined, which has no retention.
    """
    if found.law is None:
        raise ValueError(
            f"the network has no retention: {found.left_out.get('depth', 'its signal is undefined')}"
        )
    ax = _axes(1)[0] if ax is None else ax
    names = list(found.law.retention)
    ax.barh(range(len(names)), [found.law.retention[name] for name in names], color=LOSS_COLOUR)
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("retention (share of the gain)")
    return ax


def proved(
    certified: CertifiedLine,
    curves: xr.Dataset | None = None,
    *,
    quantity: str = "error",
    ax: Axes | None = None,
) -> Axes:
    """What is proved of the line? The proved band and plateau, and the measured curve as dots.

    Args:
        certified: of `mli.certify_line`.
        curves: of `mli.interpolation_curves` on the same line; None: the band alone.
        quantity: "error", or "loss" where the certificate has one.
        ax: drawn on; None: a new one.

    Raises:
        ValueError: another quantity, or a loss of a certificate without one.
    """
    ax = _axes(1)[0] if ax is None else ax
    draw_proved(ax, certified, curves, quantity=quantity)
    ax.legend(fontsize="x-small")
    return ax


def weights_and_biases(flow: xr.Dataset, *, seed: int = 0, axes: Pair | None = None) -> Pair:
    """How does the power model learn? Diagonal weights and biases over time, a colour for each class.

    Args:
        flow: of `mli.integrate`.
        seed: position of the start that is drawn.
        axes: two to draw on; None: new ones.

    Raises:
        ValueError: a start that the flow does not hold.
    """
    if not 0 <= seed < flow.sizes.get("seed", 1):
        raise ValueError(f"seed must be a position from 0 to {flow.sizes.get('seed', 1) - 1}, got {seed!r}")
    one = flow.isel(seed=seed) if "seed" in flow.dims else flow
    pair = _axes(2) if axes is None else np.asarray(axes, dtype=object).ravel()
    diagonal = np.diagonal(one["weights"].to_numpy(), axis1=1, axis2=2)
    values = (("diagonal weight $W_{ii}$", diagonal), ("bias $b_i$ (nats)", one["bias"].to_numpy()))
    time = one["time"].to_numpy()
    for ax, (name, of_classes) in zip(pair, values, strict=True):
        for c, of_class in enumerate(of_classes.T):
            style = {key: STYLES[c % len(STYLES)][key] for key in ("color", "linestyle")}
            ax.plot(time[time > 0], of_class[time > 0], label=f"class {c}", **style)
        ax.set(xscale="log", xlabel="time of the gradient flow", ylabel=name)
        ax.legend(fontsize="x-small")
    return pair


def _needs(curves: xr.Dataset, name: str, dim: str) -> NDArray[np.float64]:
    if name not in curves or set(curves[name].dims) != {"alpha", dim}:
        held = {str(one): values.dims for one, values in curves.data_vars.items()}
        raise ValueError(
            f"curves must hold {name}(alpha, {dim}), as interpolation_curves gives it; they hold {held}"
        )
    values: NDArray[np.float64] = curves[name].transpose("alpha", dim).to_numpy()
    return values


def _axes(count: int) -> Pair:
    """Of a new pyplot figure, which a notebook shows."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, count, figsize=(3.4 * count + 1.0, 3.2), layout="constrained", squeeze=False)
    found: Pair = axes[0]
    return found
