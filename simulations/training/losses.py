"""The loss that a training follows, and what is measured on all samples.

Losses in nats, averaged over samples or tokens; squared error averaged over all outputs, as torch's.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from simulations.models.evaluation import BATCH, Scores, logits
from simulations.training.samples_on_device import Samples

__all__ = ["EpochScores", "all_scores", "loss_of_batch"]


class EpochScores(Protocol):
    """What a history keeps of an epoch: loss, error (nan without one), accuracy of each class."""

    loss: float
    error: float

    @property
    def class_accuracy(self) -> NDArray[np.float64]:
        """(k,), empty without classes."""
        ...


class _ErrorScores:
    """Of an objective without classes."""

    def __init__(self, loss: float) -> None:
        self.loss, self.error = loss, math.nan

    @property
    def class_accuracy(self) -> NDArray[np.float64]:
        return np.empty(0)


def loss_of_batch(
    outputs: torch.Tensor,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    *,
    objective: str | None,
    label_smoothing: float,
) -> torch.Tensor:
    """The mean loss of a batch's samples, tokens or outputs.

    Args:
        outputs: of the network; (n, k), by token (n, t, k), of an autoencoder (n, d).
        inputs: of the batch, (n, ...); an autoencoder's target, d numbers a sample.
        labels: (n,), by token (n, t).
        objective: "squared_error", or None for cross-entropy.
        label_smoothing: of cross-entropy.
    """
    if objective == "squared_error":
        return nn.functional.mse_loss(outputs, inputs.flatten(1))
    if labels.ndim > 1:
        outputs, labels = outputs.flatten(0, 1), labels.flatten()
    return nn.functional.cross_entropy(outputs, labels, label_smoothing=label_smoothing)


def all_scores(
    model: nn.Module, samples: Samples, labels: torch.Tensor, *, objective: str | None
) -> EpochScores:
    """Loss, error and accuracies on all samples, in float64 after the network's outputs.

    Args:
        model: in evaluation mode, on the samples' device.
        samples: all of them.
        labels: theirs, on the CPU.
        objective: as of `loss_of_batch`.
    """
    if objective is None and labels.ndim == 1:
        return Scores(logits(model, samples).cpu(), labels)
    with torch.no_grad():
        found = [
            (model(samples.inputs[first : first + BATCH]), samples.inputs[first : first + BATCH])
            for first in range(0, len(samples), BATCH)
        ]
        if objective is None:
            return Scores(torch.cat([out.cpu() for out, _ in found]).flatten(0, 1), labels.flatten())
        squares = [((out.double() - target.flatten(1).double()) ** 2).sum().cpu() for out, target in found]
        return _ErrorScores(float(sum(squares)) / sum(out.numel() for out, _ in found))
