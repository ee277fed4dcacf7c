"""One batch of users' data: the model's arguments, labels, and which arguments the samples share."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch

from mli_theory.short_repr import short_repr
from simulations.runtime.names_in_words import first_of
from simulations.user_data.content_digest import ContentDigest, NotHashableError

__all__ = ["Batch", "OtherLabelsError", "class_indices", "has_label"]

Place = int | str
"""Of an argument: its position, or its keyword."""


class OtherLabelsError(ValueError):
    """Labels that are not one class index a sample."""


@dataclass(frozen=True)
class Batch:
    """Arguments of the model's forward, and labels.

    A sample's own are the rows of every tensor in `args` and `kwargs`, also inside lists, tuples, mappings,
    dataclasses and simple namespaces: each must be as long as `labels`. What all samples share (an attention
    mask, class weights) is named in `shared`: no length tells it, since a batch may happen to have as many
    samples. Other values are shared; where some of the samples are taken, one that may be by sample (a list
    or array of as many numbers, another object that holds tensors) is refused unless it is named.

    Attributes:
        args: positional arguments.
        kwargs: keyword arguments.
        labels: (n,) integers; for another objective than cross-entropy of (n, k) its targets (n, ...).
        shared: positions and keywords of the arguments that all samples share.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    labels: torch.Tensor
    shared: tuple[Place, ...] = ()

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if not isinstance(self.labels, torch.Tensor):
            raise ValueError(f"labels must be a tensor (n,), got {type(self.labels).__name__}")
        if not isinstance(self.args, (tuple, list)):
            raise ValueError(f"args must be a tuple, got {type(self.args).__name__}: write (inputs,) for one")
        if not isinstance(self.kwargs, Mapping):
            raise ValueError(f"kwargs must be a mapping, got {self.kwargs!r}: write {{}} for none")
        if not isinstance(self.shared, (tuple, list)):
            raise ValueError(f"shared must be a tuple of arguments, got {self.shared!r}: write ('mask',)")

    def __len__(self) -> int:
        return len(self.labels)

    def arguments(self) -> Iterator[tuple[Place, Any]]:
        """All arguments by position or keyword."""
        yield from enumerate(self.args)
        yield from self.kwargs.items()

    def is_one_tensor(self) -> bool:
        """Whether all of the model's arguments is one tensor."""
        values = [value for _, value in self.arguments()]
        return len(values) == 1 and isinstance(values[0], torch.Tensor) and not self.shared

    def take(self, samples: torch.Tensor) -> Batch:
        """Some of its samples; what is shared is passed on whole.

        Raises:
            ValueError: an argument that may be by sample and cannot be cut, by its place.
        """
        for place, value in self.arguments() if len(samples) < len(self) else ():
            found = None if place in self.shared else _cannot_be_cut(value, len(self))
            if found is not None:
                raise ValueError(
                    f"argument {place!r} holds {found}, of which a part of the samples cannot take theirs: "
                    "make it tensors of a row a sample (also in lists, mappings or dataclasses), or name it "
                    "in Batch(..., shared=...) by a batch_hook if all samples share it"
                )

        def rows(value: torch.Tensor) -> torch.Tensor:
            return value[samples.to(value.device)] if value.ndim else value

        taken = self.with_tensors(lambda place, value: value if place in self.shared else rows(value))
        return replace(taken, labels=self.labels[samples])

    def to(self, device: torch.device, *, channels_last: bool = False) -> Batch:
        """On a device; images (n, c, h, w) in channels-last order on request."""

        def moved(_: Place, value: torch.Tensor) -> torch.Tensor:
            four = channels_last and value.ndim == 4
            return value.to(device, memory_format=torch.channels_last if four else torch.preserve_format)

        return self.with_tensors(moved)

    def with_int64_labels(self) -> Batch:
        """The same batch with integer labels that torch indexes by; it does little with other integers."""
        labels = self.labels
        is_index = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
        return replace(self, labels=labels.long()) if is_index and labels.dtype != torch.int64 else self

    def with_tensors(self, change: Callable[[Place, torch.Tensor], torch.Tensor]) -> Batch:
        """The same batch with every tensor of its arguments replaced by `change(place, tensor)`."""
        args = tuple(_changed(value, partial(change, i)) for i, value in enumerate(self.args))
        kwargs = {key: _changed(value, partial(change, key)) for key, value in self.kwargs.items()}
        return replace(self, args=args, kwargs=kwargs)

    def tensors(self) -> list[tuple[Place, torch.Tensor]]:
        """Every tensor of the arguments, with the argument's place."""
        found: list[tuple[Place, torch.Tensor]] = []

        def note(place: Place, value: torch.Tensor) -> torch.Tensor:
            found.append((place, value))
            return value

        self.with_tensors(note)
        return found

    def not_finite(self) -> dict[str, tuple[int, Place]]:
        """The first row with a nan, and with an infinity, each with its argument; none of a shared one."""
        found: dict[str, tuple[int, Place]] = {}
        for place, value in self.tensors():
            if place in self.shared or not value.ndim:
                continue
            for kind, is_there in (("nan", torch.isnan), ("inf", torch.isinf)):
                rows = is_there(value).reshape(len(value), -1).any(dim=1).nonzero()
                if len(rows) and int(rows[0]) < found.get(kind, (len(self), 0))[0]:
                    found[kind] = int(rows[0]), place
        return found

    def check(self, labels: Callable[[torch.Tensor], None] | None = None) -> None:
        """Refuse labels that are none, and tensors that are not one row a sample.

        Args:
            labels: what refuses them; None: they must be `class_indices`.

        Raises:
            ValueError: naming what was found.
        """
        (class_indices if labels is None else labels)(self.labels)
        n = len(self.labels)
        places = [place for place, _ in self.arguments()]
        unknown = [place for place in self.shared if place not in places]
        if unknown:
            raise ValueError(
                f"shared names [{first_of(map(repr, unknown))}], which are none of the arguments "
                f"[{first_of(map(repr, places))}]"
            )

        for place, value in self.tensors():
            if value.ndim and len(value) != n and place not in self.shared:
                raise ValueError(
                    f"a batch holds {len(value)} inputs and {n} labels (argument {place!r}): give every "
                    "tensor a row a sample, or name it in Batch(..., shared=...) by a batch_hook"
                )

    def without(self, label: int) -> Batch:
        """The samples whose label (n,) is another one; the batch itself where all are.

        Raises:
            ValueError: as `check`, for tensors, and as `take`.
        """
        dropped = has_label(self.labels, label)
        if not bool(dropped.any()):
            return self
        self.check(lambda _: None)
        return self.take(torch.nonzero(~dropped)[:, 0])

    def add_to(self, digest: ContentDigest) -> list[str]:
        """Add all of it to a hash; the values that have no stable one are told, and count by type alone."""
        untold = []
        digest.add([len(self.args), sorted(self.kwargs), list(self.shared)], "batch")
        for place, value in sorted(self.arguments(), key=lambda item: str(item[0])):
            try:
                digest.add(value, f"the data's argument {place!r}")
            except NotHashableError as error:
                untold.append(str(error))
        digest.add(self.labels, "labels")
        return untold


