"""An ensemble of seeds trained in one program: many small networks cost little more than one on a GPU.

Each member follows its own minibatches, those that `simulations.training.train` would give it, so that a
member is `train`'s run of its seed up to rounding: products of stacked matrices may round otherwise. (Adam
divides by the size of a gradient: where that is zero but for rounding, as for a bias before batch
normalisation, its steps are those of the rounding, here and there.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.devices import checked_device, device_of
from simulations.runtime.random_streams import torch_stream
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.ensemble_stack import MemberStack
from simulations.training.epoch import check_last_batch
from simulations.training.history import TrainingHistory
from simulations.training.progress_report import EpochClock, ProgressCallback, reporter
from simulations.training.result import TrainingResult, history_dataset
from simulations.training.resume_file import model_hash
from simulations.training.samples_on_device import Samples, samples_on

__all__ = ["train_many"]


def train_many(
    models: Sequence[nn.Module],
    data: ImageDataset,
    *,
    seeds: Sequence[int],
    optimizer: str = TrainingArguments.optimizer,
    learning_rate: float,
    momentum: float = TrainingArguments.momentum,
    weight_decay: float = TrainingArguments.weight_decay,
    label_smoothing: float = TrainingArguments.label_smoothing,
    clip_norm: float | None = TrainingArguments.clip_norm,
    schedule: str = TrainingArguments.schedule,
    batch_size: int = TrainingArguments.batch_size,
    target_loss: float | None = TrainingArguments.target_loss,
    max_epochs: int,
    precision: str = TrainingArguments.precision,
    device: torch.device | str | None = None,
    progress: ProgressCallback | str | None = None,
) -> list[TrainingResult]:
    """Train members of one architecture in place, each as `simulations.training.train` would train it alone.

    A member that has reached the target, or diverged, leaves the ensemble after that epoch: its numbers
    change no more, and the rest goes on without it. Batch normalisation is each member's own. Dropout is
    refused: one draw for all members cannot be `train`'s draw for each. There is no checkpoint: an ensemble
    is for runs so short that they are made again.

    Args:
        models: of one architecture (same printed form, same trained parameters) and one mode, on one device;
            each one's start is the state that it comes in.
        data: the training set of all; moved to the device once.
        seeds: one a model, of its stream "order".
        optimizer: this and all further arguments as in `train`.
        learning_rate: > 0.
        momentum: in [0, 1).
        weight_decay: >= 0.
        label_smoothing: in [0, 1).
        clip_norm: > 0, of each member's own gradient.
        schedule: "constant", "cosine" or "step".
        batch_size: >= 1.
        target_loss: > 0 or None.
        max_epochs: >= 0.
        precision: "float32", "tf32" or "bf16".
        device: "cpu", "cuda", "cuda:<index>" or None. The models themselves stay where they are.
        progress: a function or "bar"; loss and error are means over the members.

    Returns:
        A result for each model, in their order.

    Raises:
        ValueError: what `train` refuses, no models, another number of seeds, the same model twice, members
            that differ in architecture, or dropout.
    """
    arguments = TrainingArguments(
        optimizer=optimizer,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        clip_norm=clip_norm,
        schedule=schedule,
        batch_size=batch_size,
        target_loss=target_loss,
        max_epochs=max_epochs,
        precision=precision,
    )
    members = _members(models, seeds)
    where = checked_device(device, members[0].model, precision)
    check_last_batch(members[0].model, data, batch_size)
    stack = MemberStack([member.model for member in members], arguments, where)
    samples, in_stack = samples_on(data, where), members
    finite = stack.finite().tolist()
    for place, member in enumerate(members):
        scores = stack.scores(place, samples, data.labels)
        if not (finite[place] and math.isfinite(scores.loss)):
            raise ValueError(f"models[{place}] is not finite before training, its loss is {scores.loss}")
        member.history.add(scores, 0)
        member.status = arguments.verdict(0, scores.loss)
    with reporter(progress, max_epochs) as report:
        clock = EpochClock(0)
        for epoch in range(max_epochs):
            going_on = [place for place, member in enumerate(in_stack) if not member.status]
            if not going_on:
                break
            if len(going_on) < len(in_stack):
                stack.keep(going_on)
                in_stack = [in_stack[place] for place in going_on]
            before = stack.copy()
            stack.set_epoch(epoch)
            steps, finite = _epoch(stack, samples, [member.order for member in in_stack], batch_size)
            for place, member in enumerate(in_stack):
                member.steps_taken += steps
                latest = stack.scores(place, samples, data.labels) if finite[place] else None
                if latest is None or not math.isfinite(latest.loss):
                    member.end(before[place], "diverged")
                else:
                    member.history.add(latest, steps)
                    if verdict := arguments.verdict(member.history.epochs, latest.loss):
                        member.end(stack.member(place), verdict)
            status = "ended" if all(member.status for member in members) else ""
            report(clock.progress([member.history for member in members], epoch + 1, max_epochs, status))
    return [member.result(data, where, arguments) for member in members]


def _epoch(
    stack: MemberStack, samples: Samples, orders: list[torch.Generator], batch_size: int
) -> tuple[int, list[bool]]:
    """One pass of every member over the samples in its own order: steps, and whose numbers are all finite."""
    shuffled = torch.stack([torch.randperm(len(samples), generator=order) for order in orders])
    shuffled = shuffled.to(samples.inputs.device)
    finite, steps = torch.ones(len(orders), dtype=torch.bool, device=shuffled.device), 0
    for first in range(0, len(samples), batch_size):
        batch = shuffled[:, first : first + batch_size]
        finite &= stack.step(samples.inputs[batch], samples.labels[batch])
        steps += 1
    return steps, (finite & stack.finite()).tolist()


class _Member:
    """One model on its way."""

    def __init__(self, model: nn.Module, seed: int) -> None:
        self.model, self.seed, self.order = model, seed, torch_stream(seed, "order")
        self.start = _copy_of(model)
        self.history, self.status, self.steps_taken = TrainingHistory(), "", 0

    def end(self, numbers: Mapping[str, torch.Tensor], status: str) -> None:
        """Put the numbers into the model: they change no more."""
        with torch.no_grad():
            for name, tensor in (*self.model.named_parameters(), *self.model.named_buffers()):
                tensor.copy_(numbers[name])
        self.status = status

    def result(
        self, data: ImageDataset, device: torch.device, arguments: TrainingArguments
    ) -> TrainingResult:
        history = history_dataset(self.history, data, device, arguments, self.seed, self.status)
        self.model.zero_grad(set_to_none=True)
        end = _copy_of(self.model)
        return TrainingResult(self.model, self.start, end, history, self.status, self.steps_taken)


def _copy_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _members(models: Sequence[nn.Module], seeds: Sequence[int]) -> list[_Member]:
    """Checked to be fit for one stack."""
    if not len(models) or len(models) != len(seeds):
        raise ValueError(f"one seed a model and at least one: got {len(models)} models, {len(seeds)} seeds")
    if len({id(model) for model in models}) < len(models):
        raise ValueError("the same model is given twice: each member is trained in place")
    for place, model in enumerate(models):
        if model_hash(model) != model_hash(models[0]) or model.training != models[0].training:
            raise ValueError(
                f"models[{place}] differs from models[0] in layers, mode or trained parameters: "
                "an ensemble has one architecture"
            )
        if device_of(model) != device_of(models[0]):
            raise ValueError(f"models[{place}] is on {device_of(model)}, models[0] on {device_of(models[0])}")
    drops = (nn.modules.dropout._DropoutNd, nn.MultiheadAttention)
    for name, module in models[0].named_modules():
        share = getattr(module, "p", getattr(module, "dropout", 0.0))
        if isinstance(module, drops) and share > 0:
            raise ValueError(f"{name or 'the model'} drops a share {share}: train its members one by one")
    return [_Member(model, seed) for model, seed in zip(models, seeds, strict=True)]
