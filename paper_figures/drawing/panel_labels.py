"""Panels beside each other: a letter each, one scale where they are compared, each label said once."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

__all__ = ["drop_repeated_labels", "letter_panels", "letters", "share_limits", "wrap_labels"]


def letter_panels(axes: Iterable[Axes]) -> None:
    """(a), (b), ... above the left end of each panel, in the order given; one panel alone has none."""
    shown = [ax for ax in axes if ax.axison]
    for letter, ax in zip(ascii_lowercase, shown if len(shown) > 1 else (), strict=False):
        ax.annotate(
            f"({letter})",
            (0, 1),
            xycoords="axes fraction",
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontweight="bold",
            gid=f"letter {letter}",
        )


def letters(first: int, count: int = 1) -> str:
    """What a caption calls `count` panels from the one numbered `first` on: "(c)", "(a, b)", "(a–e)"."""
    named = ascii_lowercase[first : first + count]
    return f"({', '.join(named)})" if count < 3 else f"({named[0]}–{named[-1]})"


def share_limits(axes: Iterable[Axes], axis: str = "y") -> None:
    """Give panels that are compared the same limits: the widest of theirs.

    Args:
        axes: the panels.
        axis: "x" or "y".
    """
    panels = list(axes)
    limits = np.array([getattr(ax, f"get_{axis}lim")() for ax in panels])
    for ax in panels:
        getattr(ax, f"set_{axis}lim")(float(limits[:, 0].min()), float(limits[:, 1].max()))


def drop_repeated_labels(axes: NDArray[Any]) -> None:
    """Take away a label, and the numbers of the same scale, that the panel to the left or below has too.

    Of titles, those that the panel above has.

    Args:
        axes: (rows, columns) as they lie on the page.
    """
    rows, columns = axes.shape
    labels = {ax: (ax.get_xlabel(), ax.get_ylabel()) for ax in axes.ravel()}
    for row in range(rows - 1, 0, -1):
        for upper, lower in zip(axes[row - 1], axes[row], strict=True):
            if upper.axison and upper.get_title() == lower.get_title():
                lower.set_title("")
    for row in range(rows):
        for column in range(columns):
            ax = axes[row, column]
            beside = axes[row, column - 1] if column else None
            under = axes[row + 1, column] if row + 1 < rows else None
            for name, neighbour, which in (("y", beside, 1), ("x", under, 0)):
                if neighbour is None or not (ax.axison and neighbour.axison):
                    continue
                if not labels[ax][which] or labels[ax][which] != labels[neighbour][which]:
                    continue
                if name == "y" or _scale(ax, name) == _scale(neighbour, name):
                    getattr(ax, f"set_{name}label")("")
                if _scale(ax, name) == _scale(neighbour, name):
                    ax.tick_params(**{"labelleft" if name == "y" else "labelbottom": False}, which="both")


def wrap_labels(axes: Iterable[Axes], across: int, down: int) -> None:
    """Break titles and labels that are longer than narrow panels.

    Args:
        axes: the panels.
        across: characters of a line of a title, and of the label below.
        down: characters of an upright label's line.
    """
    for ax in axes:
        ax.set_title("\n".join(fill(line, across) for line in ax.get_title().split("\n")), fontsize=7)
        ax.set_xlabel(fill(ax.get_xlabel(), across))
        ax.set_ylabel("\n".join(fill(line, down) for line in ax.get_ylabel().split("\n")))


def _scale(ax: Axes, name: str) -> tuple[Any, ...]:
    ticks = getattr(ax, f"get_{name}ticks")()
    return (getattr(ax, f"get_{name}scale")(), getattr(ax, f"get_{name}lim")(), tuple(np.round(ticks, 9)))
