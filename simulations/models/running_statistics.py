"""Running statistics of normalisation layers between two checkpoints: four policies.

- "keep": the end's, at every alpha. Only the end is then its checkpoint's own evaluation.
- "interpolate": (1 - alpha) start + alpha end; both ends are their checkpoints' own.
- "recalibrate": measured at every alpha on stated data. A layer's mean is the mean over all samples, its
  variance that of all samples about that mean (unbiased), put together from the batches' own in float64,
  never a moving average. Layers below normalise each batch by its own statistics while they are measured, as
  in training. Of an instance norm: the averages over samples of each sample's own.
- "refuse": an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
_Norm: type[nn.Module] = nn.modules.batchnorm._NormBase
_Instance: type[nn.Module] = nn.modules.instancenorm._InstanceNorm


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

    The layers use batch statistics meanwhile and their running statistics are left alone. A batch's mean
    and variance are torch's own, in the buffers' precision.

    Raises:
        ValueError: a layer sees a batch of one value a channel, which has no variance.
    """
    sums: dict[str, _Sums] = {}
    with _watched(model, sums):
        try:
            passes()
        except ValueError as error:
            if "Expected more than 1 " not in str(error):
                raise
            raise ValueError(
                "batch_norm='recalibrate' measures variances, but a batch holds one value a channel: "
                f"give batches of two samples or more, or other `calibration` data ({error})"
            ) from error
    measured = {}
    for name, found in sums.items():
        prefix = f"{name}." if name else ""
        dtype = model.get_buffer(f"{prefix}running_mean").dtype
        measured[f"{prefix}running_mean"] = found.mean.to(dtype)
        measured[f"{prefix}running_var"] = found.variance.to(dtype)
    return measured


class _Sums:
    """Count, mean and variance, channel by channel in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.square = torch.zeros(())  # square: sum of squares about the mean

    def add(self, count: int, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """`count` more values of each channel, with their mean and unbiased variance (Chan's update)."""
        mean, square = mean.double(), variance.double() * (count - 1)
        if self.count:
            shift, share = mean - self.mean, count / (self.count + count)
            mean = self.mean + shift * share
            square = self.square + square + shift.square() * (self.count * share)
        self.count, self.mean, self.square = self.count + count, mean, square

    def average(self, count: int, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """`count` more samples, each normalised by itself, with the averages of their statistics."""
        share = count / (self.count + count)
        variance = self.variance + share * (variance.double() - self.variance)
        self.mean = self.mean + share * (mean.double() - self.mean)
        self.count += count
        self.square = variance * max(self.count - 1, 1)

    @property
    def variance(self) -> torch.Tensor:
        """Unbiased; 0 of nothing."""
        return self.square / max(self.count - 1, 1)


@contextmanager
def _watched(model: nn.Module, sums: dict[str, _Sums]) -> Iterator[None]:
    """Layers in training mode whose buffers stand aside for each call.

    With momentum 1 the layer's own update leaves the batch's mean and unbiased variance in the buffers put
    in their place: no pass over the activations but the layer's own.
    """
    hooks: list[Any] = []
    before: list[tuple[Any, float | None]] = []
    aside: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    norms: list[tuple[str, Any]] = list(_layers(model))

    def put_aside(module: Any, _inputs: object, name: str) -> None:
        aside[name] = module.running_mean, module.running_var
        module.running_mean = torch.zeros_like(module.running_mean)
        module.running_var = torch.zeros_like(module.running_var)

    def collect(module: Any, inputs: tuple[torch.Tensor, ...], _output: object, name: str) -> None:
        found, mean, variance = sums.setdefault(name, _Sums()), module.running_mean, module.running_var
        if isinstance(module, _Instance):
            found.average(len(inputs[0]), mean, variance)
        else:
            found.add(inputs[0].numel() // len(mean), mean, variance)
        put_back(module, name)

    def put_back(module: Any, name: str) -> None:
        if name in aside:
            module.running_mean, module.running_var = aside.pop(name)

    for name, module in norms:
        if getattr(module, "running_mean", None) is None:
            continue
        before.append((module, module.momentum))
        hooks.append(module.register_forward_pre_hook(partial(put_aside, name=name)))
        hooks.append(module.register_forward_hook(partial(collect, name=name)))
        module.training, module.momentum = True, 1.0
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for name, module in norms:
            put_back(module, name)
        for module, momentum in before:
            module.training, module.momentum = False, momentum
