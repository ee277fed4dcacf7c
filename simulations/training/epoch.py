"""One epoch of training, and what is measured after it."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.devices import autocast, device_of, matmul_precision
from simulations.models.evaluation import evaluation_mode
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.generators import preserve_rng_state
from simulations.training.losses import EpochScores, all_scores, loss_of_batch
from simulations.training.samples_on_device import Samples

__all__ = ["EpochOutcome", "check_last_batch", "evaluate", "is_finite", "run_epoch"]


class EpochOutcome(NamedTuple):
    """What an epoch did.

    Attributes:
        steps: taken.
        finite: every step's loss (and gradient norm, where it is clipped) was.
        loss: mean over the samples of the loss that each had in its step, nats.
    """

    steps: int
    finite: bool
    loss: float


def run_epoch(
    model: nn.Module,
    samples: Samples,
    stepper: torch.optim.Optimizer,
    order: torch.Generator,
    arguments: TrainingArguments,
) -> EpochOutcome:
    """One pass over the samples in an order drawn from `order`; the model is in training mode.

    On the CPU the epoch ends at the first number that is not finite; a CUDA device is asked once, after the
    epoch, since a question in each step would make it wait.
    """
    device = samples.inputs.device
    trainable = [p for group in stepper.param_groups for p in group["params"]]
    shuffled = torch.randperm(len(samples), generator=order).to(device)
    size = arguments.batch_size
    taken, watch = 0, _Watch(device)
    with matmul_precision(arguments.precision, device):
        for first in range(0, len(samples), size):
            batch = shuffled[first : first + size]
            with autocast(arguments.precision, device):
                outputs = model(samples.inputs[batch])
            if outputs.dtype == torch.bfloat16:
                outputs = outputs.float()  # the loss itself is float32's
            loss = loss_of_batch(
                outputs,
                samples.inputs[batch],
                samples.labels[batch],
                objective=arguments.objective,
                label_smoothing=arguments.label_smoothing,
            )
            if watch.sees_overflow(loss):
                return EpochOutcome(taken, False, math.nan)
            watch.add(loss, len(batch))
            stepper.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            # An infinite norm would turn the step into none at all, without a word.
            if arguments.clip_norm is not None and watch.sees_overflow(
                nn.utils.clip_grad_norm_(trainable, arguments.clip_norm)
            ):
                return EpochOutcome(taken, False, math.nan)
            stepper.step()
            taken += 1
    return EpochOutcome(taken, *watch.found(len(samples)))


class _Watch:
    """The steps' losses: their mean, and whether all numbers it was shown are finite."""

    def __init__(self, device: torch.device) -> None:
        self._waits = device.type != "cpu"
        self._total = torch.zeros((), dtype=torch.float64, device=device)
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    def sees_overflow(self, number: torch.Tensor) -> bool:
        """At once on the CPU; elsewhere the answer comes with `found`."""
        if not self._waits:
            return not math.isfinite(number.item())
        self._finite &= torch.isfinite(number.detach())
        return False

    def add(self, loss: torch.Tensor, samples: int) -> None:
        """The mean loss of so many samples."""
        self._total += loss.detach() * samples

    def found(self, samples: int) -> tuple[bool, float]:
        """Whether all was finite, and the mean loss of all so many samples."""
        return bool(self._finite), float(self._total) / samples


def check_last_batch(model: nn.Module, data: ImageDataset, batch_size: int) -> None:
    """Refuse a last batch of one sample where the model has batch normalisation that cannot train on it.

    Raises:
        ValueError: before any step, not at the end of the first epoch.
    """
    alone = len(data) % batch_size == 1 or batch_size == 1
    if not alone or not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        return
    try:
        device = device_of(model)
        with torch.no_grad(), preserve_rng_state(device):
            deepcopy(model).train()(data.inputs[:1].to(device))
    except ValueError as error:
        raise ValueError(
            f"{len(data)} samples in batches of {batch_size} end in a batch of one, on which batch "
            f"normalisation cannot train: choose another batch_size ({error})"
        ) from error


def evaluate(
    model: nn.Module, samples: Samples, labels: torch.Tensor, objective: str | None = None
) -> EpochScores:
    """Scores on all samples, in evaluation mode and full float32, whatever the precision of the steps.

    Args:
        model: on the samples' device.
        samples: all of them.
        labels: theirs, on the CPU.
        objective: as of `simulations.training.losses.loss_of_batch`.
    """
    with evaluation_mode(model), matmul_precision("float32", samples.inputs.device):
        return all_scores(model, samples, labels, objective=objective)


def is_finite(model: nn.Module, scores: EpochScores) -> bool:
    """Whether the loss and every parameter and buffer (running statistics too) are finite."""
    return math.isfinite(scores.loss) and all(
        bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()
    )
