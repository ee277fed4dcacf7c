"""A step's samples on the line: batches collected so that moving the weights is paid once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch

from simulations.batches import Batch
from simulations.line import Line

__all__ = ["LineBatch", "grouped"]


class LineBatch:
    """Several of the user's batches; all samples together are evaluated batch by batch, as theirs.

    Attributes:
        first: how many samples of its data come before it.
        labels: (n,) int64.
    """

    def __init__(self, parts: Sequence[Batch], first: int = 0) -> None:
        self.parts, self.first = parts, first
        self.labels = torch.cat([part.labels.cpu() for part in parts]).long()
        self._all = _joined(parts)

    def __len__(self) -> int:
        return len(self.labels)

    def logits(self, line: Line, alpha: float, chosen: torch.Tensor | None) -> torch.Tensor:
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

    def together(self, line: Line, alphas: Sequence[float], at_once: int) -> list[torch.Tensor]:
        """Logits of all samples at several alphas, vectorised `at_once` at a time except at 0 and 1."""
        inner = [alpha for alpha in alphas if alpha not in (0.0, 1.0)]
        found: dict[float, torch.Tensor] = {}
        if at_once > 1:
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


def _joined(parts: Sequence[Batch]) -> Batch | None:
    """One batch of all, where their arguments are tensors of one shape a sample (sentences padded alike)."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]

    def columns(index: int | str) -> list[object]:
        return [part.args[index] if isinstance(index, int) else part.kwargs[index] for part in parts]

    places: list[int | str] = [*range(len(first.args)), *first.kwargs]
    joined: dict[int | str, torch.Tensor] = {}
    for place in places:
        values = columns(place)
        if not all(
            isinstance(v, torch.Tensor) and v.ndim and len(v) == len(p) and v.shape[1:] == values[0].shape[1:]  # type: ignore[attr-defined]
            for v, p in zip(values, parts, strict=True)
        ):
            return None
        joined[place] = torch.cat(values)  # type: ignore[arg-type]
    args = tuple(joined[i] for i in range(len(first.args)))
    return Batch(args, {name: joined[name] for name in first.kwargs}, torch.cat([p.labels for p in parts]))
