"""Users' data as batches: arguments of the model, labels, and a hash of what was seen.

Accepted: `ImageDataset`, a pair of tensors (inputs, labels), a torch `Dataset` (an `IterableDataset` may give
samples or batches), a re-iterable of batches (`DataLoader`). A batch is a pair (inputs, labels), a mapping
with "labels" or "label" whose rest are the model's keyword arguments, or what a `batch_hook` turns into a
`Batch`; every tensor of it has a row a sample but those that a `Batch` names as shared. Anything else is an
error, never a loss of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.evaluation import BATCH
from simulations.user_data.batch import Batch
from simulations.user_data.content_digest import ContentDigest
from simulations.user_data.sample_sources import (
    LABELS,
    SINGLE_SAMPLES,
    collated,
    in_batches,
    is_single_sample,
    known_length,
)

__all__ = ["Batch", "BatchHook", "Batches"]


BatchHook = Callable[[Any], Batch]


class Batches:
    """One data set; every iteration is one pass and must show the same samples in the same order.

    Attributes:
        n_samples: of a pass, None where only a pass tells.
        content_hash: of the first whole pass (an `ImageDataset`'s own, without a hook), "" before it.
        untold: what the hash leaves out, in words: values without a stable one.
    """

    def __init__(self, data: Any, hook: BatchHook | None = None) -> None:
        self.content_hash, self.n_samples = "", None
        self.untold: list[str] = []
        self._known = isinstance(data, ImageDataset) and hook is None
        self._hook = hook or _batch
        self._source: Callable[[], Iterable[Any]]
        if isinstance(data, ImageDataset):
            self._source = lambda: _split(data.inputs, data.labels)
            self.content_hash, self.n_samples = data.content_hash if self._known else "", len(data)
        elif isinstance(data, (tuple, list)) and len(data) == 2 and _tensors(data):
            inputs, labels = data
            if not len(inputs) or len(inputs) != len(labels):
                raise ValueError(
                    f"data must be as many inputs as labels, >= 1, got {len(inputs)} and {len(labels)}"
                )
            self._source = lambda: _split(inputs, labels)
            self.n_samples = len(labels)
        elif isinstance(data, IterableDataset):
            # It may have a length, which is the user's guess, and has a __getitem__ that only raises.
            self._source = lambda: in_batches(data, BATCH)
        elif isinstance(data, Dataset) and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
            n = self.n_samples = len(data)
            self._source = lambda: (
                collated([data[j] for j in range(i, min(i + BATCH, n))]) for i in range(0, n, BATCH)
            )
        elif isinstance(data, Iterator):
            raise ValueError(
                f"data is a {type(data).__name__}, which can be read once: "
                "pass a list of batches, a Dataset or a DataLoader"
            )
        elif isinstance(data, Iterable) and not isinstance(data, (Mapping, str, torch.Tensor)):
            self._source = lambda: data
            self.n_samples = known_length(data)
        else:
            raise ValueError(
                f"data of type {type(data).__name__} is not known: "
                "pass an ImageDataset, (inputs, labels), a Dataset or a DataLoader"
            )

    def __iter__(self) -> Iterator[Batch]:
        digest = ContentDigest()
        seen = 0
        for item in self._source():
            batch = self._hook(item)
            if not isinstance(batch, Batch):
                raise ValueError(f"the batch hook must return a Batch, it returned {type(batch).__name__}")
            batch.check()
            if not self._known:
                self.untold += [words for words in batch.add_to(digest) if words not in self.untold]
            seen += len(batch)
            if len(batch):
                yield batch.with_int64_labels()
        if not seen:
            again = (
                " on a second pass: pass data that can be read more than once" if self.content_hash else ""
            )
            raise ValueError(f"the data hold no sample{again}")
        if not self._known:
            found = digest.hexdigest()
            if self.content_hash not in ("", found):
                raise ValueError(
                    "a second pass over the data gave other batches: turn shuffling and augmentation off, "
                    "the curve would compare different data at different alphas"
                )
            self.content_hash = found
        self.n_samples = seen


def _split(inputs: torch.Tensor, labels: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for i in range(0, len(labels), BATCH):
        yield inputs[i : i + BATCH], labels[i : i + BATCH]


def _batch(item: Any) -> Batch:
    if isinstance(item, Batch):
        return item
    if is_single_sample(item):
        raise ValueError(SINGLE_SAMPLES)
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], torch.Tensor):
        if isinstance(item[0], torch.Tensor):
            return Batch((item[0],), {}, item[1])
        if isinstance(item[0], (tuple, list)):
            return Batch(tuple(item[0]), {}, item[1])
    if isinstance(item, Mapping):
        key = next((key for key in LABELS if key in item), None)
        if key is not None and isinstance(item[key], torch.Tensor):
            return Batch((), {name: value for name, value in item.items() if name != key}, item[key])
        raise ValueError(
            f"a batch with the keys {sorted(map(str, item))} has no tensor 'labels': pass a batch_hook"
        )
    raise ValueError(
        f"a batch of type {type(item).__name__} is not known: pass (inputs, labels), mappings with 'labels' "
        "or a batch_hook that returns a mli.Batch"
    )


def _tensors(values: Iterable[Any]) -> bool:
    return all(isinstance(value, torch.Tensor) for value in values)
