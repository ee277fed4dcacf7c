"""The user's module, checkpoints, path and data as a `ReluLine` with inputs; checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mli_theory.certificates.relu_line.network import ReluLine, inputs_of
from mli_theory.short_repr import short_repr
from simulations.certified_line.traced_steps import TracedStep, traced_steps
from simulations.line.paths import tensor_exponents
from simulations.models.checkpoints import Checkpoint, checkpoint_hash, load_checkpoint
from simulations.models.last_layer import LastLayer
from simulations.models.one_logit import refuse_one_logit
from simulations.models.roles import roles_with, roles_without_running
from simulations.user_data.data_passes import Batches

__all__ = ["OpenedLine", "open_certified_line"]

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class OpenedLine:
    """What a certificate is about.

    Attributes:
        line: the network's affine steps at both ends.
        inputs: (n, fan-in) float64, exactly the data's.
        labels: (n,).
        label: the class of the largest last-layer bias at the end; None of none, or of several.
        network: a hash of the layers and both checkpoints as walked.
        data: a hash of inputs and labels.
    """

    line: ReluLine
    inputs: NDArray[np.float64]
    labels: NDArray[np.int64]
    label: int | None
    network: str
    data: str

    __repr__ = short_repr


def open_certified_line(
    model: nn.Module, start: Checkpoint, end: Checkpoint, data: Any, path: str
) -> OpenedLine:
    """The line, or one line that says why there is none; the model is only read.

    Arguments as in `simulations.certified_line.certify.certify_line`.

    Raises:
        ValueError: as there.
    """
    last = load_checkpoint("end", end, model)
    given = load_checkpoint("start", start, model)
    batches = Batches(data)
    inputs, labels = _samples(batches)
    steps, rectified_input = traced_steps(model, inputs.shape[1:])
    first = _walked(model, given, last, path, steps[-1])
    line = ReluLine([_step(step, first, last) for step in steps])
    flat = inputs_of(line, inputs.reshape(len(inputs), -1))
    if rectified_input:
        flat = np.maximum(flat, 0.0)
    if line.n_classes == 1:
        refuse_one_logit(torch.empty(len(labels), 1), len(labels))
    if labels.max() >= line.n_classes:
        raise ValueError(f"labels must be below the {line.n_classes} logits, but one is {labels.max()}")
    named = {f"start {key}": value for key, value in first.items()} | {
        f"end {key}": value for key, value in last.items()
    }
    named["steps"] = torch.tensor(list(f"{rectified_input} {steps}".encode()))
    return OpenedLine(
        line, flat, labels, _largest_bias(steps[-1], last), checkpoint_hash(named), batches.content_hash
    )


def _walked(model: nn.Module, first: State, last: State, path: str, last_step: TracedStep) -> State:
    """The start of the straight line that the path is: a tensor that stays at the end starts there.

    Raises:
        ValueError: a path on which a tensor moves along a power of alpha, or a callable.
    """
    if not isinstance(path, str):
        raise ValueError("path must be a name: a callable's line is known at the alphas that are asked alone")
    last_layer = LastLayer(last_step.weight.rpartition(".")[0], last_step.bias)
    roles = roles_with(roles_without_running(model), last_layer)
    exponents = tensor_exponents(model, path, roles=roles)
    curved = sorted(name for name, exponent in exponents.items() if exponent not in (0, 1))
    if curved:
        raise ValueError(
            f"path {path!r} moves {curved[0]} along a power of alpha; a certified line is straight: "
            "linear, weights, bias, last_bias or only:PATTERN"
        )
    return {key: last[key] if exponents.get(key) == 0 else tensor for key, tensor in first.items()}


def _samples(batches: Batches) -> tuple[NDArray[Any], NDArray[np.int64]]:
    inputs, labels, seen = [], [], 0
    for batch in batches:
        if not batch.is_one_tensor():
            raise ValueError("a certified line needs data whose inputs are one tensor a batch")
        tensor = next(value for _, value in batch.arguments()).detach().cpu()
        if tensor.is_complex():
            raise ValueError(f"inputs must be real, got {tensor.dtype}")
        if tensor.is_floating_point():
            tensor = tensor.double()  # exact
            finite = tensor.isfinite().reshape(len(tensor), -1).all(dim=1)
            if not finite.all():
                first = seen + int((~finite).nonzero()[0])
                raise ValueError(f"data: sample {first} holds a value that is not finite")
        inputs.append(tensor.numpy())
        labels.append(batch.labels.cpu().numpy().astype(np.int64))
        seen += len(batch)
    return np.concatenate(inputs), np.concatenate(labels)


def _step(step: TracedStep, first: State, last: State) -> tuple[Any, Any, Any, Any, bool]:
    def array(state: State, name: str | None) -> NDArray[np.float64] | None:
        return None if name is None else state[name].detach().cpu().double().numpy()

    return (
        array(first, step.weight),
        array(last, step.weight),
        array(first, step.bias),
        array(last, step.bias),
        step.rectified,
    )


def _largest_bias(step: TracedStep, last: State) -> int | None:
    if step.bias is None:
        return None
    bias = last[step.bias]
    return int(bias.argmax()) if int((bias == bias.max()).sum()) == 1 else None
