"""F7: the power model's plateau beside T11's laws (a) and (b), and the way from one to the other."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mli_theory import DomainError, crossover_law, plateau_law
from paper_figures.drawing.style import DOUBLE_COLUMN, STYLES, AxesGrid, Layout
from simulations.power_model_experiments.cases import Group
from simulations.power_model_experiments.starts import initial_weights
from simulations.runs.described_runs import package_version

__all__ = ["FILE", "MADE_BY", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "The plateau of the power model beside T11's laws"
MADE_BY = "mli simulate power-model --experiment plateau-laws"
FILE = "power-model/plateau-laws.nc"  # beside the store
_LAWS: dict[str, tuple[str, dict[str, Any]]] = {
    "law_a": ("law (a), scale to 0 first", {"color": "black", "linestyle": "-", "linewidth": 1.0}),
    "law_b": ("law (b), loss to 0 first", {"color": "black", "linestyle": "--", "linewidth": 1.0}),
}
_FINE = 61
_LOWEST = 0.22  # of the axis of beta
_SHIFT = 1.7  # from one initial scale to the next
# Black and above the runs: readable on dots of every colour.
_CROSSOVER: dict[str, Any] = {
    "color": "black",
    "marker": "_",
    "markersize": 9,
    "markeredgewidth": 1.1,
    "linestyle": "none",
    "zorder": 5,
}
_ESCAPED: dict[str, Any] = {"marker": "x", "markersize": 4.5, "markeredgewidth": 1.0, "linestyle": "none"}


def collect(experiment: xr.Dataset) -> xr.Dataset:
    """The runs of `plateau-laws`, with both laws and the crossover law.

    Args:
        experiment: plateau-laws.nc of `mli simulate power-model`.

    Returns:
        A panel for each pair of classes and degree: `beta(panel, scale, loss, seed)` found, `escaped` (0, 1)
        likewise, `init_scale(panel, scale)`, `final_loss(loss)`; `crossover(panel, scale, loss)`, the mean of
        the starts that have not escaped; `law_a`, `law_b` (panel, fine) over `fine_loss(fine)`. nan: none.

    Raises:
        ValueError: a dataset of another experiment.
    """
    if experiment.attrs.get("experiment") != "plateau-laws":
        raise ValueError(
            f"F7 is drawn from plateau-laws.nc, got {experiment.attrs.get('experiment')!r}: {MADE_BY}"
        )
    spec = json.loads(experiment.attrs["spec"])
    pairs = dict.fromkeys((g["n_classes"], g["degree"]) for g in spec["groups"])
    losses = np.unique(experiment["final_loss"].to_numpy())[::-1]
    seeds = experiment["seed"].to_numpy()
    n_scales = max(len(g["init_scales"]) for g in spec["groups"])
    shape = (len(pairs), n_scales, len(losses), len(seeds))
    beta, escaped = np.full(shape, np.nan), np.zeros(shape, dtype=np.int8)
    between = np.zeros(shape, dtype=np.int8)
    scales, crossover = np.full(shape[:2], np.nan), np.full(shape, np.nan)
    fine = np.geomspace(losses.max(), losses.min(), _FINE)
    laws = {name: np.full((len(pairs), _FINE), np.nan) for name in _LAWS}
    for place, (k, r) in enumerate(pairs):
        of_pair = (experiment["n_classes"].to_numpy() == k) & (experiment["degree"].to_numpy() == r)
        group = experiment.isel(case=np.flatnonzero(of_pair))
        its_scales = np.unique(group["init_scale"].to_numpy())[::-1]
        scales[place, : len(its_scales)] = its_scales
        for case in range(group.sizes["case"]):
            one = group.isel(case=case)
            i = int(np.flatnonzero(its_scales == float(one["init_scale"]))[0])
            j = int(np.flatnonzero(losses == float(one["final_loss"]))[0])
            beta[place, i, j] = one["beta"].to_numpy()
            escaped[place, i, j] = one["escaped"].to_numpy() > 0
            between[place, i, j] = one["between"].to_numpy() > 0
        crossover[place, : len(its_scales)] = _crossovers(k, r, its_scales, losses, seeds)
        for name, regime in (("law_a", "small_scale"), ("law_b", "small_loss")):
            laws[name][place] = [_law(k, r, loss, regime) for loss in fine]
    crossover[escaped > 0] = np.nan
    return xr.Dataset(
        {
            "beta": (("panel", "scale", "loss", "seed"), beta),
            "escaped": (("panel", "scale", "loss", "seed"), escaped),
            "between": (("panel", "scale", "loss", "seed"), between),
            "crossover": (("panel", "scale", "loss"), _mean(crossover)),
            "crossover_error": (("panel", "scale", "loss"), _largest(np.abs(crossover - beta))),
            "init_scale": (("panel", "scale"), scales),
            **{name: (("panel", "fine"), values) for name, values in laws.items()},
        },
        coords={
            "n_classes": ("panel", [k for k, _ in pairs]),
            "degree": ("panel", [r for _, r in pairs]),
            "final_loss": ("loss", losses),
            "fine_loss": ("fine", fine),
            "seed": seeds,
        },
        attrs={
            "source": "mli simulate power-model, plateau-laws",
            "spec": experiment.attrs["spec"],
            "versions": experiment.attrs.get("versions", ""),
            "n_seeds": len(seeds),
            "package_version": package_version(),
        },
    )


def _law(k: int, r: int, loss: float, regime: str) -> float:
    try:
        return float(plateau_law(k, r, loss, regime).beta)
    except DomainError:  # the loss is too large for the law
        return float("nan")


def _crossovers(k: int, r: int, scales: Any, losses: Any, seeds: Any) -> NDArray[np.float64]:
    found = np.full((len(scales), len(losses), len(seeds)), np.nan)
    for n, seed in enumerate(seeds):
        starts = initial_weights(Group(k, r, tuple(scales), tuple(losses)), int(seed))
        for i, start in enumerate(starts):
            for j, loss in enumerate(losses):
                try:
                    law = crossover_law(np.diag(start), r, loss)
                except DomainError:
                    continue
                found[i, j, n] = np.nan if law.escaped else law.beta
    return found


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    count = np.isfinite(values).sum(axis=-1)
    return np.where(count > 0, np.nansum(values, axis=-1) / np.maximum(count, 1), np.nan)


def _largest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(
        np.isfinite(values).any(axis=-1), np.nanmax(np.nan_to_num(values, nan=-1), axis=-1), np.nan
    )


def layout(dataset: xr.Dataset) -> Layout:
    """At most three panels in a row; one place more than panels, for the legend."""
    places = dataset.sizes["panel"] + 1
    columns = min(3, places)
    rows = -(-places // columns)
    return Layout(rows, columns, DOUBLE_COLUMN, 0.4 + 2.2 * rows)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Dots are runs; a cross has escaped; dashes are the crossover law, lines laws (a) and (b)."""
    places = axes.ravel()
    scales = np.unique(dataset["init_scale"].to_numpy())
    styles = {scale: STYLES[n % len(STYLES)] for n, scale in enumerate(scales[np.isfinite(scales)][::-1])}
    for ax, panel in zip(places, range(dataset.sizes["panel"]), strict=False):
        _draw_one(ax, dataset.isel(panel=panel), styles)
    for ax in places[dataset.sizes["panel"] :]:
        ax.set_axis_off()
    key = places[dataset.sizes["panel"]]
    for label, style in _LAWS.values():
        key.plot([], [], label=label, **style)
    for scale, style in styles.items():
        alone = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
        key.plot([], [], label=f"runs, initial scale {_power(scale)}", markersize=3.5, **alone)
    key.plot([], [], label="crossover law, on its runs", **_CROSSOVER)
    key.plot([], [], label="escaped: no law, same colours", color="0.4", **_ESCAPED)
    key.legend(loc="center", fontsize=6.5)


