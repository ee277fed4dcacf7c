"""The curve of a classifier (n, k) with one label a sample: loss, error, classes, exits."""

from __future__ import annotations

from typing import Any

import xarray as xr
from torch import nn

from simulations.curves.accumulator import CurveSums
from simulations.curves.arguments import largest_bias_class
from simulations.curves.asked import AskedCurve, joined_curves
from simulations.curves.attributes import (
    line_attributes,
    say_what_is_not_measured,
    say_where_interpolation_failed,
)
from simulations.curves.engine import Engine, SplitCurve
from simulations.curves.watched import WatchedLine
from simulations.line.line_setup import open_line
from simulations.models.checkpoints import Checkpoint

__all__ = ["curve_of_classes"]


def curve_of_classes(
    asked: AskedCurve, model: nn.Module, start: Checkpoint, end: Checkpoint, data: Any
) -> xr.Dataset:
    """As `simulations.curves.interpolation_curves`.

    Raises:
        simulations.user_data.batch.OtherLabelsError: the labels are not one class index a sample.
        ValueError: as there.
    """
    with open_line(
        model,
        start,
        end,
        data,
        find_last=asked["exits"],
        ignored=asked["ignore_index"],
        **asked.line_options(),
    ) as opened:
        line = opened.line
        attributes = line_attributes(opened, asked.arguments)
        exits_from = largest_bias_class(opened) if asked["exits"] else None
        splits = {}
        for name, batches in opened.splits.items():
            split = splits[name] = SplitCurve(
                batches, CurveSums(asked.alphas, exits_from, samples=asked["samples"])
            )
            if watched := asked.watched():  # there is something to see
                split.watched, split.line = watched, WatchedLine(line, watched)
        cache = asked.cached(line, attributes)
        found = cache.find_all(splits, asked.call())
        engine = Engine(line, asked.alphas, at_once=asked["alphas_at_once"], **asked.engine_options())
        missing = [split for name, split in splits.items() if name not in found]
        engine.run(missing, asked.progress)
        say_what_is_not_measured(line)
    for split in missing:
        say_where_interpolation_failed(split, engine)
    return joined_curves(asked, splits, engine, attributes, cache, found)
