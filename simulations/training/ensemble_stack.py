"""The members of an ensemble, stacked: one tensor a parameter, whose first dimension counts the members."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from simulations.models.devices import autocast, matmul_precision
from simulations.models.evaluation import Scores, evaluation_mode, logits
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.optimizers import make_optimizer, set_rate
from simulations.training.samples_on_device import Samples

__all__ = ["MemberStack"]

Tensors = dict[str, torch.Tensor]


class _Numbers(NamedTuple):
    trained: Tensors
    frozen: Tensors
    buffers: Tensors


class MemberStack:
    """Members of one architecture that take their steps together.

    Args:
        models: left as they are; their numbers are copied.
        arguments: of the training of each.
        device: where the copies lie.
    """

    def __init__(
        self, models: Sequence[nn.Module], arguments: TrainingArguments, device: torch.device
    ) -> None:
        self._arguments = arguments
        self._device = device
        # Says what is computed; its own numbers are never read.
        self._architecture = deepcopy(models[0]).to("meta").train()
        parameters, buffers = stack_module_state(list(models))
        stacked = {name: tensor.detach().to(device) for name, tensor in parameters.items()}
        wanted = {name: p.requires_grad for name, p in models[0].named_parameters()}
        self._numbers = _Numbers(
            {name: tensor for name, tensor in stacked.items() if wanted[name]},
            {name: tensor for name, tensor in stacked.items() if not wanted[name]},
            {name: tensor.to(device) for name, tensor in buffers.items()},
        )
        self._stepper = make_optimizer(list(self._numbers.trained.values()), arguments, stacked=True)
        self._gradients = vmap(grad_and_value(self._loss, has_aux=True), randomness="error")

    def set_epoch(self, epoch: int) -> None:
        """Put the learning rate where the schedule has it."""
        set_rate(self._stepper, self._arguments, epoch)

    def step(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One step of every member on its own minibatch.

        Args:
            inputs: (members, batch, ...).
            labels: (members, batch).

        Returns:
            (members,) bool: whether the loss (and the gradient's norm, where it is clipped) was finite.
        """
        trained, frozen, buffers = self._numbers
        # torch's fused attention has no stacked form.
        with matmul_precision(self._arguments.precision, self._device), sdpa_kernel(SDPBackend.MATH):
            gradients, (loss, buffers) = self._gradients(trained, frozen, buffers, inputs, labels)
        finite = torch.isfinite(loss)
        if self._arguments.clip_norm is not None:
            finite &= torch.isfinite(_clip(gradients, self._arguments.clip_norm))
        self._numbers = self._numbers._replace(buffers=buffers)
        for name, tensor in trained.items():
            tensor.grad = gradients[name]
        self._stepper.step()
        return finite

    def finite(self) -> torch.Tensor:
        """(members,) bool: whether all of a member's numbers are finite."""
        tensors = [tensor for group in self._numbers for tensor in group.values()]
        return torch.stack([torch.isfinite(_rows(tensor)).all(dim=1) for tensor in tensors]).all(dim=0)

    def scores(self, place: int, samples: Samples, labels: torch.Tensor) -> Scores:
        """A member's, measured as `simulations.training.epoch.evaluate` measures a model alone."""
        numbers = self.member(place)

        def network(inputs: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = functional_call(self._architecture, numbers, (inputs,))
            return outputs

        with evaluation_mode(self._architecture), matmul_precision("float32", self._device):
            return Scores(logits(network, samples).cpu(), labels)

    def member(self, place: int) -> Tensors:
        """The parameters and buffers of a member, by name: views."""
        return {name: tensor[place] for group in self._numbers for name, tensor in group.items()}

    def copy(self) -> list[Tensors]:
        """Copies of all members' parameters and buffers."""
        return [
            {name: tensor.clone() for name, tensor in self.member(place).items()}
            for place in range(len(next(iter(self._numbers.trained.values()))))
        ]

    def keep(self, places: Sequence[int]) -> None:
        """Go on with some of the members alone, each with its part of the optimiser's buffers."""
        index = torch.tensor(places, device=self._device)
        before = list(self._numbers.trained.values())
        states = [self._stepper.state.get(tensor, {}) for tensor in before]
        self._numbers = _Numbers(
            *({name: t.index_select(0, index) for name, t in group.items()} for group in self._numbers)
        )
        after = list(self._numbers.trained.values())
        self._stepper = make_optimizer(after, self._arguments, stacked=True)
        for old, new, state in zip(before, after, states, strict=True):
            for name, value in state.items():
                # What has the parameter's shape counts members; a count of steps is common to all.
                is_stacked = isinstance(value, torch.Tensor) and value.shape == old.shape
                self._stepper.state[new][name] = value.index_select(0, index) if is_stacked else value

    def _loss(
        self, trained: Tensors, frozen: Tensors, buffers: Tensors, inputs: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, Tensors]:
        """A member's loss on a minibatch, and its buffers after it."""
        # Running statistics are moved in place.
        buffers = {name: tensor.clone() for name, tensor in buffers.items()}
        with autocast(self._arguments.precision, self._device):
            outputs = functional_call(self._architecture, trained | frozen | buffers, (inputs,))
        if outputs.dtype == torch.bfloat16:
            outputs = outputs.float()
        loss = nn.functional.cross_entropy(outputs, labels, label_smoothing=self._arguments.label_smoothing)
        return loss, buffers


def _clip(gradients: Tensors, clip_norm: float) -> torch.Tensor:
    """Shorten each member's gradient in place, as torch's clip_grad_norm_ does.

    Returns:
        (members,) the norms before that.
    """
    squares = [_rows(gradient).square().sum(dim=1) for gradient in gradients.values()]
    norms = torch.stack(squares).sum(dim=0).sqrt()
    factors = (clip_norm / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients.values():
        gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))
    return norms


def _rows(stacked: torch.Tensor) -> torch.Tensor:
    """(members, everything else)."""
    return stacked.reshape(len(stacked), -1)
