"""F2: how signal and bias grow along the line: the signal's gain, its effective degree, its direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from paper_figures.drawing.panel_labels import letters, share_limits
from paper_figures.drawing.run_curves import NothingToDrawError, degree, reached
from paper_figures.drawing.seed_statistics import BAND, draw_band, mean_low_high, range_text
from paper_figures.drawing.style import DOUBLE_COLUMN, LOSS_COLOUR, STYLES, AxesGrid, Layout
from paper_figures.drawing.symbols import ALPHA
from simulations.runs.described_runs import provenance

__all__ = ["ARMS", "EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "layout"]

TITLE = "How signal and bias grow along the line"
EXPERIMENTS = ("star",)
ARMS = {"centre": "the centre", "scale-1.0": "He's full scale", "depth-2": "two layers"}
_SCALES = {"0.5": "half of He's scale", "1": "He's scale"}
_LOWEST = 1e-3  # of the gain's axis
_LAWS: dict[str, tuple[str, dict[str, Any]]] = {
    "gain_predicted": ("product law (M2)", {"color": "black", "linestyle": "--", "linewidth": 1.1}),
    "effective": (r"$\alpha^{r_\mathrm{eff}}$ (T13)", {"color": "0.45", "linestyle": "-.", "linewidth": 1.1}),
    "power": (r"$\alpha^{\mathrm{depth}}$ (T1)", {"color": "black", "linestyle": ":", "linewidth": 1.1}),
}


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """The gain of each arm's signal, what the laws make of it, and its cosine with the trained signal.

    Args:
        runs: merged runs of the star with `gain`; the arms of `ARMS` are taken.

    Returns:
        `gain_mean`, `gain_low`, `gain_high`, and for `gain_predicted`, `effective`, `power` the mean (panel,
        alpha); `cosine_mean`, ... (panel, held_out_alpha); `effective_degree`, `law_off` (the product law's
        worst distance from the gain), `least_cosine` (panel, seed); `depth(panel)`.

    Raises:
        NothingToDrawError: no run with a gain.
    """
    usable = [run for run in reached(runs) if "gain" in run and degree(run)]
    panels = [arm for arm in ARMS if any(run.attrs["arm"] == arm for run in usable)]
    if not panels:
        raise NothingToDrawError("there is no gain to draw: no run of the star has one")
    used = [run for run in usable if run.attrs["arm"] in panels]
    seeds = sorted({int(run.attrs["seed"]) for run in used})
    parts = [_panel([run for run in used if run.attrs["arm"] == arm], seeds) for arm in panels]
    names = [f"{ARMS[arm]} ({_words(used, arm)})" for arm in panels]
    dataset = xr.concat(parts, dim=xr.DataArray(names, dims="panel", name="panel"))
    return dataset.assign_attrs(provenance(used, n_left_out=len(runs) - len(reached(runs))))


def _words(runs: Sequence[xr.Dataset], arm: str) -> str:
    first = next(run for run in runs if run.attrs["arm"] == arm)
    return f"depth {first.attrs['depth']}, scale {first.attrs['init_scale']:g}"


def _panel(runs: Sequence[xr.Dataset], seeds: Sequence[int]) -> xr.Dataset:
    alphas = runs[0]["alpha"].to_numpy()
    depth = int(runs[0].attrs["depth"])
    of_seed = {int(run.attrs["seed"]): run for run in runs}
    effective = {seed: float(run["effective_degree"]) for seed, run in of_seed.items()}
    numbers = {
        "effective_degree": effective,
        "law_off": {s: float(abs(r["gain"] - r["gain_predicted"]).max()) for s, r in of_seed.items()},
        "least_cosine": {s: float(r["signal_cosine"].min()) for s, r in of_seed.items()},
    }
    laws = {
        "gain_predicted": np.mean([run["gain_predicted"].to_numpy() for run in runs], axis=0),
        "effective": np.mean([alphas**power for power in effective.values()], axis=0),
        "power": alphas**depth,
    }
    parts = ("mean", "low", "high")
    gain = mean_low_high([run["gain"].to_numpy() for run in runs])
    cosine = mean_low_high([run["signal_cosine"].to_numpy() for run in runs])
    return xr.Dataset(
        {
            **{f"gain_{p}": ("alpha", v.astype(np.float32)) for p, v in zip(parts, gain, strict=True)},
            **{
                f"cosine_{p}": ("held_out_alpha", v.astype(np.float32))
                for p, v in zip(parts, cosine, strict=True)
            },
            **{name: ("alpha", values.astype(np.float32)) for name, values in laws.items()},
            **{
                name: ("seed", [by_seed.get(seed, np.nan) for seed in seeds])
                for name, by_seed in numbers.items()
            },
            "depth": depth,
        },
        coords={"alpha": alphas, "held_out_alpha": runs[0]["held_out_alpha"].to_numpy(), "seed": list(seeds)},
    )


def layout(dataset: xr.Dataset) -> Layout:
    """Gain above, cosine below, a column for each arm."""
    return Layout(2, dataset.sizes["panel"], DOUBLE_COLUMN, 4.2, legend=3)


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Measured in colour with a band, the laws in black and grey, the bias as the diagonal."""
    for column in range(dataset.sizes["panel"]):
        panel = dataset.isel(panel=column)
        _draw_gain(axes[0, column], panel)
        _draw_cosine(axes[1, column], panel)
        axes[0, column].set_title(_title(panel))
        axes[0, column].set_ylabel("share of the trained one")
        axes[1, column].set_ylabel("cosine of the signal\nwith the trained one")
        for ax in axes[:, column]:
            ax.set_xlabel(ALPHA)
    share_limits(axes[1])


