"""A context manager that keeps a network's start, its end, and on request states between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from mli_theory.short_repr import short_repr
from simulations.line.walkable_module import has_lazy_layers, unwrapped
from simulations.runtime.atomic_files import atomic_path, writable_folder

__all__ = ["RecordedEnds", "record_ends"]


class RecordedEnds:
    """Writes a model's states into a folder, each file whole or not at all.

    Args:
        folder: made if need be; it must hold no start or end yet.
        every: also a state after every so many steps; None: none.
        writes: False in all processes of a distributed training but one.

    Attributes:
        start, end: the files.

    Raises:
        ValueError: `every` is no count >= 1; the folder holds a start or an end.
        OSError: the folder cannot be written.
    """

    __repr__ = short_repr

    def __init__(self, folder: Path | str, every: int | None = None, *, writes: bool = True) -> None:
        if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise ValueError(f"every must be a number of steps >= 1, or None for none between, got {every!r}")
        self.folder, self.every, self._writes = Path(folder), every, writes
        self.start, self.end = self.folder / "start.safetensors", self.folder / "end.safetensors"
        if not writes:
            return
        for file in (self.start, self.end):
            if file.exists():
                raise ValueError(f"{file} is there already: choose another folder, or remove it")
        writable_folder(self.folder)

    def write_start(self, model: nn.Module) -> None:
        """Before the first step.

        Raises:
            ValueError: lazy layers have no weights yet; tensors spread over several devices.
        """
        if has_lazy_layers(unwrapped(model)):
            raise ValueError("the model has lazy layers without weights: run one batch through it first")
        self._write(self.start, model)

    def write_step(self, model: nn.Module, step: int) -> None:
        """After step 1, 2, ...; written where `every` divides it."""
        if self.every is not None and step % self.every == 0:
            self._write(self.folder / f"step-{step:08d}.safetensors", model)

    def write_end(self, model: nn.Module) -> None:
        """After the last step."""
        self._write(self.end, model)

    def _write(self, path: Path, model: nn.Module) -> None:
        if not self._writes:
            return
        state = {}
        for name, tensor in unwrapped(model).state_dict().items():
            if not isinstance(tensor, torch.Tensor):
                continue  # what get_extra_state adds is no part of a line
            if type(tensor) not in (torch.Tensor, nn.Parameter):
                raise ValueError(
                    f"{name!r} is a {type(tensor).__name__}, of which a process may hold a part alone: "
                    "gather the state dict and save it yourself"
                )
            # A copy: names that share their memory are each written.
            state[name] = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        with atomic_path(path) as temporary:
            save_file(state, temporary)


@contextmanager
def record_ends(model: nn.Module, folder: Path | str, every: int | None = None) -> Iterator[RecordedEnds]:
    """Keep the model's start and end around any training loop: the two ends of its line.

        with mli.record_ends(model, "run"):
            train(model)

    The start is written at once, the end when the block ends well; after an error or an interrupt there is no
    end. Wrappers (`DataParallel`, `torch.compile`) are taken off. Of a distributed training the process of
    rank 0 writes. Buffers are part of a state.

    Args:
        model: left as it is.
        folder: for start.safetensors, end.safetensors and step-N.safetensors; made if need be.
        every: also the state after every so many steps of an optimizer of the model's parameters (of several
            the one that steps first counts); None: none.

    Raises:
        ValueError: as `RecordedEnds`, and lazy layers without weights.
        OSError: the folder cannot be written.
    """
    record = RecordedEnds(folder, every, writes=_is_first_process())
    record.write_start(model)
    hook = None if every is None else register_optimizer_step_post_hook(_StepCounter(record, model))
    try:
        yield record
    finally:
        if hook is not None:
            hook.remove()
    record.write_end(model)


class _StepCounter:
    """Called after every step of any optimizer."""

    def __init__(self, record: RecordedEnds, model: nn.Module) -> None:
        self._record, self._model, self._steps = record, model, 0
        self._own = {id(parameter) for parameter in model.parameters()}
        self._optimizer: int | None = None

    def __call__(self, optimizer: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        if self._optimizer is None:
            held = (id(p) for group in optimizer.param_groups for p in group["params"])
            if not self._own.isdisjoint(held):
                self._optimizer = id(optimizer)
        if self._optimizer == id(optimizer):
            self._steps += 1
            self._record.write_step(self._model, self._steps)


def _is_first_process() -> bool:
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return True
    return bool(distributed.get_rank() == 0)
