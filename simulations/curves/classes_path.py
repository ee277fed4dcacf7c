"""The curve of a classifier (n, k) with one label a sample: loss, error, classes, exits."""

from __future__ import annotations

from typing import Any

from simulations.curves.accumulator import CurveSums
from simulations.curves.arguments import largest_bias_class
from simulations.curves.asked import AskedCurve
from simulations.curves.engine import Engine, SplitCurve
from simulations.curves.watched import WatchedLine
from simulations.line.line_setup import OpenLine
from simulations.line.moved_network import Line

__all__ = ["ClassesWalk"]


class ClassesWalk:
    """As `simulations.curves.walked_curve.Walk`, by the logits of every sample.

    Opening the line raises `simulations.user_data.batch.OtherLabelsError` where the labels are not one class
    index a sample.

    Args:
        asked: the curve.
    """

    of_objective = False

    def __init__(self, asked: AskedCurve) -> None:
        self._asked = asked

    def line_options(self) -> dict[str, Any]:
        """The last layer is looked for where exits are asked."""
        return {"find_last": self._asked["exits"], "ignored": self._asked["ignore_index"]}

    def splits(self, opened: OpenLine) -> dict[str, SplitCurve]:
        """Sums of logits."""
        asked = self._asked
        exits_from = largest_bias_class(opened) if asked["exits"] else None
        splits = {}
        for name, batches in opened.splits.items():
            split = splits[name] = SplitCurve(
                batches, CurveSums(asked.alphas, exits_from, samples=asked["samples"])
            )
            if watched := asked.watched():  # there is something to see
                split.watched, split.line = watched, WatchedLine(opened.line, watched)
        return splits

    def engine(self, line: Line) -> Engine:
        """May take several alphas at once."""
        asked = self._asked
        return Engine(line, asked.alphas, at_once=asked["alphas_at_once"], **asked.engine_options())
