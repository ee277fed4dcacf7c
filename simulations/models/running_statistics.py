"""Running statistics of normalisation layers, measured on stated data (the policy "recalibrate").

A layer's mean is the mean over all samples, its variance that of all samples about that mean (unbiased), put
together from the batches' own in float64, never a moving average. Layers below normalise each batch by its
own statistics while they are measured, as in training. Of an instance norm: the averages over samples of each
sample's own. A layer that evaluates by its running statistics in training too, or writes something else than
its batch's, has nothing to measure: `measurable_layers` tells it from the others by running it, and one that
`train()` leaves in evaluation mode by asking. A layer of another class with the same two buffers is measured
where it writes what torch's write, and else refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

__all__ = [
    "NotMeasurableError",
    "batch_counters",
    "has_running_statistics",
    "measurable_layers",
    "measured_statistics",
    "own_statistics_names",
    "statistics_names",
    "uses_batch_statistics",
]

_KINDS = ("running_mean", "running_var")
_Norm: type[nn.Module] = nn.modules.batchnorm._NormBase
_Instance: type[nn.Module] = nn.modules.instancenorm._InstanceNorm


_STRANGE = (-7.25, 5.5)
_NEAR, _NEAR_OF_OWN = 0.01, 1e-4  # of the inputs' size; an own layer's variance may be a biased one


class NotMeasurableError(ValueError):
    """Statistics that "recalibrate" cannot measure; the message says in which layer and what to do."""


def _layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, _Norm)]


def _own_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Normalisations of the user's: torch's names of running statistics, in another class."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if not isinstance(module, (_Norm, torch.jit.ScriptModule))
        and all(isinstance(module._buffers.get(kind), torch.Tensor) for kind in _KINDS)
    ]


def has_running_statistics(model: nn.Module) -> bool:
    """Whether any layer keeps running statistics."""
    return bool(statistics_names(model))


def uses_batch_statistics(model: nn.Module) -> bool:
    """Whether a sample's logits depend on its batch in evaluation mode too: no running statistics."""
    batch_norm = nn.modules.batchnorm._BatchNorm
    return any(isinstance(m, batch_norm) and m.running_mean is None for m in model.modules())


def statistics_names(model: nn.Module) -> list[str]:
    """The names of the running means and variances of torch's layers in the state dict."""
    layers = [name for name, module in _layers(model) if getattr(module, "running_mean", None) is not None]
    return _names(layers)


def own_statistics_names(model: nn.Module) -> list[str]:
    """The same of normalisation layers of the user's own (`running_mean`, `running_var` in another class)."""
    return _names([name for name, _ in _own_layers(model)])


def _names(layers: list[str]) -> list[str]:
    return [f"{name}.{kind}" if name else kind for name in layers for kind in _KINDS]


def batch_counters(model: nn.Module) -> list[str]:
    """The names of the counts of batches seen, which no output depends on in evaluation mode."""
    return [
        f"{name}.num_batches_tracked" if name else "num_batches_tracked"
        for name, module in _layers(model)
        if getattr(module, "num_batches_tracked", None) is not None
    ]


def measurable_layers(model: nn.Module, one_pass: Callable[[], None]) -> tuple[list[str], list[str]]:
    """The layers that write their batch's own statistics in training, and those that do not.

    `one_pass` runs the model on one batch. Each layer is given strange statistics before it runs: what it
    has afterwards is its batch's mean and variance, or what it was given and there is nothing to measure.
    Nor is there in one that stays in evaluation mode when the model is asked to train.

    Raises:
        NotMeasurableError: as `measured_statistics`; a layer of the user's own that writes something else.
    """
    frozen = _frozen_layers(model)
    found = dict.fromkeys(frozen, False)
    trained = {name for name, _ in (*_layers(model), *_own_layers(model))} - set(frozen)

    def refuse_written(module: Any, _values: torch.Tensor, name: str) -> None:
        own = module.running_mean, module.running_var
        if not found.get(name, True) and any(
            bool((x != y).any()) for x, y in zip(own, _STRANGE, strict=True)
        ):
            raise NotMeasurableError(
                f"buffers='recalibrate' cannot measure {name or 'the model'}, a {type(module).__name__}: in "
                "training it does not write its batch's mean and unbiased variance (channels,) at momentum "
                "= 1, as torch's normalisations do: choose buffers='keep' or 'interpolate'"
            )

    def judge(module: Any, values: torch.Tensor, name: str) -> None:
        own = module.running_mean, module.running_var
        expected = _batch_statistics(module, values)
        size = values.detach().double().square().mean().sqrt()
        torchs = isinstance(module, _Norm)
        near = _NEAR if torchs else _NEAR_OF_OWN
        close = all(
            mine.shape == theirs.shape
            and torch.allclose(mine.double(), theirs, rtol=2 * near, atol=float(near * size**power) + 1e-12)
            for mine, theirs, power in zip(own, expected, (1, 2), strict=True)
        )
        found[name] = found.get(name, True) and close
        if not torchs:
            refuse_written(module, values, name)

    with _watched(model, judge, trained, strange=True), _one_value_told():
        one_pass()
    silent = [name for name, _ in _own_layers(model) if name in trained and not found.get(name, True)]
    if silent:  # some count momentum from the other side
        with _watched(model, refuse_written, silent, strange=True, momentum=0.0), _one_value_told():
            one_pass()
    return [n for n, measures in found.items() if measures], [
        n for n, measures in found.items() if not measures
    ]


