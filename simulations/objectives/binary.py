"""Sigmoids: one logit a sample (n,) or (n, 1), or one for each of several labels (n, c), also (n, ..., c).

A row is a label. The loss is softplus(z) - y z, the mean over all labels that count, as
`torch.nn.functional.binary_cross_entropy_with_logits` takes it.
"""

from __future__ import annotations

from typing import Any

import torch

from simulations.models.last_layer import Output
from simulations.objectives.objective import Objective, Reading, Rows, first_bad, output_of
from simulations.user_data.batch import Batch

__all__ = ["Binary"]


class Binary(Objective):
    """Labels 0 or 1 (integers or truth values), or probabilities, in the outputs' shape; (n,) for (n, 1).

    A row is wrong where its logit is not strictly on its label's side; a probability counts as 1 from 1/2 on.

    Args:
        ignore_index: the label that counts for nothing.
    """

    name = "binary"

    def __init__(self, ignore_index: int) -> None:
        self.ignore_index = int(ignore_index)

    def check_labels(self, labels: torch.Tensor) -> None:
        """Refuse what is no probability."""
        if labels.is_complex() or not labels.ndim:
            raise ValueError(f"labels of objective 'binary' must be numbers (n, ...), got {labels.dtype}")
        if not labels.is_floating_point():
            labels = labels.long()  # of an unsigned type -100 would be 156
        bad = ~((labels >= 0) & (labels <= 1)) & (labels != self.ignore_index)
        if bad.any():
            raise ValueError(
                "labels of objective 'binary' must be 0, 1, between them, or the ignored "
                f"{self.ignore_index}, but {first_bad(labels, bad)}"
            )

    def check_fit(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """Refuse several labels for one logit, and one for several."""
        found = tuple(batch.labels.shape[1:])
        if _squeezed(found) != _squeezed(shape) and (len(found) < 2 or found[-1] != shape[-1]):
            raise ValueError(
                f"objective 'binary' needs a label for every logit: labels are {found} a sample, "
                f"the network returns {shape}"
            )

    def rows(self, batch: Batch) -> Rows:
        """A row for every label that counts."""
        flat = batch.labels.reshape(-1)
        counted = flat != self.ignore_index
        n = len(batch)
        sample = torch.arange(n).repeat_interleave(len(flat) // n)[counted]
        target = flat[counted].double()
        return Rows(n, sample, torch.ones(len(target), dtype=torch.float64), {"target": target})

    def read(self, output: Any, batch: Batch, pick: Output) -> Reading:
        """See `Objective.read`."""
        logits = self._rows_of(output, batch, pick)
        losses, margins = self._of_outputs(logits.double()[None, None], self.rows(batch).targets)
        return Reading(logits[None], losses[0], (margins[0] <= 0).double(), direct=False)

    def tempered_losses(
        self, output: Any, batch: Batch, pick: Output, inverse_temperatures: torch.Tensor
    ) -> torch.Tensor:
        """See `Objective.tempered_losses`."""
        logits, target = self._rows_of(output, batch, pick).double(), self.rows(batch).targets["target"]
        return torch.stack([_losses(beta * logits, target).sum() for beta in inverse_temperatures])

    def _of_outputs(
        self, values: torch.Tensor, targets: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, target = values[:, 0], targets["target"].to(values.dtype)
        return _losses(logits, target), torch.where(target >= 0.5, logits, -logits)

    def _rows_of(self, output: Any, batch: Batch, pick: Output) -> torch.Tensor:
        """Logits (R,) of the labels that count, on the CPU."""
        logits, labels = output_of(output, pick, self.name), batch.labels
        if len(logits) != len(labels):
            raise ValueError(f"the network returned {len(logits)} outputs for {len(labels)} samples")
        self.check_fit(batch, tuple(logits.shape[1:]))
        if logits.numel() != labels.numel():
            raise ValueError(
                f"objective 'binary' needs a label for every logit: labels are {tuple(labels.shape)}, "
                f"the network returned {tuple(logits.shape)}"
            )
        kind = torch.float64 if logits.dtype == torch.float64 else torch.float32
        return logits.reshape(-1).to("cpu", kind)[labels.reshape(-1) != self.ignore_index]


def _losses(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    # On the label's own side the loss is softplus(-|z|): softplus(z) - z would lose its digits.
    away = torch.where(target >= 0.5, -logits, logits)
    own = torch.logaddexp(away, torch.zeros_like(away))
    return own + torch.where(target >= 0.5, (1 - target) * logits, -target * logits)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return () if shape == (1,) else shape
