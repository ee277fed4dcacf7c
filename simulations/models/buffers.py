"""Buffers between two checkpoints: one policy for running statistics and for all others that differ.

Two checkpoints say nothing of what lies between their buffers: running statistics, the vectors of spectral
normalisation, masks of pruning, averages that a module keeps itself, a frozen layer's scale. Policies:

- "refuse": an error that names them; the default wherever something differs.
- "keep": the end's at every alpha. Only the end is then its checkpoint's own evaluation.
- "interpolate": (1 - alpha) start + alpha end, complex ones in complex128; both ends are their checkpoints'
  own.
- "recalibrate": running statistics are measured at every alpha, the two ends included
  (`simulations.models.running_statistics`); all other buffers, and statistics of layers that do not measure
  their batches, are interpolated.

Integers and booleans that differ have nothing between them: under "interpolate" and "recalibrate" they are
the start's at alpha = 0 and the end's at every other alpha. Integer parameters count among them. The number
of batches that torch's normalisation layers have seen changes no output and is the end's under every policy.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from simulations.models.running_statistics import batch_counters, statistics_names
from simulations.runtime.names_in_words import first_of

__all__ = [
    "BUFFER_POLICIES",
    "BufferPlan",
    "between",
    "buffer_plan",
    "chosen_policy",
    "differing_buffers",
    "is_continuous",
]

BUFFER_POLICIES = ("refuse", "keep", "interpolate", "recalibrate")
NAMED = 4  # buffers in a message

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class BufferPlan:
    """What becomes of each buffer along one line.

    Attributes:
        policy: one of `BUFFER_POLICIES`; "none" where no buffer is in question.
        statistics: the names of all running statistics.
        moved: names that are interpolated; of them a measured statistic is replaced.
        stepped: names of integers that are the start's at alpha = 0.
    """

    policy: str
    statistics: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    stepped: frozenset[str] = frozenset()

    @property
    def measured(self) -> bool:
        """Whether running statistics are measured at every alpha."""
        return self.policy == "recalibrate" and bool(self.statistics)

    def at(self, name: str, alpha: float, start: torch.Tensor | None, end: torch.Tensor) -> torch.Tensor:
        """A buffer at one alpha, as a new tensor; `start` is None for one that is in no checkpoint."""
        if start is not None and (name in self.moved or (name in self.stepped and alpha == 0)):
            return between(start, end, alpha)
        return end.detach().clone()


def buffer_plan(model: nn.Module, start: State, end: State, policy: str = "refuse") -> BufferPlan:
    """The plan of a line.

    Args:
        model: of which the buffers are.
        start: checked state dict at alpha = 0.
        end: at alpha = 1.
        policy: one of `BUFFER_POLICIES`.

    Raises:
        ValueError: an unknown policy; "refuse" (the buffers are named) where the model keeps running
            statistics or another buffer differs; "recalibrate" for a scripted module.
    """
    _check_policy(policy)
    statistics = statistics_names(model)
    differing = differing_buffers(model, start, end)
    if not statistics and not differing:
        return BufferPlan("none")
    if policy == "refuse":
        raise ValueError(_refusal(statistics, differing))
    if policy == "recalibrate" and isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            "buffers='recalibrate' measures inside the layers, which a scripted module hides: pass the "
            "module that it was scripted from, or choose keep or interpolate"
        )
    if policy == "keep":
        return BufferPlan("keep", frozenset(statistics))
    moved = {name for name in differing if is_continuous(start[name])} | (set(statistics) & set(start))
    return BufferPlan(policy, frozenset(statistics), frozenset(moved), frozenset(set(differing) - moved))


def _check_policy(policy: str) -> None:
    if policy not in BUFFER_POLICIES:
        raise ValueError(f"buffers must be one of {', '.join(BUFFER_POLICIES)}, got {policy!r}")


def differing_buffers(model: nn.Module, start: State, end: State) -> list[str]:
    """The buffers, and integer parameters, whose values differ, but for counts of batches."""
    counters = set(batch_counters(model))
    names = [name for name, _ in model.named_buffers() if name in start and name not in counters]
    names += [name for name, parameter in model.named_parameters() if not is_continuous(parameter)]
    return [name for name in names if not torch.equal(start[name], end[name].to(start[name].device))]


def between(start: torch.Tensor, end: torch.Tensor, c: float) -> torch.Tensor:
    """One tensor, start + c (end - start), new; where c is 0 or 1 a checkpoint's own bits.

    Half precision goes by float32, complex numbers by complex128; an integer is the end's for every other c.
    """
    if c == 0 or c == 1 or not is_continuous(start):
        return (start if c == 0 else end).detach().clone()
    wide = _wide(start.dtype)
    first, last = start.detach().to(wide), end.detach().to(wide)
    return (first + c * (last - first)).to(start.dtype)


def is_continuous(tensor: torch.Tensor) -> bool:
    """Whether there is something between two values: real or complex floating-point numbers."""
    return tensor.is_floating_point() or tensor.is_complex()


def chosen_policy(buffers: str, batch_norm: str | None) -> str:
    """The policy of a call that may still use the old name of the argument.

    Raises:
        ValueError: both are given.

    Warns:
        DeprecationWarning: `batch_norm` is given.
    """
    if batch_norm is None:
        return buffers
    if buffers not in ("refuse", batch_norm):
        raise ValueError(f"buffers={buffers!r} and batch_norm={batch_norm!r} are one argument: give buffers")
    warnings.warn(
        f"batch_norm={batch_norm!r} is now buffers={batch_norm!r}: it is for all buffers that differ",
        DeprecationWarning,
        stacklevel=3,
    )
    return batch_norm


def _wide(dtype: torch.dtype) -> torch.dtype:
    """In which the difference of two numbers loses no digits of theirs."""
    if dtype.is_complex:
        return torch.complex128
    return dtype if dtype in (torch.float32, torch.float64) else torch.float32


def _refusal(statistics: list[str], differing: list[str]) -> str:
    others = [name for name in differing if name not in statistics]
    parts = []
    if statistics:
        parts.append(f"the model keeps running statistics ({first_of(statistics, NAMED)})")
    if others:
        parts.append(f"start and end differ in the buffers {first_of(others, NAMED)}")
    choices = ["keep", "interpolate", *(["recalibrate"] if statistics else [])]
    return (
        f"{' and '.join(parts)}, which two checkpoints do not define between them: choose buffers="
        f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r} ('refuse' is the default)"
    )
