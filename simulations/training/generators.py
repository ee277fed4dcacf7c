"""The random generators of a training: the order of the samples, and dropout on the training's device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from simulations.runtime.random_streams import torch_stream

__all__ = ["generators", "preserve_rng_state", "seeded", "set_generators"]


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The device's global generator at the seed's stream "dropout"; afterwards where it was."""
    dropout = torch_stream(seed, "dropout").initial_seed()
    with preserve_rng_state(device):
        torch.default_generator.manual_seed(dropout)
        for index in _cuda(device):
            torch.cuda.default_generators[index].manual_seed(dropout)
        yield


def preserve_rng_state(device: torch.device) -> AbstractContextManager[object]:
    """The global generators afterwards where they were, the CPU's and the device's."""
    return torch.random.fork_rng(devices=_cuda(device))


def generators(order: torch.Generator, device: torch.device) -> dict[str, torch.Tensor]:
    """The states of `order` and of the global generators."""
    states = {"order": order.get_state(), "cpu": torch.get_rng_state()}
    for index in _cuda(device):
        states["cuda"] = torch.cuda.get_rng_state(index)
    return states


def set_generators(states: dict[str, torch.Tensor], order: torch.Generator, device: torch.device) -> None:
    """Put back what `generators` gave."""
    order.set_state(states["order"])
    torch.set_rng_state(states["cpu"])
    for index in _cuda(device):
        torch.cuda.set_rng_state(states["cuda"], index)


def _cuda(device: torch.device) -> list[int]:
    return [device.index or 0] if device.type == "cuda" else []
