"""The curve of any objective: loss, and error where there is one."""

from __future__ import annotations

from typing import Any

from simulations.curves.asked import AskedCurve
from simulations.curves.objective_engine import ObjectiveCurve, ObjectiveEngine
from simulations.curves.objective_sums import ObjectiveSums
from simulations.line.line_setup import OpenLine
from simulations.line.moved_network import Line

__all__ = ["ObjectiveWalk"]


class ObjectiveWalk:
    """As `simulations.curves.walked_curve.Walk`, by a few numbers of every row.

    Args:
        asked: the curve.

    Raises:
        ValueError: exits are asked.
    """

    of_objective = True

    def __init__(self, asked: AskedCurve) -> None:
        if asked["exits"]:
            raise ValueError(
                "exits are of classes (n, k) with one label a sample and no weights or smoothing: leave "
                "exits out"
            )
        self._asked = asked

    def line_options(self) -> dict[str, Any]:
        """All labels are read, and must fit the objective."""
        return {"objective": self._asked.objective}

    def splits(self, opened: OpenLine) -> dict[str, ObjectiveCurve]:
        """Sums of rows."""
        asked = self._asked
        return {
            name: ObjectiveCurve(
                batches,
                ObjectiveSums(asked.alphas, asked.objective, samples=asked["samples"]),
                asked.watched() or None,
                opened.totals[name],
            )
            for name, batches in opened.splits.items()
        }

    def engine(self, line: Line) -> ObjectiveEngine:
        """Takes one alpha at a time."""
        asked = self._asked
        return ObjectiveEngine(line, asked.objective, asked.alphas, **asked.engine_options())
