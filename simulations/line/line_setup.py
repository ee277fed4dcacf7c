"""From what a user has (a model, two checkpoints, data) to a line that can be evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from simulations.line.moved_network import Line, NotFiniteError
from simulations.line.paths import PathFunction, path_coefficients
from simulations.models.checkpoints import Checkpoint, load_checkpoint
from simulations.models.evaluation import evaluation_mode
from simulations.models.one_logit import refuse_one_logit
from simulations.models.repeated_passes import refuse_random
from simulations.user_data.data_passes import Batches, BatchHook

__all__ = ["OpenLine", "open_line"]


@dataclass(frozen=True, eq=False)
class OpenLine:
    """A line and its data.

    Attributes:
        line: the model on the path.
        splits: the data by split, "" for data that are one.
        start, end: the checked state dicts.
    """

    line: Line
    splits: Mapping[str, Batches]
    start: Mapping[str, torch.Tensor]
    end: Mapping[str, torch.Tensor]


@contextmanager
def open_line(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    path: str | PathFunction = "linear",
    batch_norm: str | None = None,
    calibration: Any = None,
    bias_depth: Mapping[str, int] | None = None,
    batch_hook: BatchHook | None = None,
    device: torch.device | str | None = None,
    precision: str = "native",
    channels_last: bool = False,
) -> Iterator[OpenLine]:
    """The line, in inference and evaluation mode; after it the model and generators are as they were.

    Before it a few samples are read and evaluated twice: see `_check_data`.

    Arguments as in `simulations.curves.interpolation_curves`.

    Raises:
        ValueError: as there, for what can be known before any work.
    """
    first, last = load_checkpoint("start", start, model), load_checkpoint("end", end, model)
    splits = {name: Batches(part, batch_hook) for name, part in _splits(data).items()}
    with evaluation_mode(model), torch.inference_mode():
        line = Line(
            model,
            first,
            last,
            path_coefficients(model, path, bias_depth=bias_depth),
            batch_norm=batch_norm,
            # Of several splits the first is the training set, as everywhere.
            calibration=next(iter(splits.values()))
            if calibration is None
            else Batches(calibration, batch_hook),
            device=device,
            precision=precision,
            channels_last=channels_last,
        )
        _check_data(line, splits)
        try:
            yield OpenLine(line, splits, first, last)
        except NotFiniteError as error:
            raise ValueError(f"{error}{_not_finite_data(splits)}") from error


def _check_data(line: Line, splits: Mapping[str, Batches]) -> None:
    """Refuse data that are drawn anew in each pass, and a network that draws: before any work.

    Sixteen samples of the first split (of several tensors a batch) pass twice, at the end.

    Raises:
        ValueError: naming which.
    """
    first, *others = splits.values()
    samples = first.few()
    for batches in others:
        batches.few()
    if line.batch_norm == "recalibrate" and line.calibration is not None:
        line.calibration.few()

    def outputs() -> torch.Tensor:
        found = line.outputs_at_end(samples)
        refuse_one_logit(found, len(samples))
        return found

    with line.in_precision():
        refuse_random(outputs, line.precision)


def _not_finite_data(splits: Mapping[str, Batches]) -> str:
    """Which sample may be the reason, in words after the error's; "" where the data are finite."""
    for name, batches in splits.items():
        words = batches.where_not_finite()
        if words:
            return f": {words}" + (f" of the split {name!r}" if name else "")
    return ""


def _splits(data: Any) -> dict[str, Any]:
    """By name; "" for data that are one set (a mapping that holds tensors is a batch, refused later)."""
    if not isinstance(data, Mapping) or any(isinstance(value, torch.Tensor) for value in data.values()):
        return {"": data}
    if not data:
        raise ValueError("data is a mapping of no splits")
    splits = {str(name): part for name, part in data.items()}
    if "" in splits or len(splits) != len(data):
        raise ValueError(f"splits must have different names that are not empty, got {list(data)}")
    return splits
