"""A user's own loss: a function (output, batch) -> losses by sample, or a pair (losses, errors)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from simulations.models.last_layer import Output, logits_of
from simulations.objectives.objective import Objective, Reading, Rows
from simulations.user_data.batch import Batch

__all__ = ["OwnLoss", "by_sample"]


class OwnLoss(Objective):
    """What is interpolated is each sample's own loss and error: smooth where the user's function is.

    Args:
        loss: given what the network returned (what `output=` picks of it) and the batch, on one device.
        name: of the function, for messages.
    """

    name = "own loss"
    units = ""
    counts = False
    tempered = False

    def __init__(self, loss: Callable[[Any, Batch], Any]) -> None:
        self.loss = loss
        self.words = getattr(loss, "__qualname__", type(loss).__name__)

    def check_labels(self, labels: torch.Tensor) -> None:
        """Any tensor with a row a sample."""
        if not labels.ndim:
            raise ValueError("labels must have a row a sample, got a tensor without dimensions")

    def check_fit(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """The function's own affair."""

    def rows(self, batch: Batch) -> Rows:
        """A row for every sample, all of weight 1."""
        n = len(batch)
        return Rows(n, torch.arange(n), torch.ones(n, dtype=torch.float64), {})

    def read(self, output: Any, batch: Batch, pick: Output) -> Reading:
        """See `Objective.read`."""
        found = self.loss(output if pick is None else logits_of(output, pick), batch)
        pair = isinstance(found, (tuple, list))
        if pair and len(found) != 2:
            raise ValueError(
                f"objective {self.words} must return losses or (losses, errors), got {len(found)} parts"
            )
        losses, errors = found if pair else (found, None)
        losses = by_sample(losses, len(batch), f"objective {self.words}")
        if errors is None:
            return Reading(losses[None], losses, None, direct=True)
        errors = by_sample(errors, len(batch), f"the error of objective {self.words}")
        return Reading(torch.stack([losses, errors]), losses, errors, direct=True)


def by_sample(found: Any, n: int, words: str) -> torch.Tensor:
    """Numbers (n,) float64 on the CPU of a user's function.

    Raises:
        ValueError: it returned anything else.
    """
    if not isinstance(found, torch.Tensor) or found.shape != (n,) or found.is_complex():
        shown = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise ValueError(f"{words} must return one number a sample ({n},), it returned {shown}")
    return found.detach().to("cpu", torch.float64)
