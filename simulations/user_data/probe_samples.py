"""Samples that make a law of the line, and as many others that check it."""

from __future__ import annotations

import torch

from simulations.runtime.random_streams import numpy_stream
from simulations.user_data.data_passes import Batch, Batches

__all__ = ["draw_probes", "samples_at"]


def draw_probes(n_samples: int, n_probe: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two disjoint sets of n_probe sample indices, ascending, drawn from the seed's stream "probe".

    Short data are halved between them, the odd sample in the first.

    Raises:
        ValueError: fewer than 2 samples.
    """
    if n_samples < 2:
        raise ValueError(f"one sample makes the law and another checks it: got {n_samples} sample")
    chosen = numpy_stream(seed, "probe").permutation(n_samples)[: 2 * n_probe]
    half = (len(chosen) + 1) // 2
    first, second = (torch.from_numpy(part).sort().values for part in (chosen[:half], chosen[half:]))
    return first, second


def samples_at(batches: Batches, *chosen: torch.Tensor) -> list[list[Batch]]:
    """For each ascending set of sample indices its samples, in a second pass over the data."""
    found: list[list[Batch]] = [[] for _ in chosen]
    first = 0
    for batch in batches:
        for parts, index in zip(found, chosen, strict=True):
            own = index[(index >= first) & (index < first + len(batch))] - first
            if len(own):
                parts.append(batch.take(own))
        first += len(batch)
    return found