def has_label(labels: Any, label: int) -> torch.Tensor:
    """Which labels (n,) are this one; none of labels of another shape, or that are no tensor."""
    if not isinstance(labels, torch.Tensor) or labels.ndim != 1:
        return torch.zeros(1, dtype=torch.bool)
    # Of an unsigned type -100 would be 156.
    return (labels if labels.is_floating_point() or labels.is_complex() else labels.long()) == label


def class_indices(labels: torch.Tensor) -> None:
    """Refuse labels that are no class indices (n,).

    Raises:
        OtherLabelsError: they have another type or shape.
        ValueError: one is below 0.
    """
    if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise OtherLabelsError(
            f"labels must be integers (n,), got {labels.dtype} {tuple(labels.shape)}: pass a batch_hook"
        )
    lowest = int(labels.long().min()) if len(labels) else 0
    if lowest < 0:
        raise ValueError(f"labels must be >= 0, but one is {lowest}")


def _changed(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The tensors of a value, or of the containers that it is made of, replaced."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple takes its parts one by one
        return type(value)(*(_changed(part, change) for part in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_changed(part, change) for part in value)
    if isinstance(value, Mapping):
        changed = {key: _changed(part, change) for key, part in value.items()}
        return changed if isinstance(value, dict) else type(value)(changed)  # type: ignore[call-arg]
    names = _field_names(value)
    if not names:
        return value
    other = copy.copy(value)  # __init__ might want other arguments
    for name in names:
        object.__setattr__(other, name, _changed(getattr(value, name), change))  # frozen ones too
    return other


def _field_names(value: Any) -> list[str]:
    """Of a dataclass or a simple namespace; else none."""
    if type(value) is SimpleNamespace:
        return list(vars(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
    return []


def _cannot_be_cut(value: Any, n: int) -> str | None:
    """What of a value may be by sample and is no tensor, in words; None where nothing is."""
    if isinstance(value, (torch.Tensor, str, bytes, type)):
        return None
    parts = [getattr(value, name) for name in _field_names(value)]
    if isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, (list, tuple)):
        parts = list(value)
    elif not parts and _holds_tensors(value):
        return f"tensors in a {type(value).__name__}"
    # A container of tensors: its own length tells nothing.
    own_length = None if any(map(_holds_tensors, parts)) else _length(value)
    if own_length == n:
        return f"a {type(value).__name__} of length {n}"
    return next((found for part in parts if (found := _cannot_be_cut(part, n)) is not None), None)


def _length(value: Any) -> int | None:
    """Of a sequence or array; None of what has none, or one that is of no rows."""
    no_rows = isinstance(value, (Mapping, torch.nn.Module)) or getattr(value, "shape", None) == ()
    return len(value) if isinstance(value, Sized) and not no_rows else None


def _holds_tensors(value: Any, depth: int = 5) -> bool:
    """A tensor, a container of some, or an object (no network) with some among its attributes."""
    if isinstance(value, torch.Tensor):
        return True
    # The depth: objects may refer to one another in a circle.
    if isinstance(value, (type, torch.nn.Module)) or not depth:
        return False
    parts = value if isinstance(value, (list, tuple)) else getattr(value, "__dict__", {}).values()
    if isinstance(value, Mapping):
        parts = value.values()
    return any(_holds_tensors(part, depth - 1) for part in parts)
