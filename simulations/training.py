"""Training to a target loss, reproducible bit for bit on one machine at one thread count."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import nn

from simulations.datasets import ImageDataset
from simulations.evaluation import Scores, evaluation_mode, logits
from simulations.random_streams import torch_stream

__all__ = ["OPTIMIZERS", "TrainingResult", "train"]

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A training run.

    Attributes:
        model: the module that was trained, in the state `end`.
        start: state dict before the first step; a copy that shares nothing with the model.
        end: state dict after the last finite epoch, likewise a copy.
        history: per epoch on the whole training set, in evaluation mode; epoch 0 is the start, the last
            epoch is `end`: `loss(epoch)` in nats, `error(epoch)`, `class_accuracy(epoch, class_index)`,
            `steps(epoch)` = optimiser steps taken so far. Attributes: every argument of the call (a
            target_loss of None as nan), status, data_hash, threads (torch's, in this process), torch_version.
        status: "reached" the target (or, without one, the last epoch), "stagnated" = `max_epochs` did not
            reach it, "diverged" = a loss or a parameter was no longer finite.
    """

    model: nn.Module
    start: dict[str, torch.Tensor]
    end: dict[str, torch.Tensor]
    history: xr.Dataset
    status: str


def train(
    model: nn.Module,
    data: ImageDataset,
    *,
    optimizer: str = "sgd",
    learning_rate: float,
    momentum: float = 0.9,
    batch_size: int = 64,
    target_loss: float | None = None,
    max_epochs: int,
    seed: int,
) -> TrainingResult:
    """Train the model in place, by minibatches of cross-entropy, to a loss on the whole training set.

    The loss that decides is evaluated on all of `data` after each epoch, in evaluation mode and float64; a
    model that is at the target already takes no step. Each epoch visits every sample once in an order
    drawn from the seed's stream "order"; the last batch may be smaller. Two calls with the same
    arguments give the same bits at the same thread count (another count may not). torch's global
    generator is left as it was; dropout draws from the seed's stream "dropout".

    A diverged run ends at once: model and `end` are in the state after the last epoch whose loss and
    parameters were finite, never in one that is not.

    Args:
        model: inputs (n, ...) to logits (n, k); its start is the state it comes in.
        data: the training set.
        optimizer: "sgd" or "adam" (torch's, betas 0.9 and 0.999).
        learning_rate: > 0.
        momentum: of sgd, in [0, 1); adam does not use it.
        batch_size: >= 1.
        target_loss: nats, > 0, or None to run all epochs.
        max_epochs: >= 0; passes over the data at most.
        seed: of the streams "order" and "dropout".

    Raises:
        ValueError: a value outside these, a model without trainable parameters, or one whose loss or
            parameters are not finite at the start.
    """
    _check(optimizer, learning_rate, momentum, batch_size, target_loss, max_epochs)
    order = torch_stream(seed, "order")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("the model has no trainable parameter")
    stepper: torch.optim.Optimizer
    if optimizer == "sgd":
        stepper = torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum)
    else:
        stepper = torch.optim.Adam(parameters, lr=learning_rate)

    start = _copy_of(model)
    scores = [_evaluate(model, data)]
    if not _is_finite(model, scores[0]):
        raise ValueError(f"the model's loss or parameters are not finite before training: {scores[0].loss}")
    end, steps, status = start, [0], ""
    modes = [(module, module.training) for module in model.modules()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream(seed, "dropout").initial_seed())
        model.train()
        while not status:
            if target_loss is not None and scores[-1].loss <= target_loss:
                status = "reached"
            elif len(scores) > max_epochs:
                status = "stagnated" if target_loss is not None else "reached"
            else:
                taken, finite = _epoch(model, data, stepper, batch_size, order)
                latest = _evaluate(model, data) if finite else None
                if latest is None or not _is_finite(model, latest):
                    status = "diverged"
                else:
                    scores.append(latest)
                    steps.append(steps[-1] + taken)
                    end = _copy_of(model)
    for module, training in modes:
        module.training = training
    model.load_state_dict(end)
    model.zero_grad(set_to_none=True)
    if end is start:
        end = deepcopy(start)
    history = _history(scores, steps, data)
    history.attrs |= {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "batch_size": batch_size,
        "target_loss": math.nan if target_loss is None else target_loss,
        "max_epochs": max_epochs,
        "seed": seed,
        "status": status,
    }
    return TrainingResult(model, start, end, history, status)


def _epoch(
    model: nn.Module,
    data: ImageDataset,
    stepper: torch.optim.Optimizer,
    batch_size: int,
    order: torch.Generator,
) -> tuple[int, bool]:
    """One pass over the data; steps taken, and whether every batch's loss was finite."""
    taken = 0
    shuffled = torch.randperm(len(data), generator=order)
    for first in range(0, len(data), batch_size):
        batch = shuffled[first : first + batch_size]
        loss = nn.functional.cross_entropy(model(data.inputs[batch]), data.labels[batch])
        if not math.isfinite(loss.item()):
            return taken, False
        stepper.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        stepper.step()
        taken += 1
    return taken, True


def _evaluate(model: nn.Module, data: ImageDataset) -> Scores:
    with evaluation_mode(model):
        return Scores(logits(model, data), data.labels)


def _is_finite(model: nn.Module, scores: Scores) -> bool:
    return math.isfinite(scores.loss) and all(
        bool(torch.isfinite(p).all()) for p in model.state_dict().values()
    )


def _copy_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _history(scores: list[Scores], steps: list[int], data: ImageDataset) -> xr.Dataset:
    return xr.Dataset(
        {
            "loss": ("epoch", [s.loss for s in scores], {"units": "nats"}),
            "error": ("epoch", [s.error for s in scores]),
            "class_accuracy": (("epoch", "class_index"), np.array([s.class_accuracy for s in scores])),
            "steps": ("epoch", np.array(steps)),
        },
        coords={"epoch": np.arange(len(scores)), "class_index": np.arange(data.n_classes)},
        attrs={
            "data_hash": data.content_hash,
            "threads": torch.get_num_threads(),
            "torch_version": str(torch.__version__),
        },
    )


def _check(
    optimizer: str,
    learning_rate: float,
    momentum: float,
    batch_size: int,
    target_loss: float | None,
    max_epochs: int,
) -> None:
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be a finite number > 0, got {learning_rate!r}")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must lie in [0, 1), got {momentum!r}")
    if target_loss is not None and not 0 < target_loss < math.inf:
        raise ValueError(f"target_loss must be a finite number > 0 or None, got {target_loss!r}")
    for name, value, least in (("batch_size", batch_size, 1), ("max_epochs", max_epochs, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
