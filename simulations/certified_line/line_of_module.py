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
from simulations.certified_line.lowered import lowered
from simulations.certified_line.traced_program import Program, traced_program
from simulations.line.paths import tensor_exponents
from simulations.models.checkpoints import Checkpoint, checkpoint_hash, load_checkpoint
from simulations.models.last_layer import LastLayer
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
    model: nn.Module, start: Checkpoint, end: Checkpoint, data: Any, path: str, *, buffers: str
) -> OpenedLine:
    """The line, or one line that says why there is none; the model is only read.

    Arguments as in `simulations.certified_line.certify.certify_line`.

    Raises:
        ValueError: as there.
    """
    if buffers not in ("refuse", "keep"):
        raise ValueError(f"buffers must be refuse or keep for a certified line, got {buffers!r}")
    last = load_checkpoint("end", end, model)
    given = load_checkpoint("start", start, model)
    batches = Batches(data)
    inputs, labels = _samples(batches)
    program = traced_program(model, inputs.shape[1:])
    if buffers == "refuse":
        _refuse_moving_statistics(program, given, last)
    first = _walked(model, given, last, path, program.last_layer)
    line = ReluLine(lowered(program, dict(model.named_modules()), first, last))
    flat = inputs_of(line, inputs.reshape(len(inputs), -1))
    if labels.max() >= line.n_classes:
        raise ValueError(f"labels must be below the {line.n_classes} logits, but one is {labels.max()}")
    named = {f"start {key}": value for key, value in first.items()} | {
        f"end {key}": value for key, value in last.items()
    }
    named["program"] = torch.tensor(list("\n".join(map(str, program.operations)).encode()))
    return OpenedLine(
        line,
        flat,
        labels,
        _largest_bias(program.last_layer, last),
        checkpoint_hash(named),
        batches.content_hash,
    )


def _refuse_moving_statistics(program: Program, first: State, last: State) -> None:
    for one in program.operations:
        for which in ("running_mean", "running_var"):
            name = f"{one.name}.{which}"
            if one.kind == "norm" and not torch.equal(first[name].cpu(), last[name].cpu()):
                raise ValueError(
                    f"{name} differs between start and end: buffers='keep' (--buffers keep) takes the end's "
                    "on the whole line"
                )


def _walked(model: nn.Module, first: State, last: State, path: str, last_layer: LastLayer | None) -> State:
    """The start of the straight line that the path is: a tensor that stays at the end starts there.

    Raises:
        ValueError: a path on which a tensor moves along a power of alpha, or a callable.
    """
    if not isinstance(path, str):
        raise ValueError("path must be a name: a callable's line is known at the alphas that are asked alone")
    roles = roles_without_running(model)
    if last_layer is not None:
        roles = roles_with(roles, last_layer)
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


def _largest_bias(last_layer: LastLayer | None, last: State) -> int | None:
    if last_layer is None or last_layer.bias_name is None:
        return None
    bias = last[last_layer.bias_name]
    return int(bias.argmax()) if int((bias == bias.max()).sum()) == 1 else None
