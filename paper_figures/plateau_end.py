"""Where the plateau ends, in loss and in error, over one axis of the star; every seed is a dot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from paper_figures.style import ERROR_COLOUR, LOSS_COLOUR
from validation.claims.line_shape import plateau_end
from validation.observations import Observations

__all__ = ["PANELS", "draw_plateau_ends"]

# Title, then (tick label, arm) from left to right.
PANELS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("depth (bias last, scale 0.5)", (("2", "depth-2"), ("4", "depth-4"), ("8", "centre"))),
    ("bias (depth 8, scale 0.5)", (("none", "bias-none"), ("last", "centre"), ("all", "bias-all"))),
    (
        "initial scale (depth 8, bias last)",
        (("0.5", "centre"), ("0.7", "scale-0.7"), ("1.0", "scale-1.0")),
    ),
)


def draw_plateau_ends(
    ax: Axes, observations: Observations, title: str, arms: Sequence[tuple[str, str]]
) -> None:
    """Dots are seeds, thin lines join one seed's, bars are means; an undefined end is not drawn."""
    for quantity, colour, shift in (("loss", LOSS_COLOUR, -0.12), ("error", ERROR_COLOUR, 0.12)):
        ends = [
            observations.by_seed(arm, lambda run, q=quantity: plateau_end(run, q))  # type: ignore[misc]
            for _, arm in arms
        ]
        places = np.arange(len(arms)) + shift
        for seed in sorted(set().union(*ends)):
            line = [of_arm.get(seed, np.nan) for of_arm in ends]
            ax.plot(places, line, color=colour, linewidth=0.4, alpha=0.4, marker="o", markersize=3)
        for place, of_arm in zip(places, ends, strict=True):
            finite = [value for value in of_arm.values() if np.isfinite(value)]
            if finite:
                mean = float(np.mean(finite))
                ax.plot([place - 0.1, place + 0.1], [mean, mean], color=colour, linewidth=2.5)
        ax.plot([], [], color=colour, marker="o", label=quantity)
    ax.set_xticks(range(len(arms)), [tick for tick, _ in arms])
    ax.set(title=title, ylabel="plateau's end (alpha)", ylim=(0, 1), xlim=(-0.5, len(arms) - 0.5))
    ax.legend()
