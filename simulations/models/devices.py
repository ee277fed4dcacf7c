"""The device and the precision of computations with a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from simulations.runtime.names_in_words import first_of

__all__ = ["autocast", "checked_device", "device_of", "matmul_precision", "moved_to"]


def device_of(model: nn.Module) -> torch.device:
    """The one device of the model's parameters and buffers.

    Raises:
        ValueError: they lie on several.
    """
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    if len(devices) > 1:
        raise ValueError(
            f"the model must lie on one device, it is spread over {first_of(sorted(map(str, devices)))}"
        )
    return devices.pop() if devices else torch.device("cpu")


def checked_device(device: torch.device | str | None, model: nn.Module, precision: str) -> torch.device:
    """The device to train on (None: the model's own), fit for the precision.

    Raises:
        ValueError: neither "cpu" nor "cuda", a device that is not there, or one that lacks the precision.
    """
    try:
        found = device_of(model) if device is None else torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device must be 'cpu', 'cuda' or 'cuda:<index>', got {device!r}") from error
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be 'cpu', 'cuda' or 'cuda:<index>', got {str(found)!r}")
    if found.type == "cuda":
        present = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (found.index or 0) >= present:
            raise ValueError(f"device {str(found)!r} is not there: {present} CUDA devices are available")
        found = torch.device("cuda", torch.cuda.current_device() if found.index is None else found.index)
        # Both came with compute capability 8; older devices emulate bfloat16 slowly.
        if precision != "float32" and torch.cuda.get_device_capability(found) < (8, 0):
            raise ValueError(
                f"precision {precision!r} needs compute capability 8.0, "
                f"{torch.cuda.get_device_name(found)} has less: use precision='float32'"
            )
    elif precision == "tf32":
        raise ValueError(f"precision 'tf32' is a CUDA device's, got device {str(found)!r}: use 'float32'")
    return found


@contextmanager
def moved_to(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Move the model for the duration of the block; restore device and modes."""
    home, modes = device_of(model), [(module, module.training) for module in model.modules()]
    try:
        model.to(device)
        yield
    finally:
        for module, training in modes:
            module.training = training
        model.to(home)


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """For the forward pass of a step: bfloat16 products under "bf16", nothing otherwise."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def matmul_precision(precision: str, device: torch.device) -> Iterator[None]:
    """Inside, float32 products on a CUDA device are TF32 under "tf32" and true float32 otherwise.

    torch's own default would be TF32 in convolutions and float32 in matrix products. What the user had set
    comes back; on the CPU nothing is touched.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)  # type: ignore[attr-defined]
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value
