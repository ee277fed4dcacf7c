"""What a training wrote down after each epoch that it evaluated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr

from simulations.training.losses import EpochScores

__all__ = ["TrainingHistory"]


class TrainingHistory:
    """Per evaluated epoch, the start being epoch 0: loss, error, class accuracy, steps taken so far."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.errors: list[float] = []
        self.class_accuracies: list[np.ndarray] = []
        self.steps: list[int] = []
        self.numbers: list[int] = []

    @property
    def epochs(self) -> int:
        """Epochs done when it was last evaluated."""
        return self.numbers[-1] if self.numbers else -1

    def add(self, scores: EpochScores, steps: int, epochs: int = 1) -> None:
        """Write an epoch down, after so many further steps and epochs (the first one is epoch 0)."""
        self.numbers.append(self.epochs + epochs)
        self.losses.append(scores.loss)
        self.errors.append(scores.error)
        self.class_accuracies.append(scores.class_accuracy)
        self.steps.append(steps + (self.steps[-1] if self.steps else 0))

    def tensors(self) -> dict[str, torch.Tensor]:
        """All of it, bit for bit, for a checkpoint."""
        return {
            "loss": torch.tensor(self.losses, dtype=torch.float64),
            "error": torch.tensor(self.errors, dtype=torch.float64),
            "class_accuracy": torch.from_numpy(np.array(self.class_accuracies)),
            "steps": torch.tensor(self.steps),
            "epoch": torch.tensor(self.numbers),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> TrainingHistory:
        """What `tensors` gave."""
        history = cls()
        history.losses = tensors["loss"].tolist()
        history.errors = tensors["error"].tolist()
        history.class_accuracies = list(tensors["class_accuracy"].numpy())
        history.steps = tensors["steps"].tolist()
        # A checkpoint that has no such tensor is of a version that evaluated after each epoch.
        history.numbers = tensors["epoch"].tolist() if "epoch" in tensors else [*range(len(history.steps))]
        return history

    def dataset(self) -> xr.Dataset:
        """`loss(epoch)` in nats, `error(epoch)`, `class_accuracy(epoch, class_index)`, `steps(epoch)`."""
        accuracies = np.array(self.class_accuracies)
        return xr.Dataset(
            {
                "loss": ("epoch", self.losses, {"units": "nats"}),
                "error": ("epoch", self.errors),
                "class_accuracy": (("epoch", "class_index"), accuracies),
                "steps": ("epoch", np.array(self.steps)),
            },
            coords={"epoch": np.array(self.numbers), "class_index": np.arange(accuracies.shape[1])},
        )
