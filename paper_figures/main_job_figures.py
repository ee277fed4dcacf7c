"""The figures of the main job's report, from its outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paper_figures import centre_curve, plateau_end, power_model_time
from paper_figures.style import save_figure
from validation.main_job import Outcome

__all__ = ["save_main_job_figures"]


def save_main_job_figures(folder: Path | str, outcome: Outcome) -> list[Path]:
    """Write centre_curve, plateau_end and power_model_time as PNG and PDF.

    The centre's curve and the simple model are of the first seed that has them. Where no run of the centre
    reached its target there is no curve to draw: the figure then says so.
    """
    centre = outcome.observations.arm("centre")
    flows = outcome.observations.simple_model

    def curve(axes: np.ndarray) -> None:
        if not centre:
            for ax in axes:
                ax.text(0.5, 0.5, "no run of the centre\nreached its target loss", ha="center", va="center")
            return
        run = centre[min(centre)]
        centre_curve.draw_loss(axes[0], run)
        centre_curve.draw_error(axes[1], run)

    def ends(axes: np.ndarray) -> None:
        for ax, (title, arms) in zip(axes, plateau_end.PANELS, strict=True):
            plateau_end.draw_plateau_ends(ax, outcome.observations, title, arms)

    def time(axes: np.ndarray) -> None:
        power_model_time.draw_weights(axes[0], flows[0])
        power_model_time.draw_bias(axes[1], flows[0])

    return [
        *save_figure(folder, "centre_curve", curve, panels=2, width=7, height=2.8),
        *save_figure(folder, "plateau_end", ends, panels=3, width=7, height=2.6),
        *save_figure(folder, "power_model_time", time, panels=2, width=7, height=2.6),
    ]
