"""From what a user has (a model, two checkpoints, data) to a line that can be evaluated."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from simulations.line.first_look import SHARED_IN_BATCH, look_along, look_at_end
from simulations.line.moved_network import Line, NotFiniteError
from simulations.line.paths import PathFunction, path_coefficients
from simulations.line.walkable_module import walkable
from simulations.models.checkpoints import Checkpoint, load_checkpoint
from simulations.models.evaluation import evaluation_mode
from simulations.models.last_layer import Output
from simulations.models.normalised_weights import zero_normalised_weights
from simulations.models.roles import Roles, Run, effective_bias, find_roles, roles_without_running
from simulations.objectives.objective import Objective
from simulations.runtime.names_in_words import first_of
from simulations.user_data.data_passes import Batch, Batches, BatchHook

__all__ = [
    "OpenLine",
    "first_batch",
    "first_batches",
    "known_samples",
    "open_line",
    "walkable_model",
]

_BY_ROLE = ("weights", "bias", "homogeneous")


@dataclass(frozen=True, eq=False)
class OpenLine:
    """A line and its data.

    Attributes:
        line: the model on the path.
        splits: the data by split, "" for data that are one.
        start, end: the checked state dicts.
        roles: which parameters are biases, and where it was asked, which layer is last.
        totals: of an objective, the weight and the number of all rows, by split.
    """

    line: Line
    splits: Mapping[str, Batches]
    start: Mapping[str, torch.Tensor]
    end: Mapping[str, torch.Tensor]
    roles: Roles
    totals: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    def last_bias(self) -> torch.Tensor | None:
        """What the last bias adds to the logits at the end (k,); None without one."""
        if self.roles.plain and self.roles.last_bias is not None:
            return self.end[self.roles.last_bias]
        return effective_bias(_run_at_end(self.line, self.splits), self.line.end_parameters(), self.roles)


@contextmanager
def open_line(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    path: str | PathFunction = "linear",
    buffers: str = "refuse",
    calibration: Any = None,
    bias_depth: Mapping[str, int] | None = None,
    batch_hook: BatchHook | None = None,
    device: torch.device | str | None = None,
    precision: str = "native",
    channels_last: bool = False,
    biases: Sequence[str] | None = None,
    last_layer: str | None = None,
    output: Output = None,
    find_last: bool = False,
    roles: Roles | None = None,
    objective: Objective | None = None,
    ignored: int | None = None,
) -> Iterator[OpenLine]:
    """The line, in inference and evaluation mode; after it the model and generators are as they were.

    Arguments as in `simulations.curves.interpolation_curves`; `find_last` also finds the last layer, which
    costs a few runs of a few samples; the path "last_bias" does so by itself. With `roles` nothing is looked
    for. Before it a few samples are read and evaluated (`simulations.line.first_look`). `objective` None
    means cross-entropy of (n, k); of another all labels are read once before any other work. Samples with the
    label `ignored` are left out.

    Warns:
        UserWarning: a path of biases or weights alone, on a model with parameters that may be biases; samples
            that depend on their batch.

    Raises:
        ValueError: as there, for what can be known before any work.
    """
    model = walkable_model(model, data, batch_hook)
    first, last = load_checkpoint("start", start, model), load_checkpoint("end", end, model)
    check = None if objective is None else objective.check_labels
    splits = {
        name: Batches(part, batch_hook, labels=check, ignored=ignored) for name, part in _splits(data).items()
    }
    with evaluation_mode(model), torch.inference_mode():
        known_roles = roles_without_running(model, biases) if roles is None else roles
        # Running the network finds the last bias, and biases that their names do not show: the path waits.
        waits = roles is None and (
            path == "last_bias" or (objective is None and biases is None and path in _BY_ROLE)
        )
        known = "linear" if waits else path
        line = Line(
            model,
            first,
            last,
            path_coefficients(model, known, bias_depth=bias_depth, roles=known_roles),
            buffers=buffers,
            # Of several splits the first is the training set, as everywhere.
            calibration=next(iter(splits.values()))
            if calibration is None
            else Batches(calibration, batch_hook, labels=check, ignored=ignored),
            device=device,
            precision=precision,
            channels_last=channels_last,
            output=output,
        )
        totals = look_at_end(line, splits, objective)
        if roles is None and (find_last or waits or last_layer is not None):
            run = _run_at_end(line, splits)
            known_roles = find_roles(model, run, line.end_parameters(), biases=biases, last_layer=last_layer)
            if not find_last and path in _BY_ROLE and last_layer is None:  # the biases alone count there
                known_roles = Roles(known_roles.biases, known_roles.unsure)
        _say_what_is_unsure(known_roles, path)
        if waits:
            line.walk(path_coefficients(model, path, bias_depth=bias_depth, roles=known_roles))
        look_along(line, splits, objective)
        try:
            yield OpenLine(line, splits, first, last, known_roles, totals)
        except NotFiniteError as error:
            raise NotFiniteError(f"{error}{_why_not_finite(line, splits)}") from error


def _run_at_end(line: Line, splits: Mapping[str, Batches]) -> Run:
    """Runs the end on a few of the first samples."""
    few = next(iter(splits.values())).few()
    return lambda changes: line.end_with(changes, few)


def _say_what_is_unsure(roles: Roles, path: str | PathFunction) -> None:
    if roles.unsure and path in _BY_ROLE:
        warnings.warn(
            f"the path {path!r} takes as weights what may be biases by their names: "
            f"{first_of(roles.unsure)}; name all biases by biases=[...] (--bias on the command line) if so",
            UserWarning,
            stacklevel=5,
        )


def walkable_model(model: nn.Module, data: Any, batch_hook: BatchHook | None = None) -> nn.Module:
    """`simulations.line.walkable_module.walkable` by the data's first batch."""
    return walkable(model, lambda: first_batch(data, batch_hook))


