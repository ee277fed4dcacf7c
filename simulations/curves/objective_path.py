"""The curve of any objective: loss, and error where there is one."""

from __future__ import annotations

from typing import Any

import xarray as xr
from torch import nn

from simulations.curves.asked import AskedCurve, joined_curves
from simulations.curves.attributes import (
    line_attributes,
    say_what_is_not_measured,
    say_where_interpolation_failed,
)
from simulations.curves.objective_engine import ObjectiveCurve, ObjectiveEngine
from simulations.curves.objective_sums import ObjectiveSums
from simulations.line.line_setup import open_line
from simulations.models.checkpoints import Checkpoint

__all__ = ["curve_of_objective"]


def curve_of_objective(
    asked: AskedCurve, model: nn.Module, start: Checkpoint, end: Checkpoint, data: Any
) -> xr.Dataset:
    """As `simulations.curves.interpolation_curves`.

    Raises:
        ValueError: as there.
    """
    objective = asked.objective
    if asked["exits"]:
        raise ValueError(
            "exits are of classes (n, k) with one label a sample and no weights or smoothing: leave exits out"
        )
    with open_line(model, start, end, data, objective=objective, **asked.line_options()) as opened:
        line = opened.line
        attributes = line_attributes(opened, asked.arguments)
        splits = {
            name: ObjectiveCurve(
                batches,
                ObjectiveSums(asked.alphas, objective, samples=asked["samples"]),
                asked.watched() or None,
                opened.totals[name],
            )
            for name, batches in opened.splits.items()
        }
        cache = asked.cached(line, attributes, objective=True)
        found = cache.find_all(splits, asked.call())
        engine = ObjectiveEngine(line, objective, asked.alphas, **asked.engine_options())
        missing = [split for name, split in splits.items() if name not in found]
        engine.run(missing, asked.progress)
        say_what_is_not_measured(line)
    for split in missing:
        say_where_interpolation_failed(split, engine)
    return joined_curves(asked, splits, engine, attributes, cache, found)
