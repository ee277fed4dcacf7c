"""A network run on given tensors, and data that it cannot take told in one line."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from simulations.models.running_statistics import NotMeasurableError
from simulations.runtime.names_in_words import first_of
from simulations.user_data.batch import Batch

__all__ = ["ForwardError", "check_columns", "forward_errors", "run_network"]

# What a network raises on data that are not its own. Others are defects of its code and keep their traceback.
DATA_ERRORS = (RuntimeError, TypeError, ValueError, IndexError, AssertionError)
_NOT_THEIRS = (
    "<",
    str(Path(torch.__file__).parent),
    *(str(Path(__file__).parents[2] / room) for room in ("simulations", "validation", "mli")),
)


class ForwardError(ValueError):
    """The network's forward failed on a batch; what it raised is the cause."""


def run_network(
    model: nn.Module, tensors: Mapping[str, torch.Tensor], batch: Batch, *, told: bool = True
) -> Any:
    """What the model returns for a batch with these parameters and buffers in place of its own.

    A scripted module cannot be run without its own: the tensors are written into it, so that it must be
    nobody else's.

    Args:
        model: left as it was unless it is scripted.
        tensors: all of them, by every name that they have.
        batch: on the model's device.
        told: an error becomes `forward_errors`'s line; False: it stays as it is raised.

    Raises:
        ValueError: as `forward_errors`.
    """
    with forward_errors(model, batch) if told else nullcontext():
        if isinstance(model, torch.jit.ScriptModule):
            with torch.no_grad():
                for name, own in (*model.named_parameters(), *model.named_buffers()):
                    own.copy_(tensors[name])
            return model(*batch.args, **batch.kwargs)
        # Every name is given, so torch need not look for tied ones again.
        return functional_call(model, dict(tensors), batch.args, dict(batch.kwargs), tie_weights=False)


@contextmanager
def forward_errors(model: nn.Module, batch: Batch) -> Iterator[None]:
    """An error that the network's forward raises on a batch becomes one line; its cause keeps the traceback.

    Raises:
        ValueError: naming arguments that forward does not take.
        ForwardError: naming the batch's types and shapes.
    """
    try:
        yield
    except (torch.OutOfMemoryError, NotMeasurableError):
        raise
    except DATA_ERRORS as error:
        check_columns(model, batch)
        raise ForwardError(_in_words(batch, error)) from error


def check_columns(model: nn.Module, batch: Batch) -> None:
    """Refuse named arguments that forward does not take: columns of the data that are not the network's.

    Raises:
        ValueError: naming them.
    """
    unknown = _not_taken(model, batch)
    if unknown:
        raise ValueError(
            f"the data have the columns [{first_of(map(repr, unknown))}], which the network's forward does "
            "not take: remove them "
            "(dataset.remove_columns, a collate_fn), or pick the others by a batch_hook"
        )


def _in_words(batch: Batch, error: Exception) -> str:
    given = ", ".join(f"argument {place!r}: {_shown(value)}" for place, value in batch.arguments())
    message = str(error).strip().splitlines()
    advice = "give it what it was trained on, in that type and shape"
    if any(_are_integers(value) for _, value in batch.arguments()):
        advice += (
            "; integers are never converted: of pixels give float32, by inputs.float() / 255 or, in an .npz "
            "file, inputs.astype('float32') / 255, if the network was trained on 0 to 1"
        )
    return (
        f"the network fails on the data ({given}) with {type(error).__name__}"
        f"{': ' + message[0] if message else ''}{_place(error)}; {advice}"
    )


def _are_integers(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not value.is_floating_point() and not value.is_complex()


def _not_taken(model: nn.Module, batch: Batch) -> list[str]:
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # compiled code shows none
        return []
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        return []
    return sorted(set(batch.kwargs) - {one.name for one in parameters})


def _shown(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _place(error: Exception) -> str:
    """The line of the user's code that raised, where one is."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [one for one in frames if not one.filename.startswith(_NOT_THEIRS)]
    return f" (raised below {Path(theirs[-1].filename).name}:{theirs[-1].lineno})" if theirs else ""