def _title(panel: xr.Dataset) -> str:
    """Layers and scale in words, from the saved "name (depth 8, scale 0.5)"."""
    scale = str(panel["panel"].item()).rpartition("scale ")[2].rstrip(")")
    return f"{int(panel['depth'])} layers, {_SCALES.get(scale, f'{scale} of He’s scale')}"


def _draw_gain(ax: Axes, panel: xr.Dataset) -> None:
    alphas = panel["alpha"].to_numpy()
    shown = alphas > 0  # at 0 the bias is 0, which a logarithmic axis has not
    gain = [np.maximum(panel[f"gain_{p}"].to_numpy(), _LOWEST / 10)[shown] for p in ("mean", "low", "high")]
    draw_band(ax, alphas[shown], *gain, label="signal: gain, measured", color=LOSS_COLOUR)
    bias = {key: STYLES[1][key] for key in ("color", "linestyle")}
    ax.plot(alphas[shown], alphas[shown], label=f"bias: {ALPHA}", linewidth=1.2, **bias)
    for name, (label, style) in _LAWS.items():
        ax.plot(alphas[shown], panel[name].to_numpy()[shown], label=label, **style)
    ax.set(yscale="log", ylim=(_LOWEST, 1.5), xlim=(-0.03, 1.03))


def _draw_cosine(ax: Axes, panel: xr.Dataset) -> None:
    alphas = panel["held_out_alpha"].to_numpy()
    cosine = [panel[f"cosine_{p}"].to_numpy() for p in ("mean", "low", "high")]
    draw_band(ax, alphas, *cosine, label="_cosine", color=LOSS_COLOUR, marker="o", markersize=3)
    ax.set(xlim=(-0.03, 1.03), ylim=(min(0.0, float(np.nanmin(cosine[1]))) - 0.05, 1.05))


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and what it means."""
    n = dataset.sizes["panel"]
    return (
        f"F2. {TITLE}. Upper row {letters(0, n)}: the signal's gain on probe samples, the part of the "
        "trained "
        f"signal that is there, and the last layer's bias, which grows as α. {BAND}, n = "
        f"{dataset.sizes['seed']} seeds. Laws are means: M2, the product law from both ends; T13, α to the "
        "effective degree at the trained end; T1, α to the depth, which holds for zero initial weights. The "
        f"further the gain lies below the bias, the longer the bias can decide. {letters(n, n)}: the cosine "
        "of the signal at α with the trained one, which the laws need near 1."
    )


def details(dataset: xr.Dataset) -> list[str]:
    """Effective degrees, the product law's error, and where the signal keeps its direction."""
    found = ["Numbers are means (smallest to largest seed)."]
    for n, title in enumerate(dataset["panel"].to_numpy()):
        panel = dataset.isel(panel=n)
        found.append(
            f"{title}: effective degree {range_text(panel['effective_degree'])} of {int(panel['depth'])} "
            f"layers, product law off by at most {range_text(panel['law_off'])} of the gain, least cosine "
            f"{range_text(panel['least_cosine'])}."
        )
    return found
