"""Optimisers and learning-rate schedules by name.

A schedule is a plain function of the epoch, not an object with a state: a run that goes on from the middle
needs nothing of it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

__all__ = ["OPTIMIZERS", "SCHEDULES", "is_decayed", "make_optimizer", "rate_factor"]

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "step")


def make_optimizer(
    model: nn.Module, optimizer: str, learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """The optimiser, torch's, over the trainable parameters, in the model's order, decayed ones first.

    `weight_decay` applies to weights alone (see `is_decayed`): "sgd" and "adam" add weight_decay * w to the
    gradient, "adamw" multiplies w by 1 - rate * weight_decay in each step.

    Raises:
        ValueError: a model without trainable parameters.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not trainable:
        raise ValueError("the model has no trainable parameter")
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trainable if is_decayed(p)], "weight_decay": weight_decay},
        {"params": [p for p in trainable if not is_decayed(p)], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if optimizer == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)
    if optimizer == "adam":
        return torch.optim.Adam(groups, lr=learning_rate)
    return torch.optim.AdamW(groups, lr=learning_rate)


def is_decayed(parameter: torch.Tensor) -> bool:
    """Whether weight decay applies: to weight matrices and kernels, not to biases and normalisation layers.

    Those have one dimension. Decay of the last bias would act on the plateau directly, not through training.
    """
    return parameter.ndim >= 2


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
