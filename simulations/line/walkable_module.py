"""The module that is walked: a wrapper's inner module, lazy layers given their shapes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from simulations.line.forward_pass import forward_errors
from simulations.models.input_types import floating_types, in_network_type
from simulations.runtime.names_in_words import first_of
from simulations.user_data.batch import Batch

__all__ = ["has_lazy_layers", "materialise", "unwrapped", "walkable"]

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def walkable(model: nn.Module, first_batch: Callable[[], Batch]) -> nn.Module:
    """The model itself; of a wrapper (`unwrapped`) what it wraps; of one with lazy layers a copy with shapes.

    Args:
        model: left as it was.
        first_batch: gives the batch that shows the shapes; called where there are lazy layers alone.

    Raises:
        ValueError: as `materialise`.
    """
    model = unwrapped(model)
    if not has_lazy_layers(model):
        return model
    model, batch = _copied(model), first_batch()
    with torch.random.fork_rng(devices=[]):
        materialise(model, batch)
    return model


def unwrapped(model: nn.Module) -> nn.Module:
    """What `DataParallel`, `DistributedDataParallel` and `torch.compile` wrap; the last of several."""
    while True:
        if isinstance(model, _PARALLEL):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def has_lazy_layers(model: nn.Module) -> bool:
    """Whether a parameter or buffer waits for the first batch for its shape (`nn.LazyLinear` and others)."""
    return any(map(is_lazy, (*model.parameters(), *model.buffers())))


def materialise(model: nn.Module, batch: Batch) -> None:
    """Run one batch, which gives lazy layers their shapes and draws their weights from torch's generator.

    In evaluation mode: dropout draws nothing in between. The modes are left as they were.

    Raises:
        ValueError: the model cannot take the batch; a lazy layer that its forward does not use.
    """
    device = next((p.device for p in model.parameters() if not is_lazy(p)), torch.device("cpu"))
    types = floating_types(model)
    batch = batch.to(device).with_tensors(lambda _, value: in_network_type(value, types))
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad(), forward_errors(model, batch):
            model(*batch.args, **batch.kwargs)
    finally:
        for module, training in modes:
            module.training = training
    unused = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if is_lazy(tensor)]
    if unused:
        raise ValueError(
            f"the lazy layers of {first_of(unused)} have no shape after one batch, since forward does not "
            "use them: remove them, or make them layers of a given size"
        )


def _copied(model: nn.Module) -> nn.Module:
    """A deep copy, also of buffers without a shape and tensors that a hook computed, which refuse it."""
    memo: dict[int, object] = {}
    made: Any = UninitializedBuffer  # whose arguments mypy takes from elsewhere
    for module in model.modules():
        for value in (*vars(module).values(), *module._buffers.values()):
            if isinstance(value, UninitializedBuffer):
                memo[id(value)] = made(device=value.device, dtype=value.dtype)
            elif isinstance(value, torch.Tensor) and not is_lazy(value) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)
