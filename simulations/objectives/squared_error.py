"""Squared error of any output against a target of the same shape: regression, and autoencoders.

A row is a sample. Its loss is the sum over its outputs and its weight their number, so that the curve is the
mean over all outputs, as `torch.nn.functional.mse_loss` takes it.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from simulations.models.last_layer import Output
from simulations.objectives.objective import Objective, Reading, Rows, first_bad, output_of, row_blocks
from simulations.user_data.batch import Batch

__all__ = ["TARGETS", "SquaredError"]

TARGETS = ("labels", "input")


class SquaredError(Objective):
    """Outputs against the batch's labels, or against its input.

    Args:
        target: "labels", or "input" (an autoencoder): the model's one tensor, also flattened.

    Raises:
        ValueError: another target.
    """

    name = "squared_error"
    units = ""
    tempered = False

    def __init__(self, target: str) -> None:
        if target not in TARGETS:
            raise ValueError(f"target must be one of {', '.join(TARGETS)}, got {target!r}")
        self.target = target

    def check_labels(self, labels: torch.Tensor) -> None:
        """Refuse targets that are not finite; with the input as target any labels do."""
        if self.target == "input":
            return
        if labels.is_complex() or not labels.ndim:
            raise ValueError(
                f"targets of objective 'squared_error' must be real (n, ...), got {labels.dtype}"
            )
        bad = ~torch.isfinite(labels.double())
        if bad.any():
            raise ValueError(f"targets must be finite, but {first_bad(labels, bad)}")

    def check_fit(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """Refuse targets of another shape than the outputs, and an input as target that is not finite."""
        target = self._target(batch)
        if self.target == "input" and not (finite := torch.isfinite(target)).all():
            raise ValueError(f"targets must be finite, but an input holds {target[~finite][0].item()}")
        wanted = tuple(target.shape[1:])
        if not _fits(wanted, shape) and len(wanted) == len(shape) == 1:
            raise ValueError(
                f"objective 'squared_error' needs a target for every output: {self._words()} are {wanted} a "
                f"sample, the network returns {shape}"
            )

    def rows(self, batch: Batch) -> Rows:
        """A row for every sample; its weight is how many outputs it has."""
        target, n = self._target(batch), len(batch)
        weight = torch.full((n,), float(math.prod(target.shape[1:])), dtype=torch.float64)
        return Rows(n, torch.arange(n), weight, {})

    def read(self, output: Any, batch: Batch, pick: Output) -> Reading:
        """See `Objective.read`; interpolated is each sample's own loss, one number for all its outputs."""
        outputs, target = output_of(output, pick, self.name), self._target(batch)
        same_rows = len(outputs) == len(target)
        if not same_rows or not _fits(tuple(target.shape[1:]), tuple(outputs.shape[1:])):
            raise ValueError(
                f"objective 'squared_error' needs a target for every output: {self._words()} are "
                f"{tuple(target.shape)}, the network returned {tuple(outputs.shape)}"
            )
        n = len(outputs)
        outputs, target = outputs.reshape(n, -1), target.reshape(n, -1)
        losses = torch.empty(n, dtype=torch.float64)
        for rows in row_blocks(n, outputs.shape[1]):
            difference = outputs[rows].double() - target[rows].to(outputs.device).double()
            losses[rows] = difference.square_().sum(dim=1).cpu()
        return Reading(losses[None], losses, None, direct=True)

    def _target(self, batch: Batch) -> torch.Tensor:
        if self.target == "labels":
            return batch.labels
        values = [value for _, value in batch.arguments()]
        if len(values) != 1 or not isinstance(values[0], torch.Tensor):
            raise ValueError(
                f"target='input' needs a model of one tensor, the batch has {len(values)} arguments: give "
                "the input as labels too"
            )
        return values[0]

    def _words(self) -> str:
        return "labels" if self.target == "labels" else "inputs"


def _fits(target: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """The same shape; both flattened; or one output a sample, with and without its dimension."""
    flat = math.prod(target), math.prod(shape)
    return target == shape or (flat[0] == flat[1] and min(len(target), len(shape)) <= 1)
