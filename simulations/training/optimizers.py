"""Optimisers and learning-rate schedules by name.

A schedule is a plain function of the epoch, not an object with a state: a run that goes on from the middle
needs nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from simulations.specs.training_arguments import TrainingArguments

__all__ = ["make_optimizer", "rate_factor", "set_rate"]


def make_optimizer(
    trainable: Sequence[torch.Tensor], arguments: TrainingArguments, *, stacked: bool = False
) -> torch.optim.Optimizer:
    """The optimiser, torch's, over parameters in the order given, decayed ones first.

    `weight_decay` applies to weight matrices and kernels, not to what has one dimension: biases and
    normalisation layers. (Decay of the last bias would act on the plateau directly, not through training.)
    "sgd" and "adam" add weight_decay * w to the gradient, "adamw" multiplies w by 1 - rate * weight_decay in
    each step.

    Args:
        trainable: the parameters.
        arguments: of the training.
        stacked: a first dimension counts the members of an ensemble. An optimiser treats each number alone,
            so a member's numbers are those it would have alone.

    Raises:
        ValueError: no parameters.
    """
    if not trainable:
        raise ValueError("the model has no trainable parameter")
    weights = [p for p in trainable if p.ndim - stacked >= 2]
    others = [p for p in trainable if p.ndim - stacked < 2]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": arguments.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    # By lists: their loop over the parameters is C++'s. On small networks that saves a twentieth of a step of
    # SGD, a tenth of one of Adam, with the same bits. (The fused forms are faster still, and give others.)
    common: dict[str, Any] = {"lr": arguments.learning_rate, "foreach": True}
    if arguments.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=arguments.momentum, **common)
    if arguments.optimizer == "adam":
        return torch.optim.Adam(groups, **common)
    return torch.optim.AdamW(groups, **common)


def set_rate(stepper: torch.optim.Optimizer, arguments: TrainingArguments, epoch: int) -> None:
    """Put the optimiser's learning rate where the schedule has it in an epoch, 0 being the first."""
    rate = arguments.learning_rate * rate_factor(arguments.schedule, epoch, arguments.max_epochs)
    for group in stepper.param_groups:
        group["lr"] = rate


def rate_factor(schedule: str, epoch: int, max_epochs: int) -> float:
    """By what the learning rate is multiplied in an epoch (0 is the first), the same in all its steps.

    - "constant": 1.
    - "cosine": (1 + cos(pi epoch / max_epochs)) / 2, from 1 towards 0; the last epoch's is above 0.
    - "step": a tenth from epoch max_epochs / 2 on, a hundredth from 3 max_epochs / 4 on.

    A run that reaches its target earlier has taken the first part of the schedule only.
    """
    if schedule == "cosine":
        return (1 + math.cos(math.pi * epoch / max_epochs)) / 2
    if schedule == "step":
        return 0.01 if 4 * epoch >= 3 * max_epochs else 0.1 if 2 * epoch >= max_epochs else 1.0
    return 1.0
