"""The figures of the main job's report, from its outcome: F1, F4 and F3 of its own runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import xarray as xr

from paper_figures.drawing.captions import caption_text, figure_page
from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.drawing.style import AxesGrid, Layout, save_figure
from paper_figures.figures import f01_lines, f03_power_model, f04_plateau_end
from simulations.runtime.atomic_files import atomic_path
from validation.job.main_job import Outcome

__all__ = ["save_main_job_figures"]

_ARMS_OF_LINES = ("centre", "bias-none")
_NOTHING = Layout(1, 1, 3.25, 1.5)
_SOURCE = "data of the runs of this report"


def save_main_job_figures(folder: Path | str, outcome: Outcome) -> list[Path]:
    """Write centre_curve (F1), plateau_end (F4) and power_model_time (F3) as PNG and PDF.

    Beside each its caption (.txt) and page (.md). Where no run reached its target there is nothing to
    draw: the figure then says so.
    """
    runs = [run for run in outcome.observations.runs if "/" not in run.attrs["arm"]]  # the star's
    lines = [run for run in runs if run.attrs["arm"] in _ARMS_OF_LINES]
    flows = list(outcome.observations.power_model)
    return [
        *_save(folder, "centre_curve", f01_lines, lambda: f01_lines.collect(lines)),
        *_save(folder, "plateau_end", f04_plateau_end, lambda: f04_plateau_end.collect(runs)),
        *_save(folder, "power_model_time", f03_power_model, lambda: f03_power_model.collect(flows)),
    ]


def _save(folder: Path | str, name: str, figure: ModuleType, collect: Callable[[], xr.Dataset]) -> list[Path]:
    try:
        dataset = collect()
    except NothingToDrawError as error:  # no run reached its target loss
        layout, words, numbers = _NOTHING, str(error), []

        def draw(axes: AxesGrid) -> None:
            axes[0, 0].text(0.5, 0.5, words, ha="center", va="center", wrap=True)
            axes[0, 0].set_axis_off()
    else:
        layout = figure.layout(dataset)
        # Here it has a name of its own in place of its number.
        words = caption_text(figure.caption(dataset).partition(". ")[2], dataset.assign_attrs(source=_SOURCE))
        numbers = figure.details(dataset)

        def draw(axes: AxesGrid) -> None:
            figure.draw(axes, dataset)

    paths = save_figure(folder, name, draw, layout)
    title = name.replace("_", " ").capitalize()
    page = figure_page(title, f"{name}.png", words, numbers)
    for suffix, text in (("txt", f"{words}\n"), ("md", page)):
        path = Path(folder) / f"{name}.{suffix}"
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
