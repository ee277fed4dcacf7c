"""A curve from its line opened to its splits joined, whichever numbers the walk is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import xarray as xr
from torch import nn

from simulations.curves.asked import AskedCurve
from simulations.curves.attributes import (
    finished_curve,
    line_attributes,
    say_what_is_not_measured,
    say_where_interpolation_failed,
)
from simulations.curves.engine import Engine, SplitCurve
from simulations.curves.objective_engine import ObjectiveCurve, ObjectiveEngine
from simulations.curves.splits import join_splits
from simulations.line.line_setup import OpenLine, open_line
from simulations.line.moved_network import Line
from simulations.models.checkpoints import Checkpoint

__all__ = ["Walk", "walked_curve"]


class Walk(Protocol):
    """What is kept of a sample along the line, and the engine that keeps it."""

    of_objective: bool

    def line_options(self) -> dict[str, Any]:
        """Arguments of `open_line` that `AskedCurve.line_options` does not have."""

    def splits(self, opened: OpenLine) -> Mapping[str, SplitCurve] | Mapping[str, ObjectiveCurve]:
        """Empty sums for every split."""

    def engine(self, line: Line) -> Engine | ObjectiveEngine:
        """What fills them."""


def walked_curve(
    walk: Walk, asked: AskedCurve, model: nn.Module, start: Checkpoint, end: Checkpoint, data: Any
) -> xr.Dataset:
    """As `simulations.curves.interpolation_curves`: splits that the cache has are not walked.

    Args:
        walk: of classes or of an objective.
        asked: the curve.
        model: as there.
        start: as there.
        end: as there.
        data: as there.

    Raises:
        ValueError: as there.
    """
    with open_line(model, start, end, data, **walk.line_options(), **asked.line_options()) as opened:
        line, attributes = opened.line, line_attributes(opened, asked.arguments)
        splits: Mapping[str, Any] = walk.splits(opened)
        cache = asked.cached(line, attributes, objective=walk.of_objective)
        curves = cache.find_all(splits, asked.call())
        engine = walk.engine(line)
        missing = {name: split for name, split in splits.items() if name not in curves}
        engine.run(list(missing.values()), asked.progress)
        say_what_is_not_measured(line)
    for name, split in missing.items():
        say_where_interpolation_failed(split, engine)
        curve = finished_curve(split, engine, attributes, asked.call())
        curves[name] = curve if split.watched is None else split.watched.add_to(curve)
        cache.keep(name, curves[name])
    return curves[""] if "" in curves else join_splits({name: curves[name] for name in splits})
