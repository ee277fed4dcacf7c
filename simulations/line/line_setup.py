"""From what a user has (a model, two checkpoints, data) to a line that can be evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from simulations.line.moved_network import Line
from simulations.line.paths import PathFunction, path_coefficients
from simulations.line.walkable_module import walkable
from simulations.models.checkpoints import Checkpoint, load_checkpoint
from simulations.models.evaluation import evaluation_mode
from simulations.user_data.data_passes import Batch, Batches, BatchHook

__all__ = [
    "OpenLine",
    "first_batch",
    "first_batches",
    "known_samples",
    "open_line",
    "walkable_model",
]


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

    Arguments as in `simulations.curves.interpolation_curves`.

    Raises:
        ValueError: as there, for what can be known before any forward pass.
    """
    model = walkable_model(model, data, batch_hook)
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
        yield OpenLine(line, splits, first, last)


def walkable_model(model: nn.Module, data: Any, batch_hook: BatchHook | None = None) -> nn.Module:
    """`simulations.line.walkable_module.walkable` by the data's first batch."""
    return walkable(model, lambda: first_batch(data, batch_hook))


def first_batch(data: Any, batch_hook: BatchHook | None = None) -> Batch:
    """Of the data, or of their first split.

    Raises:
        ValueError: as `simulations.user_data.data_passes.Batches`.
    """
    return next(iter(Batches(next(iter(_splits(data).values())), batch_hook)))


def first_batches(data: Any, samples: int) -> list[Batch]:
    """Of the data, or of their first split, until they hold so many samples.

    Raises:
        ValueError: as `simulations.user_data.data_passes.Batches`.
    """
    found: list[Batch] = []
    for batch in Batches(next(iter(_splits(data).values()))):
        found.append(batch)
        if sum(map(len, found)) >= samples:
            break
    return found


def known_samples(data: Any) -> int | None:
    """How many samples the data hold, all splits together; None where only a pass tells."""
    counts = [Batches(part).n_samples for part in _splits(data).values()]
    return None if None in counts else sum(n for n in counts if n is not None)


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