def _power(scale: float) -> str:
    """1e-05 as a power of ten; other numbers as they are."""
    exponent = round(float(np.log10(scale)))
    return f"$10^{{{exponent}}}$" if np.isclose(scale, 10.0**exponent) else f"{scale:g}"


def _draw_one(ax: Axes, one: xr.Dataset, styles: dict[float, Any]) -> None:
    for name, (_, style) in _LAWS.items():
        ax.plot(one["fine_loss"].to_numpy(), one[name].to_numpy(), gid=name, **style)
    losses = one["final_loss"].to_numpy()
    scales = one["init_scale"].to_numpy()
    for i in np.flatnonzero(np.isfinite(scales)):
        style = styles[scales[i]]
        beta, escaped = (one[name][i].to_numpy() for name in ("beta", "escaped"))
        at = np.repeat(losses, beta.shape[1]) * _SHIFT ** (i - 1.5)  # beside each other
        # Escaped runs lie anywhere below: at the lower edge they leave the laws room to be told apart.
        beta = np.where(escaped > 0, np.maximum(beta, _LOWEST), beta)
        looks: tuple[tuple[bool, dict[str, Any]], ...] = (
            (False, {"marker": style["marker"], "markersize": 4, "alpha": 0.6, "linestyle": "none"}),
            (True, {**_ESCAPED, "clip_on": False}),
        )
        for gone, options in looks:
            chosen = ((escaped > 0) == gone).ravel() & np.isfinite(beta).ravel()
            if chosen.any():
                ax.plot(
                    at[chosen],
                    beta.ravel()[chosen],
                    color=style["color"],
                    **{"gid": f"{'escaped' if gone else 'beta'}{i}", **options},
                )
        ax.plot(
            losses * _SHIFT ** (i - 1.5),
            one["crossover"][i].to_numpy(),
            gid=f"crossover{i}",
            **_CROSSOVER,
        )
    ax.set(
        xscale="log",
        xlabel="final loss (nats)",
        ylabel=r"$\beta$ = bias gap / signal",
        title=f"$k$ = {int(one['n_classes'])} classes, degree {int(one['degree'])}",
        ylim=(_LOWEST - 0.01, 0.475),
    )
    ax.set_xlim(float(losses.min()) / 20, float(losses.max()) * 20)
    ax.set_xticks([10.0**power for power in (-2, -7, -12)])
    ax.set_xticks([], minor=True)
    ax.invert_xaxis()


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and what holds where."""
    there = np.isfinite(dataset["beta"].to_numpy())
    return (
        f"F7. {TITLE}. β, whose (r−1)th root is the plateau's end, against the final loss, which falls "
        "to the "
        f"right: {int(there.sum())} states of flows from {int(dataset.attrs['n_seeds'])} starts a panel and "
        "initial scale (dots are single starts; scales stand beside each other; no bands). Law (a) holds for "
        "scale to 0 first, law (b) for loss to 0 first; for k = 2 they are one. Short dashes: the "
        "crossover law, "
        f"computed from each start. Crosses (at the lower edge where β < {_LOWEST}): escaped; the last "
        "class is "
        "learned by its weight after all, and no law holds."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """How many runs lie between the laws, how far off the crossover law is, how many have escaped."""
    beta, escaped = dataset["beta"].to_numpy(), dataset["escaped"].to_numpy() > 0
    there = np.isfinite(beta)
    held = there & ~escaped
    more = held & (dataset["n_classes"].to_numpy() > 2)[:, None, None, None]
    between = int((more & (dataset["between"].to_numpy() > 0)).sum())
    error = dataset["crossover_error"].to_numpy()
    small = dataset["final_loss"].to_numpy() <= 1e-4
    return [
        f"For k > 2, {between} of {int(more.sum())} runs that have not escaped lie between the laws, at "
        "leading "
        "order.",
        f"The crossover law is off by at most {np.nanmax(error[..., small]):.4f} at losses of 1e-4 and below "
        f"and {np.nanmax(error):.4f} anywhere.",
        f"{int((there & escaped).sum())} states (crosses) have escaped.",
    ]
