"""What a training gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import xarray as xr
from torch import nn

from mli_theory.short_repr import short_repr
from simulations.datasets.image_dataset import ImageDataset
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.history import TrainingHistory

__all__ = ["TrainingResult", "history_dataset", "setting_of"]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A training run.

    Attributes:
        model: the module that was trained, in the state `end`.
        start: state dict before the first step; a copy that shares nothing with the model.
        end: state dict after the last finite epoch, likewise a copy.
        history: per evaluated epoch on the whole training set, in evaluation mode; epoch 0 is the start, the
            last one is `end`: `loss(epoch)` in nats, `error(epoch)`, `class_accuracy(epoch, class_index)`,
            `steps(epoch)` = optimiser steps taken so far; `epoch` counts those done. Attributes: every
            argument of the call that bears on its numbers (None as nan), status, data_hash, threads
            (torch's, in this process), device, torch_version.
        status: "reached" the target (or, without one, the last epoch), "stagnated" = `max_epochs` did not
            reach it, "diverged" = a loss or a number of the model was no longer finite.
        steps_taken: optimiser steps of this very call: fewer than history's where it went on from a
            checkpoint, perhaps more where it diverged.
        kept: state dicts after the epochs that were asked for, by epoch; those that training ended before
            are not in it.
    """

    model: nn.Module
    start: dict[str, torch.Tensor]
    end: dict[str, torch.Tensor]
    history: xr.Dataset
    status: str
    steps_taken: int
    kept: Mapping[int, Mapping[str, torch.Tensor]] = field(default_factory=dict)

    __repr__ = short_repr


def history_dataset(
    history: TrainingHistory,
    data: ImageDataset,
    device: torch.device,
    arguments: TrainingArguments,
    seed: int,
    status: str,
) -> xr.Dataset:
    """The history with the attributes that `TrainingResult` names."""
    return history.dataset().assign_attrs(
        data_hash=data.content_hash,
        **setting_of(device),
        **arguments.attributes(),
        seed=seed,
        status=status,
    )


def setting_of(device: torch.device) -> dict[str, str | int]:
    """Where the bits of a training hold."""
    return {
        "threads": torch.get_num_threads(),
        "torch_version": str(torch.__version__),
        "device": device.type,
    }
