"""Running statistics of normalisation layers between two checkpoints: four policies.

- "keep": the end's, at every alpha. Only the end is then its checkpoint's own evaluation.
- "interpolate": (1 - alpha) start + alpha end; both ends are their checkpoints' own.
- "recalibrate": measured at every alpha on stated data. A layer's mean is the mean over all samples, its
  variance that of
  all samples about that mean (unbiased), from sums over batches, never a moving average. Layers below
  normalise
  each batch by its own statistics while they are measured, as in training.
- "refuse": an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

__all__ = [
    "POLICIES",
    "has_running_statistics",
    "measured_statistics",
    "statistics_names",
    "uses_batch_statistics",
]

POLICIES = ("keep", "interpolate", "recalibrate", "refuse")
_Norm = nn.modules.batchnorm._NormBase


def _layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, _Norm)]


def has_running_statistics(model: nn.Module) -> bool:
    """Whether any layer keeps running statistics."""
    return bool(statistics_names(model))


def uses_batch_statistics(model: nn.Module) -> bool:
    """Whether a sample's logits depend on its batch in evaluation mode too: no running statistics."""
    batch_norm = nn.modules.batchnorm._BatchNorm
    return any(isinstance(m, batch_norm) and m.running_mean is None for m in model.modules())


def statistics_names(model: nn.Module) -> list[str]:
    """The names of all running means and variances in the state dict."""
    return [
        f"{name}.{kind}" if name else kind
        for name, module in _layers(model)
        if getattr(module, "running_mean", None) is not None
        for kind in ("running_mean", "running_var")
    ]


def measured_statistics(model: nn.Module, passes: Callable[[], None]) -> dict[str, torch.Tensor]:
    """Statistics (see "recalibrate") of the inputs every layer sees during `passes`, which run the model.

    The layers use batch statistics meanwhile and their buffers are left alone.
    """
    sums: dict[str, list[torch.Tensor | int]] = {}
    with _watched(model, sums):
        passes()
    measured = {}
    for name, (count, mean, square) in sums.items():
        prefix = f"{name}." if name else ""
        like = model.get_buffer(f"{prefix}running_mean")
        measured[f"{prefix}running_mean"] = torch.as_tensor(mean).to(like.dtype)
        measured[f"{prefix}running_var"] = (torch.as_tensor(square) / max(int(count) - 1, 1)).to(like.dtype)
    return measured


@contextmanager
def _watched(model: nn.Module, sums: dict[str, list[torch.Tensor | int]]) -> Iterator[None]:
    hooks = []
    layers: list[tuple[Any, float | None]] = []
    norms: list[tuple[str, Any]] = list(_layers(model))
    for name, module in norms:
        if getattr(module, "running_mean", None) is None:
            continue
        layers.append((module, module.momentum))

        def watch(module: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = name) -> None:  # noqa: ARG001
            # Channels last, everything else in one dimension; float64: sums over all data.
            values = inputs[0].detach().double().movedim(1, -1).flatten(0, -2)
            count, mean = len(values), values.mean(dim=0)
            square = (values - mean).square().sum(dim=0)
            if name in sums:  # Chan's update: means of two parts, without cancellation
                old_count, old_mean, old_square = sums[name]
                total = old_count + count
                shift = mean - old_mean
                mean = old_mean + shift * (count / total)
                square = old_square + square + shift.square() * (old_count * count / total)
                count = int(total)
            sums[name] = [count, mean, square]

        hooks.append(module.register_forward_pre_hook(watch))
        module.training = True
        module.momentum = 0.0  # batch statistics, buffers multiplied by 1
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module, momentum in layers:
            module.training, module.momentum = False, momentum
