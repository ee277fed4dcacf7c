"""F22: small language models on the line, loss and error by character."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from paper_figures.drawing.arm_words import in_words
from paper_figures.drawing.line_panels import Panel, draw_lines, lines_layout
from paper_figures.drawing.line_shapes import (
    TOLERANCE,
    by_arm,
    collect_shapes,
    shape_sentences,
    styles_of,
)
from paper_figures.drawing.run_curves import measured, reached
from paper_figures.drawing.seed_statistics import BAND, range_text
from paper_figures.drawing.style import AxesGrid
from simulations.runs.described_runs import provenance

__all__ = ["EXPERIMENTS", "TITLE", "caption", "collect", "details", "draw", "finding", "layout"]

TITLE = "Language models on the line"
EXPERIMENTS = ("language_model",)


def collect(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """One panel, a line for each way to train.

    Args:
        runs: merged runs of `EXPERIMENTS`.

    Raises:
        NothingToDrawError: no run with a line.
    """
    usable = reached(runs)
    arms = by_arm(usable)
    lines = {arm: measured(group) for arm, group in arms.items()}
    panels = [Panel("next character", usable[0]["alpha"].to_numpy(), lines)] if usable else []
    digests = ", ".join(sorted({str(run.attrs["text_digest"]) for run in usable}))
    attrs = provenance(usable, n_left_out=len(runs) - len(usable), text_digest=digests)
    return collect_shapes(panels, styles_of(arms), attrs)


layout = lines_layout


def draw(axes: AxesGrid, dataset: xr.Dataset) -> None:
    """Loss beside error."""
    draw_lines(axes, dataset, styles_of(map(str, dataset["line"].to_numpy())))


def finding(dataset: xr.Dataset) -> str:
    """How many lines rise, and where a tenth of the fall is spent."""
    ends = "; ".join(
        f"{in_words(str(name))} {range_text(dataset['loss_plateau_end'][0, n])} in loss, "
        f"{range_text(dataset['error_plateau_end'][0, n])} in error"
        for n, name in enumerate(dataset["line"].to_numpy())
    )
    return f"{shape_sentences(dataset)} A tenth of the fall is spent at alpha {ends}."


def caption(dataset: xr.Dataset) -> str:
    """What is drawn, and its rule."""
    return (
        f"F22. {TITLE}: a causal transformer and an LSTM on the topics of Python's help (digest "
        f"{dataset.attrs['text_digest']}), loss in nats and share of wrong characters on the training "
        f"sequences. {BAND}. A line rises where its largest rise is above {TOLERANCE:g} of its fall (C2). "
    )


def details(dataset: xr.Dataset) -> list[str]:
    """The finding."""
    return [finding(dataset)]
