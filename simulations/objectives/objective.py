"""What every objective does: labels become rows, an output becomes losses and smooth numbers by row.

A *row* is what has a loss of its own: a sample, a token, a label of several. n samples · R rows of a batch,
in the samples' order · f smooth numbers of a row (*values*), from which its loss and its margin follow: they,
not the loss where it has sharp bends, are what is interpolated along a line · g alphas.

The curve's loss is sum(weight x loss) / sum(weight) over all rows of all batches; its error the share of rows
that are wrong. *Losses* here are those of rows times their weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from simulations.models.last_layer import Output, logits_of
from simulations.user_data.batch import Batch

__all__ = ["Objective", "Reading", "Rows", "first_bad", "output_of", "row_blocks"]

BLOCK = 2**19  # numbers of an intermediate float64 array: larger ones, freed, would split the heap


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a batch, or of several joined.

    Attributes:
        n: samples.
        sample: (R,) int64 ascending, of which sample each row is.
        weight: (R,) float64, of the row in the mean loss.
        targets: by name, (R, ...) what the objective compares with.
    """

    n: int
    sample: torch.Tensor
    weight: torch.Tensor
    targets: dict[str, torch.Tensor]

    def __len__(self) -> int:
        return len(self.sample)

    def piece(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Targets of some of the rows, by their places (r,), ascending."""
        if len(rows) == len(self):
            return self.targets
        return {name: values[rows] for name, values in self.targets.items()}

    def by_sample(self, values: torch.Tensor) -> torch.Tensor:
        """Sums (..., n) of values (..., R) over each sample's rows."""
        if len(self) == self.n and bool((self.sample == torch.arange(self.n)).all()):
            return values
        found = torch.zeros(*values.shape[:-1], self.n, dtype=values.dtype)
        return found.index_add_(-1, self.sample, values)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        before = 0
        samples = []
        for part in parts:
            samples.append(part.sample + before)
            before += part.n
        names = parts[0].targets
        return cls(
            before,
            torch.cat(samples),
            torch.cat([part.weight for part in parts]),
            {name: torch.cat([part.targets[name] for part in parts]) for name in names},
        )


@dataclass(frozen=True, eq=False)
class Reading:
    """What an output says, on the CPU.

    Attributes:
        values: (f, R) float32 or float64.
        losses: (R,) float64, times the rows' weights.
        wrong: (R,) float64, 1 where a row is wrong; None without an error.
        direct: the values are the losses and, where there is an error, the margins themselves.
    """

    values: torch.Tensor
    losses: torch.Tensor
    wrong: torch.Tensor | None
    direct: bool

    @classmethod
    def joined(cls, parts: Sequence[Reading]) -> Reading:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        wrong = [part.wrong for part in parts if part.wrong is not None]
        return cls(
            torch.cat([part.values for part in parts], dim=1),
            torch.cat([part.losses for part in parts]),
            torch.cat(wrong) if wrong else None,
            parts[0].direct,
        )


class Objective(ABC):
    """A loss, and an error where it has one.

    Attributes:
        name: as the user gives it.
        units: of the loss.
        counts: whether rows are wrong by the sign of a margin; else an error is one of the values.
        tempered: whether its outputs are logits that a temperature divides.
        width: values of a row, about; a step's batches are collected by it.
    """

    name: ClassVar[str]
    units: ClassVar[str] = "nats"
    counts: ClassVar[bool] = True
    tempered: ClassVar[bool] = True
    width: ClassVar[int] = 2

    def is_plain(self) -> bool:
        """Whether with one class index a sample this is the cross-entropy of (n, k) and no more."""
        return False

    @abstractmethod
    def check_labels(self, labels: torch.Tensor) -> None:
        """Refuse labels that are none of this objective.

        Raises:
            ValueError: naming the first and what to do.
        """

    @abstractmethod
    def check_fit(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """Refuse labels that do not fit outputs whose shape a sample is known, as far as it can be.

        Args:
            batch: any.
            shape: of another batch's output, without the samples.

        Raises:
            ValueError: naming the label.
        """

    @abstractmethod
    def rows(self, batch: Batch) -> Rows:
        """The rows of a batch whose labels were checked."""

    @abstractmethod
    def read(self, output: Any, batch: Batch, pick: Output) -> Reading:
        """What the network's output on a batch says.

        Args:
            output: as the network returned it.
            batch: that it was given.
            pick: as of `simulations.models.last_layer.logits_of`.

        Raises:
            ValueError: its shape does not fit the labels.
        """

    def losses_and_margins(
        self, values: torch.Tensor, targets: dict[str, torch.Tensor], *, direct: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Losses (g, R) and margins (g, R) of values (g, f, R).

        Args:
            values: of `Reading`, the caller's own: they may be overwritten.
            targets: of the same rows.
            direct: as `Reading.direct`.

        Returns:
            The margins are the errors themselves where the objective does not count, None without an error.
        """
        if direct:
            return values[:, 0], values[:, 1] if values.shape[1] > 1 else None
        return self._of_outputs(values, targets)

    def _of_outputs(
        self, values: torch.Tensor, targets: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError(f"{self.name} keeps losses and margins")

    def tempered_losses(
        self, output: Any, batch: Batch, pick: Output, inverse_temperatures: torch.Tensor
    ) -> torch.Tensor:
        """Sums (b,) over the batch's losses of the logits times each of (b,)."""
        raise NotImplementedError(f"{self.name} has no temperature")


def output_of(output: Any, pick: Output, name: str) -> torch.Tensor:
    """The tensor of an output, floating.

    Raises:
        ValueError: there is none, or one of integers.
    """
    found = logits_of(output, pick)
    if not found.is_floating_point():
        raise ValueError(f"objective {name!r} needs floating outputs, the network returned {found.dtype}")
    return found


def row_blocks(rows: int, numbers: int) -> Iterator[slice]:
    """Slices of rows that hold `BLOCK` numbers at most, of so many a row."""
    size = max(1, BLOCK // max(1, numbers))
    return (slice(first, first + size) for first in range(0, rows, size))


def first_bad(labels: torch.Tensor, bad: torch.Tensor) -> str:
    """The first label that is marked, in words: labels[3, 0] = nan."""
    place = torch.nonzero(bad)[0].tolist()
    value = labels[tuple(place)].item() if bad.shape == labels.shape else labels[tuple(place)].tolist()
    return f"labels[{', '.join(map(str, place))}] = {value}"