def _frozen_layers(model: nn.Module) -> list[str]:
    """The layers that stay in evaluation mode in training, by their own `train` or that of a module above.

    Modes and gradient flags are left as they were; `eval` undoes what else an own `train` does.
    """
    if all(type(m).train is nn.Module.train and "train" not in vars(m) for m in model.modules()):
        return []
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.train()
        return [
            name
            for name, module in (*_layers(model), *_own_layers(model))
            if not module.training and getattr(module, "running_mean", None) is not None
        ]
    finally:
        model.eval()
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)


@contextmanager
def _one_value_told() -> Iterator[None]:
    """Say what to do where torch finds no variance in a batch of one value a channel."""
    try:
        yield
    except ValueError as error:
        if "Expected more than 1 " not in str(error):
            raise
        raise NotMeasurableError(
            "buffers='recalibrate' measures variances, but a batch holds one value a channel: "
            "give batches of two samples or more, or other `calibration` data"
        ) from error


def _batch_statistics(module: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and unbiased variance (channels,) in float64, by their definition."""
    values = inputs.detach().double()
    if values.ndim < 2:
        return values.mean(dim=0), values.mean(dim=0)  # no channels
    if isinstance(module, _Instance):
        alone: Any = module  # a sample without a dimension of samples
        flat = (values[None] if values.ndim == alone._get_no_batch_dim() else values).flatten(2)
        return flat.mean(dim=2).mean(dim=0), _variance(flat, 2).mean(dim=0)
    flat = values.movedim(1, -1).flatten(0, -2)
    return flat.mean(dim=0), _variance(flat, 0)


def _variance(values: torch.Tensor, dim: int) -> torch.Tensor:
    """Unbiased; 0 of one value, for which torch warns."""
    return values.var(dim=dim) if values.shape[dim] > 1 else torch.zeros_like(values.mean(dim=dim))


def measured_statistics(
    model: nn.Module, passes: Callable[[], None], layers: Collection[str] | None = None
) -> dict[str, torch.Tensor]:
    """Statistics of the inputs that the layers see during `passes`, which run the model.

    The layers use batch statistics meanwhile and their running statistics are left alone. A batch's mean
    and variance are torch's own, in the buffers' precision.

    Args:
        model: in evaluation mode.
        passes: over the data.
        layers: names of those to measure, None: all; the others evaluate as they are.

    Raises:
        NotMeasurableError: a layer sees a batch of one value a channel, which has no variance.
    """
    sums: dict[str, _Sums] = {}

    def add(module: Any, values: torch.Tensor, name: str) -> None:
        found, mean, variance = sums.setdefault(name, _Sums()), module.running_mean, module.running_var
        if isinstance(module, _Instance):
            found.average(len(values), mean, variance)
        else:
            found.add(values.numel() // len(mean), mean, variance)

    with _watched(model, add, layers), _one_value_told():
        passes()
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
def _watched(
    model: nn.Module,
    collect: Callable[[Any, torch.Tensor, str], None],
    layers: Collection[str] | None = None,
    *,
    strange: bool = False,
    momentum: float = 1.0,
) -> Iterator[None]:
    """Layers in training mode whose buffers stand aside for each call; `collect` sees what they wrote.

    With momentum 1 the layer's own update leaves the batch's mean and unbiased variance in the buffers put
    in their place: no pass over the activations but the layer's own. What it finds there is 0, or `strange`.
    """
    hooks: list[Any] = []
    before: list[tuple[Any, dict[str, Any]]] = []
    aside: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    norms: list[tuple[str, Any]] = [
        (name, module)
        for name, module in (*_layers(model), *_own_layers(model))
        if layers is None or name in layers
    ]

    def put_aside(module: Any, _inputs: object, name: str) -> None:
        aside[name] = module.running_mean, module.running_var
        for kind, value in zip(_KINDS, _STRANGE, strict=True):
            setattr(module, kind, torch.full_like(getattr(module, kind), value if strange else 0.0))

    def after(
        module: Any, inputs: tuple[Any, ...], named: dict[str, Any], _output: object, name: str
    ) -> None:
        # Of torch's layers the argument has a name, by which some call it.
        tensors = (value for value in (*inputs, *named.values()) if isinstance(value, torch.Tensor))
        collect(module, next(tensors, torch.empty(0)), name)
        put_back(module, name)

    def put_back(module: Any, name: str) -> None:
        if name in aside:
            module.running_mean, module.running_var = aside.pop(name)

    for name, module in norms:
        if getattr(module, "running_mean", None) is None:
            continue
        before.append(
            (module, {key: vars(module)[key] for key in ("training", "momentum") if key in vars(module)})
        )
        hooks.append(module.register_forward_pre_hook(partial(put_aside, name=name)))
        hooks.append(module.register_forward_hook(partial(after, name=name), with_kwargs=True))
        module.training = True
        if "momentum" in vars(module):
            module.momentum = momentum
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for name, module in norms:
            put_back(module, name)
        for module, attributes in before:
            vars(module).update(attributes)
