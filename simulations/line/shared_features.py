"""Lines that differ in the last layer's bias alone: what enters that layer is computed once for all of them.

The logits are W(alpha) h(alpha) + b(alpha). The linear path, the one without the last bias, and (where no
other layer has a bias) the one whose biases stay the end's have the same W and h. A variant multiplies as
the network's own last layer does, the same product with another b, and so gives the bits of its own walk.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from simulations.line.moved_network import Line, move_to
from simulations.user_data.data_passes import Batch

__all__ = ["BiasVariant", "SharedFeatures", "is_plain_linear", "shared_features"]


class SharedFeatures:
    """A line whose passes also keep what entered the last layer, until the next alpha or the batch's end.

    Args:
        line: what evaluates.
        last_layer: the name of the `nn.Linear` whose output is the network's.
    """

    def __init__(self, line: Line, last_layer: str) -> None:
        self.line, self.weight_name = line, f"{last_layer}.weight"
        self._alpha: float | None = None
        # By identity, which is a batch's own only while it lives: what is kept of it goes with it.
        self._kept: dict[int, tuple[weakref.ref[Batch], torch.Tensor, torch.Tensor]] = {}
        self._latest = torch.empty(0)

    def note(self, _module: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        """The hook before the last layer."""
        self._latest = arguments[0]

    def logits(self, alpha: float, batch: Batch) -> torch.Tensor:
        """As `Line.logits`."""
        return self.features_and_logits(alpha, batch)[1]

    def features_and_logits(self, alpha: float, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """What enters the last layer (n, d), on the line's device, and the line's own logits (n, k)."""
        if alpha != self._alpha:
            self._alpha, self._kept = alpha, {}
        key = id(batch)
        if key not in self._kept:
            logits = self.line.logits(alpha, batch)
            alive = weakref.ref(batch, lambda _: self._kept.pop(key, None))
            self._kept[key] = alive, self._latest, logits
        return self._kept[key][1:]


class BiasVariant:
    """The same line with another last bias, start + alpha^exponent (end - start).

    Args:
        shared: the line.
        start: the last bias (k,) at alpha = 0.
        end: at alpha = 1.
        exponent: of `simulations.line.paths.tensor_exponents`.
    """

    def __init__(self, shared: SharedFeatures, start: torch.Tensor, end: torch.Tensor, exponent: int) -> None:
        self._shared, self._exponent = shared, exponent
        self._start, self._end = (t.to(shared.line.device) for t in (start, end))
        self._bias = torch.empty_like(self._start)

    def logits(self, alpha: float, batch: Batch) -> torch.Tensor:
        """As `Line.logits`."""
        line = self._shared.line
        features, _ = self._shared.features_and_logits(alpha, batch)
        move_to(self._start, self._end, alpha**self._exponent, self._bias)
        outputs = nn.functional.linear(features, line.parameter(self._shared.weight_name), self._bias)
        return line.checked(outputs, alpha, batch)


def is_plain_linear(model: nn.Module, name: str) -> bool:
    """Whether a module's output is its weight times its input plus its bias, and nothing else.

    A subclass, a hook, a forward of the module's own, or a weight that is computed (as by weight
    normalisation) may make another.
    """
    module: Any = model.get_submodule(name)
    return (
        type(module) is nn.Linear
        and "forward" not in vars(module)
        and not module._forward_hooks
        and not module._forward_pre_hooks
        and {"weight", "bias"} <= dict(module.named_parameters(recurse=False)).keys()
    )


@contextmanager
def shared_features(line: Line, last_layer: str) -> Iterator[SharedFeatures]:
    """The line with its features kept; the model's hook is gone after it.

    Raises:
        ValueError: the last layer is no plain `nn.Linear`.
    """
    module: Any = line.model.get_submodule(last_layer)
    if not is_plain_linear(line.model, last_layer):
        raise ValueError(
            f"features are shared before a plain nn.Linear, {last_layer!r} is a {type(module).__name__} that "
            "may compute something else"
        )
    shared = SharedFeatures(line, last_layer)
    handle = module.register_forward_pre_hook(shared.note)
    try:
        yield shared
    finally:
        handle.remove()
