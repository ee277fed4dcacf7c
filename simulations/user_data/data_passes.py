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
from torch.utils.data import (
    Dataset,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.evaluation import BATCH
from simulations.runtime.names_in_words import first_names
from simulations.user_data.batch import Batch, has_label
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

COMPARED = 16  # samples of a map-style Dataset that are read twice; of a loader a whole batch
_DRAWN = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
_READ_ONCE = " on a second pass: pass data that can be read more than once"
_OTHER_BATCHES = (
    "a second pass over the data gave other batches: turn shuffling and augmentation off, "
    "the curve would compare different data at different alphas"
)


class DigestedOnce(tuple[torch.Tensor, torch.Tensor]):
    """Inputs and labels in memory that nothing writes to while one call passes over them several times.

    Attributes:
        content_hash: what the first whole pass found; "" before it.
    """

    content_hash = ""


def digested_once(data: Any) -> Any:
    """Return (inputs, labels) in memory as `DigestedOnce`, all other data as they are.

    Args:
        data: as `Batches` takes them. What is read from elsewhere may change between passes, and is digested
            in each.
    """
    if isinstance(data, (tuple, list)) and len(data) == 2 and _tensors(data):
        return DigestedOnce(data)
    return data


class Batches:
    """One data set; every iteration is one pass and must show the same samples in the same order.

    Before the first pass its first batch is read twice (tensors in memory without a hook are not): data that
    are drawn anew in every pass are refused where only one is made, too.

    Args:
        data: any of these.
        hook: turns what the data yield into a `Batch`.
        labels: what refuses labels; None: they must be class indices (n,).
        ignored: samples whose label (n,) is this are left out as if the data had none of them; None: no such.

    Attributes:
        n_samples: of a pass, None where only a pass tells.
        content_hash: of the first whole pass (an `ImageDataset`'s own, without a hook), "" before it.
        untold: what the hash leaves out, in words: values without a stable one.
    """

    def __init__(
        self,
        data: Any,
        hook: BatchHook | None = None,
        *,
        labels: Callable[[torch.Tensor], None] | None = None,
        ignored: int | None = None,
    ) -> None:
        self._labels, self._ignored = labels, ignored
        self.content_hash, self.n_samples = "", None
        self.untold: list[str] = []
        self._known = isinstance(data, ImageDataset) and hook is None
        self._digested: DigestedOnce | None = None
        self._same_order = False  # seen to be
        self._left_out = False  # a sample, by its label
        self._hook = hook or _batch
        self._source: Callable[[], Iterable[Any]]
        self._beginning: Callable[[], Iterable[Any]] | None = None  # what is read twice; None: the source
        if isinstance(data, ImageDataset):
            self._source, self._same_order = lambda: _split(data.inputs, data.labels), hook is None
            self.content_hash, self.n_samples = data.content_hash if self._known else "", len(data)
        elif isinstance(data, (tuple, list)) and len(data) == 2 and _tensors(data):
            inputs, given = data
            if not len(inputs) or len(inputs) != len(given):
                raise ValueError(
                    f"data must be as many inputs as labels, >= 1, got {len(inputs)} and {len(given)}"
                )
            self._source, self._same_order = lambda: _split(inputs, given), hook is None
            left_out = ignored is not None and bool(has_label(given, ignored).any())
            self.n_samples = None if left_out else len(given)
            if isinstance(data, DigestedOnce) and hook is None and not left_out:
                self._digested = data
                self._known, self.content_hash = bool(data.content_hash), data.content_hash
        elif isinstance(data, IterableDataset):
            # It may have a length, which is the user's guess, and has a __getitem__ that only raises.
            self._source = lambda: in_batches(data, BATCH)
        elif isinstance(data, Dataset) and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
            n = self.n_samples = len(data)
            self._beginning = lambda: iter([collated([data[j] for j in range(min(COMPARED, n))])])
            self._source = lambda: (
                collated([data[j] for j in range(i, min(i + BATCH, n))]) for i in range(0, n, BATCH)
            )
        elif isinstance(data, Iterator):
            raise ValueError(
                f"data is a {type(data).__name__}, which can be read once: "
                "pass a list of batches, a Dataset or a DataLoader"
            )
        elif isinstance(data, Iterable) and not isinstance(data, (Mapping, str, torch.Tensor)):
            _refuse_drawn_order(data)
            self._source = lambda: data
            self.n_samples = known_length(data)
        else:
            raise ValueError(
                f"data of type {type(data).__name__} is not known: "
                "pass an ImageDataset, (inputs, labels), a Dataset or a DataLoader"
            )

    def __iter__(self) -> Iterator[Batch]:
        self._compare_beginnings()
        digest = ContentDigest()
        seen = 0
        for batch in self._read(self._source()):
            if not self._known:
                self.untold += [words for words in batch.add_to(digest) if words not in self.untold]
            seen += len(batch)
            if len(batch):
                yield batch.with_int64_labels()
        if not seen:
            raise ValueError(self._no_sample(bool(self.content_hash)))
        if not self._known:
            found = digest.hexdigest()
            if self.content_hash not in ("", found):
                raise ValueError(_OTHER_BATCHES)
            self.content_hash = found
            if self._digested is not None:
                self._digested.content_hash, self._known = found, True
        self.n_samples = seen

    def few(self) -> Batch:
        """The first samples: `COMPARED` of them where a batch is one tensor, else the first batch."""
        self._compare_beginnings()
        first = self._first()
        return first.take(torch.arange(min(COMPARED, len(first)))) if first.is_one_tensor() else first

    def where_not_finite(self) -> str:
        """The first sample with a nan, else with an infinity, in words; "" if there is none. Takes a pass."""
        found: dict[str, str] = {}
        before = 0
        for batch in self:
            for kind, (row, place) in batch.not_finite().items():
                found.setdefault(kind, f"sample {before + row} of the data holds {kind} (argument {place!r})")
            if "nan" in found:
                break
            before += len(batch)
        return next((found[kind] for kind in ("nan", "inf") if kind in found), "")

    def _read(self, source: Iterable[Any]) -> Iterator[Batch]:
        for item in source:
            batch = self._hook(item)
            if not isinstance(batch, Batch):
                raise ValueError(f"the batch hook must return a Batch, it returned {type(batch).__name__}")
            kept = batch if self._ignored is None else batch.without(self._ignored)
            self._left_out |= kept is not batch
            kept.check(self._labels)
            batch = kept
            yield batch

    def _first(self, *, again: bool = False) -> Batch:
        beginning = self._beginning or self._source
        first = next((batch for batch in self._read(beginning()) if len(batch)), None)
        if first is None:
            raise ValueError(self._no_sample(again))
        return first

    def _no_sample(self, again: bool) -> str:
        if self._left_out:
            return f"every label of the data is the ignored {self._ignored}: no sample counts"
        return f"the data hold no sample{_READ_ONCE if again else ''}"

    def _compare_beginnings(self) -> None:
        if self._same_order:
            return
        hashes = []
        for again in (False, True):
            digest = ContentDigest()
            self._first(again=again).add_to(digest)
            hashes.append(digest.hexdigest())
        if hashes[0] != hashes[1]:
            raise ValueError(_OTHER_BATCHES)
        self._same_order = True


def _refuse_drawn_order(data: Any) -> None:
    """Of a loader: a small first batch may be drawn twice by chance."""
    samplers = getattr(data, "sampler", None), getattr(getattr(data, "batch_sampler", None), "sampler", None)
    drawn = next((type(sampler).__name__ for sampler in samplers if isinstance(sampler, _DRAWN)), None)
    if drawn is not None:
        raise ValueError(
            f"the data loader draws another order in every pass ({drawn}): turn shuffling off "
            "(shuffle=False), a curve compares the same samples at every alpha"
        )


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
            f"a batch with the keys [{first_names(item)}] has no tensor 'labels': pass a batch_hook"
        )
    raise ValueError(
        f"a batch of type {type(item).__name__} is not known: pass (inputs, labels), mappings with 'labels' "
        "or a batch_hook that returns a mli.Batch"
    )


def _tensors(values: Iterable[Any]) -> bool:
    return all(isinstance(value, torch.Tensor) for value in values)
