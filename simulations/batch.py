"""One batch of users' data: the model's arguments, labels, and which arguments the samples share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from simulations.content_digest import ContentDigest, NotHashableError

__all__ = ["Batch"]

Place = int | str
"""Of an argument: its position, or its keyword."""


@dataclass(frozen=True)
class Batch:
    """Arguments of the model's forward, and labels.

    A sample's own are the rows of every tensor in `args` and `kwargs`, also inside lists, tuples and dicts:
    each must be as long as `labels`. What all samples share (an attention mask, class weights) is named in
    `shared`: no length tells it, since a batch may happen to have as many samples. Other values are shared.

    Attributes:
        args: positional arguments.
        kwargs: keyword arguments.
        labels: (n,) integers.
        shared: positions and keywords of the arguments that all samples share.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    labels: torch.Tensor
    shared: tuple[Place, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def arguments(self) -> Iterator[tuple[Place, Any]]:
        """All arguments by position or keyword."""
        yield from enumerate(self.args)
        yield from self.kwargs.items()

    def take(self, samples: torch.Tensor) -> Batch:
        """Some of its samples; what is shared is passed on whole."""

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

    def check(self) -> None:
        """Refuse labels that are no class indices, and tensors that are not one row a sample.

        Raises:
            ValueError: naming what was found.
        """
        labels, n = self.labels, len(self.labels)
        if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
            raise ValueError(
                f"labels must be integers (n,), got {labels.dtype} {tuple(labels.shape)}: pass a batch_hook"
            )
        if n and int(labels.min()) < 0:
            raise ValueError(f"labels must be >= 0, but one is {int(labels.min())}")
        places = [place for place, _ in self.arguments()]
        unknown = [place for place in self.shared if place not in places]
        if unknown:
            raise ValueError(f"shared names {unknown}, which are none of the arguments {places}")

        for place, value in self.tensors():
            if value.ndim and len(value) != n and place not in self.shared:
                raise ValueError(
                    f"a batch holds {len(value)} inputs and {n} labels (argument {place!r}): give every "
                    "tensor a row a sample, or name it in Batch(..., shared=...) by a batch_hook"
                )

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


def _changed(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The tensors of a value, or of the lists, tuples and dicts that it is made of, replaced."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple takes its parts one by one
        return type(value)(*(_changed(part, change) for part in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_changed(part, change) for part in value)
    if isinstance(value, dict):
        return {key: _changed(part, change) for key, part in value.items()}
    return value
