"""A data set's tensors on the device that trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mli_theory.short_repr import short_repr
from simulations.datasets import ImageDataset

__all__ = ["Samples", "samples_on"]


@dataclass(frozen=True, eq=False)
class Samples:
    """A data set's tensors on a device, moved there once."""

    inputs: torch.Tensor
    labels: torch.Tensor
    n_classes: int

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.labels)


def samples_on(data: ImageDataset, device: torch.device) -> Samples:
    """The data on the device; on the CPU the very tensors of `data`."""
    return Samples(data.inputs.to(device), data.labels.to(device), data.n_classes)
