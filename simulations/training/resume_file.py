"""The state of a training on disk, from which a killed one goes on.

One safetensors file: the model, the optimiser's buffers, the random generators and the history as tensors; in
its metadata, as JSON, what call it belongs to and a digest of the tensors. No pickle is written or read.

State is kept at the end of an epoch: there the order of the samples is the state of one generator, and the
loss on all samples has just been measured. It is written after the first epoch, and then whenever at least
fifty times the last write's duration has passed, and at the end: but for the first and the last one, writes
cost at most 2 % of a training, whether its epochs take milliseconds or hours. A kill loses the time since the
last write.
"""

from __future__ import annotations

import json
import math
import re
import time
import warnings
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from simulations.models.checkpoints import checkpoint_hash
from simulations.runtime.atomic_files import atomic_path
from simulations.runtime.leftovers import remove_leftovers, temporary_name
from simulations.runtime.names_in_words import first_of

__all__ = ["OtherCheckpointError", "TrainingCheckpoint", "load_optimizer", "model_hash", "optimizer_tensors"]

# To be raised whenever the layout, or what a step computes, changes.
FORMAT = 1
DURATIONS_BETWEEN_WRITES = 50
KEY = "mli_training"

Tensors = dict[str, torch.Tensor]


class OtherCheckpointError(ValueError):
    """A file that is another call's checkpoint, or none at all; it was left as it is."""


class TrainingCheckpoint:
    """One file for one call of `train`.

    Args:
        path: the file; its folder must exist.
        call: what the call was asked to do, JSON values. A file of another call is refused.
        setting: in what setting its bits hold (versions, threads, device). A file of another setting is of no
            use: it is ignored with a warning, and replaced.

    Raises:
        OSError: the folder is not there or cannot be written.
    """

    def __init__(self, path: Path | str, call: Mapping[str, Any], setting: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._call, self._setting = _plain(call), _plain(setting)
        self._due = -math.inf
        folder = self.path.parent
        if not folder.is_dir():
            raise FileNotFoundError(f"checkpoint: there is no folder {folder}: make it first")
        if self.path.is_dir():
            raise IsADirectoryError(f"checkpoint: {self.path} is a folder, it must be a file")
        try:
            remove_leftovers(folder, self.path.stem)
            probe = folder / temporary_name(self.path.stem)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise OSError(f"checkpoint: {folder} cannot be written ({error.strerror or error})") from error

    def load(self) -> tuple[dict[str, Tensors], str] | None:
        """Groups of tensors and the run's status as last saved; None where there is nothing to go on from.

        A damaged file and one of another setting are ignored with a warning.

        Raises:
            OtherCheckpointError: the file is another call's, or something else altogether: it is left as it
                is.
        """
        if not self.path.exists():
            return None
        # Of a pipe or a device the reading might not end.
        content = self.path.read_bytes() if self.path.is_file() else None
        if content is None or not _may_be_ours(content):
            raise OtherCheckpointError(
                f"checkpoint {self.path} is not a training checkpoint: give another path"
            )
        try:
            tensors = tensors_from_bytes(content)
            about = json.loads(json.loads(content[8 : 8 + _header_length(content)])["__metadata__"][KEY])
            if about.pop("digest") != _digest(tensors, about):
                raise ValueError("its digest is another")
        # What safetensors, json and torch raise of bytes that nobody wrote; RuntimeError has deep JSON's.
        except (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
            self._ignore(f"it is damaged ({error})")
            return None
        if about["format"] != FORMAT:
            self._ignore(f"its format is {about['format']}, this version's is {FORMAT}")
            return None
        if about["call"] != self._call:
            raise OtherCheckpointError(
                f"checkpoint {self.path} belongs to another call: {_differences(about['call'], self._call)}. "
                "Give another path, or remove the file if it is not needed"
            )
        if about["setting"] != self._setting:
            self._ignore(f"its bits hold elsewhere: {_differences(about['setting'], self._setting)}")
            return None
        groups: dict[str, Tensors] = {}
        for key, tensor in tensors.items():
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = tensor
        return groups, about["status"]

    def save(self, groups: Mapping[str, Tensors], status: str = "") -> None:
        """Write the state where it is time to (see above), or in any case with a final status.

        A write that fails is a warning: the training itself is not lost by it.
        """
        begun = time.monotonic()
        if not status and begun < self._due:
            return
        tensors = {
            f"{group}/{name}": tensor.detach().cpu().contiguous()
            for group, members in groups.items()
            for name, tensor in members.items()
        }
        about = {"format": FORMAT, "call": self._call, "setting": self._setting, "status": status}
        about["digest"] = _digest(tensors, about)
        try:
            with atomic_path(self.path) as temporary:
                temporary.write_bytes(tensors_to_bytes(tensors, {KEY: json.dumps(about)}))
        except OSError as error:
            warnings.warn(
                f"checkpoint {self.path} cannot be written ({error.strerror or error}); the training goes on",
                RuntimeWarning,
                stacklevel=3,
            )
        ended = time.monotonic()
        self._due = ended + DURATIONS_BETWEEN_WRITES * (ended - begun)

    def _ignore(self, reason: str) -> None:
        warnings.warn(
            f"checkpoint {self.path} is not used, {reason}: the training starts at its beginning",
            RuntimeWarning,
            stacklevel=4,
        )


def optimizer_tensors(stepper: torch.optim.Optimizer) -> Tensors:
    """The optimiser's buffers, by the parameter's place and the buffer's name."""
    return {
        f"{place}.{name}": value
        for place, buffers in stepper.state_dict()["state"].items()
        for name, value in buffers.items()
        if value is not None
    }


def load_optimizer(stepper: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put the buffers back, in the memory layout of their parameters."""
    parameters = [p for group in stepper.param_groups for p in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        place, _, name = key.partition(".")
        parameter = parameters[int(place)]
        like = parameter if value.shape == parameter.shape else value
        # A copy: the file's tensors are aligned otherwise than torch's own, which can round otherwise.
        device = parameter.device if value.shape == parameter.shape else value.device
        buffer = torch.empty_like(like, dtype=value.dtype, device=device, requires_grad=False).copy_(value)
        state.setdefault(int(place), {})[name] = buffer
    stepper.load_state_dict(stepper.state_dict() | {"state": state})


def model_hash(model: nn.Module) -> str:
    """What the model is, apart from its numbers: its printed form, and which parameters are trained."""
    printed = re.sub(r" at 0x[0-9a-f]+", "", repr(model))  # addresses differ between processes
    trained = [(name, tensor.requires_grad) for name, tensor in model.named_parameters()]
    return _hash(f"{printed}\n{trained}")


def _may_be_ours(content: bytes) -> bool:
    """Whether the file begins as ours do, as far as it goes, or is all zeros after a power cut."""
    begin = b'{"__metadata__":{"' + KEY.encode() + b'"'
    found = content[8 : 8 + len(begin)]
    return begin.startswith(found) or not content.strip(b"\0")


def _header_length(content: bytes) -> int:
    return int.from_bytes(content[:8], "little")


def _digest(tensors: Tensors, about: Mapping[str, Any]) -> str:
    return _hash(f"{json.dumps(about, sort_keys=True)}\n{checkpoint_hash(tensors)}")


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: numpy's numbers become Python's."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values), default=lambda number: number.item()))
    return plain


def _differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    names = [name for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]
    return first_of(f"{name} is {there.get(name)!r} there, {here.get(name)!r} here" for name in names)
