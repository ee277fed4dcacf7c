"""A step's samples on the line: batches collected so that moving the weights is paid once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import torch

from simulations.line.forward_pass import ForwardError
from simulations.line.moved_network import Line
from simulations.user_data.data_passes import Batch
from simulations.user_data.joined_batches import joined

__all__ = ["AnyLine", "LineBatch", "grouped"]


class AnyLine(Protocol):
    """What gives logits at an alpha: a `Line`, or another's with something more."""

    def logits(self, alpha: float, batch: Batch) -> torch.Tensor:
        """As `Line.logits`."""


CHECKED = 16
_MIXED = (
    "{n} samples alone do not give the logits that they give in their batch: name what all samples share in "
    "Batch(..., shared=...) by a batch_hook, or evaluate whole batches by method='grid'"
)


class LineBatch:
    """Several of the user's batches; all samples together are evaluated batch by batch, as theirs.

    Attributes:
        first: how many samples of its data come before it.
        labels: (n,) int64.
    """

    def __init__(self, parts: Sequence[Batch], first: int = 0) -> None:
        self.parts, self.first = parts, first
        self.labels = torch.cat([part.labels.cpu() for part in parts]).long()
        self._all = joined(parts)

    def __len__(self) -> int:
        return len(self.labels)

    def logits(self, line: AnyLine, alpha: float, chosen: torch.Tensor | None) -> torch.Tensor:
        """Logits (n, k) of the chosen samples (ascending; None: all)."""
        if chosen is None:
            return _cat([line.logits(alpha, part) for part in self.parts])
        if self._all is not None:
            return line.logits(alpha, self._all.take(chosen))
        found, first = [], 0
        for part in self.parts:
            own = chosen[(chosen >= first) & (chosen < first + len(part))] - first
            first += len(part)
            if len(own):
                found.append(line.logits(alpha, part.take(own)))
        return _cat(found)

    def check_rows(self, line: Line) -> int:
        """Whether samples alone give the logits that they give among the others; returns what it evaluated.

        A shared argument that happens to be as long as the batch would be cut as the samples are. Where the
        only argument is one tensor there is nothing to mistake, and nothing is evaluated. Seen at the end:
        a start of zeros gives the same logits however its arguments are cut.

        Raises:
            ValueError: they do not, or `Batch.take` cannot cut an argument.
        """
        if all(part.is_one_tensor() for part in self.parts):
            return 0
        n = len(self)
        chosen = torch.arange(n - max(1, min(CHECKED, n // 2)), n)
        whole = self.logits(line, 1.0, None)[chosen]
        room = (1e-3 if line.precision == "native" else 0.05) * float(whole.abs().max())
        try:
            alone = self.logits(line, 1.0, chosen)
            same = torch.allclose(alone, whole, rtol=0.0, atol=room)
        except ForwardError as error:  # of shapes that no longer fit
            raise ValueError(_MIXED.format(n=len(chosen))) from error
        if not same:
            raise ValueError(_MIXED.format(n=len(chosen)))
        return n + len(chosen)

    def together(self, line: AnyLine, alphas: Sequence[float], at_once: int) -> list[torch.Tensor]:
        """Logits of all samples at several alphas, vectorised `at_once` at a time except at 0 and 1."""
        inner = [alpha for alpha in alphas if alpha not in (0.0, 1.0)]
        found: dict[float, torch.Tensor] = {}
        if at_once > 1 and isinstance(line, Line):
            for i in range(0, len(inner), at_once):
                some = inner[i : i + at_once]
                columns = zip(*(line.logits_together(some, part) for part in self.parts), strict=True)
                found |= {alpha: _cat(column) for alpha, column in zip(some, columns, strict=True)}
        return [found[a] if a in found else self.logits(line, a, None) for a in alphas]


def grouped(batches: Iterable[Batch], size: int) -> Iterator[LineBatch]:
    """Consecutive batches collected until they hold `size` samples."""
    parts: list[Batch] = []
    first = 0
    for batch in batches:
        parts.append(batch)
        if sum(map(len, parts)) >= size:
            yield LineBatch(parts, first)
            first += sum(map(len, parts))
            parts = []
    if parts:
        yield LineBatch(parts, first)


def _cat(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
