"""Samples as a source gives them, one by one or in batches: told apart, counted, and put into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, IterableDataset, default_collate

__all__ = ["LABELS", "SINGLE_SAMPLES", "collated", "in_batches", "is_single_sample", "known_length"]

LABELS = ("labels", "label")
"""The keys of a mapping's labels, the first that is there."""

SINGLE_SAMPLES = (
    "the data yield single samples, not batches: pass them through "
    "torch.utils.data.DataLoader(data, batch_size=256), or give your DataLoader a batch_size"
)


def is_single_sample(item: Any) -> bool:
    """Whether an item is one sample: its label is one number, or a tensor or array without dimensions."""
    if isinstance(item, Mapping):
        label = next((item[key] for key in LABELS if key in item), None)
    elif isinstance(item, (tuple, list)) and len(item) == 2:
        label = item[1]
    else:
        return False
    if isinstance(label, (torch.Tensor, np.ndarray)):
        return label.ndim == 0
    return isinstance(label, (int, float, np.number)) and not isinstance(label, bool)


def collated(samples: list[Any]) -> Any:
    """Samples as one batch, by torch's `default_collate`.

    Raises:
        ValueError: they hold what is no number, or tensors of several shapes.
    """
    try:
        return default_collate(samples)
    except (TypeError, RuntimeError, KeyError) as error:
        raise ValueError(
            f"the data's samples cannot be put into a batch ({str(error).splitlines()[0]}): give the data "
            "set a transform that makes tensors of one shape, or pass a DataLoader with its own collate_fn"
        ) from error


def in_batches(items: Iterable[Any], size: int) -> Iterator[Any]:
    """Items as they are where they are batches; else `size` samples at a time as one batch."""
    source = iter(items)
    first = next(source, None)
    if first is None:
        return
    source = chain([first], source)
    if not is_single_sample(first):
        yield from source
        return
    while samples := list(islice(source, size)):
        yield collated(samples)


def known_length(loader: Any) -> int | None:
    """How many samples a DataLoader gives in a pass; None where only a pass tells.

    Its sampler tells where it has a length and torch's own batches are made of it: not of an
    `IterableDataset`, whose length is the user's guess, nor of a batch sampler of the user's.
    """
    sampler: Any = getattr(loader, "sampler", None)
    dataset = getattr(loader, "dataset", None)
    if sampler is None or isinstance(dataset, IterableDataset) or getattr(loader, "drop_last", False):
        return None
    batches = getattr(loader, "batch_sampler", None)
    if type(batches) is not BatchSampler or batches.sampler is not sampler or batches.drop_last:
        return None
    try:
        return len(loader.sampler)
    except (TypeError, NotImplementedError):  # samplers need no length
        return None
