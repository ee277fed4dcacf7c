"""The page docs/literature.md: what the subject's papers report, by which command, and what came out here.

What came out is each figure's `finding`, from its data; the rest stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from paper_figures.sources import figure_module
from simulations.runtime.atomic_files import atomic_path, writable_folder

__all__ = ["FIGURES_TOLD", "NAME", "literature_markdown", "write_literature_page"]

NAME = "literature.md"


class _Look(NamedTuple):
    """One thing that a paper reports, and how to see it here."""

    reports: str
    commands: str
    figure: str = ""
    without: str = ""
    """Why nothing came out here, or where it stands; with a figure, what of the paper it leaves out."""


_PAPERS: dict[str, Sequence[_Look]] = {
    "Goodfellow, Vinyals, Saxe 2015 (1412.6544)": (
        _Look("a line between two minima, which rises in the middle", "mli sweep minima", "F20"),
        _Look("the line of an LSTM", "mli sweep language_model", "F22"),
        _Look(
            "lines of convolutional and of maxout networks",
            "mli figures F1 F12",
            without="F1 and F12 draw those of VGG-16 and ResNet-18. There is no maxout network here.",
        ),
        _Look(
            "a plane through the trajectory",
            "",
            without="`mli.plane` gives loss and error on the plane through any three states; no experiment "
            "draws it.",
        ),
        _Look(
            "a factored linear model of two parameters",
            "mli simulate power-model",
            without="The power model takes its place; its manifold of minima is not drawn.",
        ),
    ),
    "Frankle 2020 (2012.06898)": (
        _Look(
            "lines from states of training to its end; barriers from early ones",
            "mli sweep checkpoints",
            "F18",
        ),
        _Look(
            "training loss near its start for most of the line, test error too",
            "mli figures F1 F12",
            without="F1 draws the training line, F12 the test line.",
        ),
    ),
    "Lucas et al. 2021 (2104.11044)": (
        _Look("autoencoders by bottleneck, rate and optimiser", "mli sweep autoencoders", "F21"),
        _Look(
            "the share of runs that violate MLI, by rate, optimiser and batch norm",
            "mli sweep rates",
            "F19",
            "The one depth of ResNet is 18; there is no Fixup, and the FCN has no batch norm.",
        ),
        _Look("lines from unrelated initial weights to one optimum", "mli sweep starts", "F16"),
        _Look("language models", "mli sweep language_model", "F22"),
        _Look(
            "Gauss length, distance moved and bump height against each other",
            "mli runs measures",
            "F24",
            "Autoencoders and language models have no Gauss length here.",
        ),
        _Look(
            "combinations of several minima; a plane through two initial weights and the optimum",
            "",
            without="`mli.plane` gives the plane through any three states; no experiment draws it, and "
            "combinations of more than three are not walked.",
        ),
    ),
    "Vlaar, Frankle 2022 (2106.16004)": (
        _Look(
            "lines of single layers and of groups of them",
            "mli sweep layers",
            "F17",
            "Other parts of a network walk alone by `only:PATTERN` in a run's `lines`; no experiment does.",
        ),
        _Look(
            "data, initial weights, optimiser and architecture varied",
            "mli validate --profile standard",
            without="Verdicts on each, at the scale that they name: [verdicts.md](verdicts.md).",
        ),
        _Look("partial pre-training", "mli sweep pretraining", "F23"),
        _Look(
            "the shape of the line against test accuracy",
            "mli figures F12",
            without="F12 draws training and test lines side by side; no rank correlation is taken.",
        ),
    ),
    "Wang et al. 2023 (2210.01019)": (
        _Look(
            "the plateau, and biases as its cause",
            "mli validate --profile standard",
            without="The package is about it: [verdicts.md](verdicts.md), "
            "[reproduce_the_paper.md](reproduce_the_paper.md). F3 draws the power model's weights and biases "
            "over time.",
        ),
    ),
    "Tao, Li, Zhan 2024": (
        _Look(
            "other initial weights, noise and zero as starts; alpha times the end",
            "mli sweep starts",
            "F16",
            "FCNs alone, with and without biases; VGG and ResNet are not among them.",
        ),
        _Look("large rates and adaptive optimisers violate MLI", "mli sweep rates", "F19"),
    ),
    "Adilova et al. 2024 (2307.06966)": (
        _Look("barriers between two minima", "mli sweep minima", "F20"),
        _Look(
            "barriers of single layers and of groups from either end",
            "mli sweep layers",
            "F17",
            "These lines begin at a run's initial weights. Between two minima no layer is averaged alone, "
            "and not epoch by epoch.",
        ),
        _Look(
            "barriers between language models",
            "",
            without="No two were joined. `seed:K` in a run's `lines` walks the line between the ends of two "
            "seeds of any network.",
        ),
    ),
    "Lim et al. 2024": (
        _Look("largest increase, local and global convexity of many lines", "mli runs measures", "F24"),
    ),
    "Juneja et al. 2023 (2205.12411)": (
        _Look(
            "lines between fine-tuned BERTs on several test sets",
            "",
            without="None was fine-tuned here. `mli curve` walks the line between any two states of a user's "
            "network.",
        ),
    ),
    "2510.08023 (2025)": (
        _Look(
            "the loss at the best temperature of each alpha",
            "",
            without="The option `calibrated` of `mli.interpolation_curves` gives it; no experiment draws it.",
        ),
    ),
}

FIGURES_TOLD = tuple(
    dict.fromkeys(look.figure for looks in _PAPERS.values() for look in looks if look.figure)
)
"""The figures whose findings the page tells."""

_HEAD = """\
# What the subject's papers report, and what came out here

Each experiment has a `quick` form, small enough for two cores, and a `paper` form (option `--form` of
`mli sweep`). What came out is of the form, networks and data named beside it. These runs ask whether a
thing is seen at this scale: they are no test of a paper's claim, and no verdict is made of them. A line
"rises" where the largest rise of its loss between any two alphas is above 0.01 of its fall, the rule of
C2; a barrier is the largest loss above the mean of both ends.

`mli figures --page docs --shipped` writes this page.
"""


def literature_markdown(data: Callable[[str], xr.Dataset]) -> str:
    """The page.

    Args:
        data: gives a figure's dataset by its name, for each of `FIGURES_TOLD`.
    """
    parts = [_HEAD]
    for paper, looks in _PAPERS.items():
        parts.append(f"## {paper}\n")
        for look in looks:
            command = f" (`{look.commands}`)" if look.commands else ""
            parts.append(
                f"- **{look.reports[0].upper()}{look.reports[1:]}**{command}. {_came_out(look, data)}"
            )
        parts.append("")
    return "\n".join(parts)


def _came_out(look: _Look, data: Callable[[str], xr.Dataset]) -> str:
    if not look.figure:
        return look.without
    dataset = data(look.figure)
    module = figure_module(look.figure)
    return f"{_scale(dataset)}, {look.figure}: {module.finding(dataset)} {look.without}".rstrip()


def _scale(dataset: xr.Dataset) -> str:
    """Runs, data and form in words."""
    attrs = dataset.attrs
    form = f"{attrs['forms']} form, " if attrs.get("forms") else ""
    data = f" on {attrs['data']}" if attrs.get("data") else ""
    return f"*{form}{attrs['n_runs']} runs{data}*"


def write_literature_page(folder: Path | str, data: Callable[[str], xr.Dataset]) -> Path:
    """Write `folder/literature.md`.

    Raises:
        OSError: the folder cannot be written.
    """
    text = literature_markdown(data)
    path = writable_folder(folder) / NAME
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
