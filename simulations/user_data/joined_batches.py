"""Several batches as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from simulations.user_data.batch import Batch

__all__ = ["joined", "without_lone_samples"]


def joined(parts: Sequence[Batch]) -> Batch | None:
    """One batch of all, where their arguments are tensors of one shape a sample (sentences padded alike).

    What the samples share must be the same in all of them.
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    columns = [dict(part.arguments()) for part in parts]
    if any(
        part.shared != first.shared or own.keys() != columns[0].keys()
        for part, own in zip(parts, columns, strict=True)
    ):
        return None
    joined: dict[int | str, Any] = {}
    for place, value in columns[0].items():
        values = [own[place] for own in columns]
        if not all(isinstance(v, torch.Tensor) for v in values):
            return None
        if place in first.shared or not value.ndim:
            if not all(torch.equal(value, other) for other in values[1:]):
                return None
            joined[place] = value
        elif all(v.ndim and v.shape[1:] == value.shape[1:] for v in values):
            joined[place] = torch.cat(values)
        else:
            return None
    args = tuple(joined[i] for i in range(len(first.args)))
    labels = torch.cat([part.labels for part in parts])
    return Batch(args, {name: joined[name] for name in first.kwargs}, labels, first.shared)


def without_lone_samples(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same samples in the same order; a batch of one joins the next, the last one the batch before it.

    A batch of one sample has no variance, so batch statistics of it are not defined. Where the two cannot be
    one batch (sentences padded to other lengths) they come as they are.
    """
    before: Batch | None = None
    held: Batch | None = None
    for batch in batches:
        together = joined([held, batch]) if held is not None and len(held) == 1 else None
        if together is not None:
            held = together
            continue
        if before is not None:
            yield before
        before, held = held, batch
    if before is not None and held is not None and len(held) == 1:
        together = joined([before, held])
        if together is not None:
            before, held = None, together
    yield from (batch for batch in (before, held) if batch is not None)