def first_batch(data: Any, batch_hook: BatchHook | None = None) -> Batch:
    """Of the data, or of their first split; of any labels.

    Raises:
        ValueError: as `simulations.user_data.data_passes.Batches`.
    """
    first = next(iter(_splits(data).values()))
    return next(iter(Batches(first, batch_hook, labels=_any_labels)))


def first_batches(data: Any, samples: int) -> list[Batch]:
    """Of the data, or of their first split, until they hold so many samples; of any labels.

    Raises:
        ValueError: as `simulations.user_data.data_passes.Batches`.
    """
    found: list[Batch] = []
    for batch in Batches(next(iter(_splits(data).values())), labels=_any_labels):
        found.append(batch)
        if sum(map(len, found)) >= samples:
            break
    return found


def _any_labels(_labels: torch.Tensor) -> None:
    """Who knows the objective checks them."""


def known_samples(data: Any) -> int | None:
    """How many samples the data hold, all splits together; None where only a pass tells."""
    counts = [Batches(part).n_samples for part in _splits(data).values()]
    return None if None in counts else sum(n for n in counts if n is not None)


def _why_not_finite(line: Line, splits: Mapping[str, Batches]) -> str:
    """What may be the reason, in words after the error's; "" where none is seen."""
    divided = zero_normalised_weights(line.model, line.parameter)
    if divided:
        return f": there the size of {divided[0]}, by which a normalisation of weights divides, is 0"
    for name, batches in splits.items():
        words = batches.where_not_finite()
        if words:
            return f": {words}" + (f" of the split {name!r}" if name else "")
    if line.depends_on_batch and any(len(batch) == 1 for part in splits.values() for batch in part):
        return f": {SHARED_IN_BATCH}, and a batch of one may have none: give batches of two or more"
    return ""


def _splits(data: Any) -> dict[str, Any]:
    """By name; "" for data that are one set (a mapping that holds tensors is a batch, refused later)."""
    if not isinstance(data, Mapping) or any(isinstance(value, torch.Tensor) for value in data.values()):
        return {"": data}
    if not data:
        raise ValueError("data is a mapping of no splits")
    splits = {str(name): part for name, part in data.items()}
    if "" in splits or len(splits) != len(data):
        raise ValueError(
            f"splits must have different names that are not empty, got {first_of(map(repr, data))}"
        )
    return splits
