"""What `mli curve` and `mli diagnose` would do, told without doing it: cost, roles, buffers, refusals.

The network, its ends and the data are read as the commands read them; then the command's own work is done on
the first few samples alone, so that it refuses here what it would refuse there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from mli.user_checkpoints import load_end
from mli.user_network import load_data, load_start, model_factory, network_from_factory
from simulations.curves.arguments import requested_alphas
from simulations.curves.forecast import SMALL, memory_bytes, pass_bounds, seconds_a_sample, small_batch
from simulations.line.forward_pass import ForwardError, forward_errors
from simulations.line.line_setup import first_batches, known_samples
from simulations.line.walkable_module import has_lazy_layers
from simulations.models.buffers import differing_buffers
from simulations.models.evaluation import evaluation_mode
from simulations.models.input_types import floating_types, in_network_type
from simulations.models.last_layer import Output, logits_of
from simulations.models.roles import find_roles, roles_in_words
from simulations.runtime.names_in_words import first_of
from simulations.user_data.batch import Batch

__all__ = ["DryRun", "UserFiles", "read_files", "tell_curve", "tell_diagnosis"]

State = dict[str, torch.Tensor]


@dataclass
class DryRun:
    """What was found.

    Attributes:
        lines: to be printed.
        refusals: what would be refused, one line each; empty where all would work.
    """

    lines: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _failed: bool = field(default=False, repr=False)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """What the block refuses becomes a refusal, once."""
        try:
            yield
        except (ValueError, OSError, ModuleNotFoundError) as error:
            # A network that cannot take the data is told once, whatever part of them each step gives it.
            if str(error) in self.refusals or (self._failed and isinstance(error, ForwardError)):
                return
            self._failed = self._failed or isinstance(error, ForwardError)
            self.refusals.append(str(error))


@dataclass
class UserFiles:
    """What a user named, as far as it could be read; None where it could not.

    Attributes:
        few: the first samples, as batches; at most `SMALL` of a batch where it can be cut.
    """

    network: nn.Module | None = None
    start: State | None = None
    end: State | None = None
    data: Any = None
    few: list[Batch] = field(default_factory=list)

    def all_read(self) -> bool:
        """Whether nothing was refused."""
        return self.network is not None and None not in (self.start, self.end) and bool(self.few)


def read_files(
    found: DryRun, model: str, start: str, end: Path, data: str, *, allow_pickle: bool = False
) -> UserFiles:
    """The network, its ends, the data and their first samples; what is refused is told, the rest is read."""
    files = UserFiles()
    with found.trying():
        files.data = load_data(data)
        files.few = [small_batch(batch) for batch in first_batches(files.data, SMALL)]
    with found.trying():
        factory = model_factory(model)
        files.network = network_from_factory(factory)
        if files.few and has_lazy_layers(files.network):
            files.network = network_from_factory(factory, data=files.few)
    if files.network is None or has_lazy_layers(files.network):
        return files
    with found.trying():
        files.end = load_end(end, files.network, allow_pickle=allow_pickle, factory=factory)
    with found.trying():
        # "zero" takes its names from the end; where that is refused the network's own stand for it.
        last = dict(files.network.state_dict()) if files.end is None else files.end
        files.start, note = load_start(
            start, factory, files.network, last, allow_pickle=allow_pickle, data=files.few
        )
        found.lines.append(note)
    return files


def tell_curve(found: DryRun, files: UserFiles, alphas: int, **options: Any) -> None:
    """What `mli curve` would do, added to `found`.

    Args:
        found: grows.
        files: as read.
        alphas: points.
        options: the other arguments of `simulations.curves.interpolation_curves`.
    """
    from simulations.curves.one_path import interpolation_curves

    _tell(found, files, alphas, walks=1, more_passes=0, samples_of=0, **options)
    _try(found, files, interpolation_curves, alphas=[0.0, 0.5, 1.0], **options)


def tell_diagnosis(found: DryRun, files: UserFiles, alphas: int, **options: Any) -> None:
    """What `mli diagnose` would do, added to `found`.

    Args:
        found: grows.
        files: as read.
        alphas: points.
        options: the other arguments of `validation.diagnosis.diagnose`.
    """
    from validation.diagnosis.accounts import diagnose
    from validation.diagnosis.counterfactuals import COUNTERFACTUALS

    walks = len(COUNTERFACTUALS)
    # The trained logits are taken twice, by the accounts and by the gain law.
    _tell(found, files, alphas, walks=walks, more_passes=2, samples_of=walks, **options)
    _try(found, files, diagnose, alphas=min(alphas, 11), **options)


def _try(found: DryRun, files: UserFiles, work: Callable[..., Any], **options: Any) -> None:
    """Do the work on the first few samples."""
    if files.all_read():
        with found.trying():
            work(files.network, files.start, files.end, files.few, **options)


def _tell(
    found: DryRun,
    files: UserFiles,
    alphas: int,
    *,
    walks: int,
    more_passes: int,
    samples_of: int,
    **options: Any,
) -> None:
    with found.trying():
        requested_alphas(alphas, extrapolate=False)
        fewest, most = pass_bounds(alphas)
        passes = fewest + more_passes, most * walks + more_passes
        counted = f"{passes[0]} to {passes[1]}" if passes[0] < passes[1] else f"{passes[0]}"
        lines = f" ({walks} lines at most)" if walks > 1 else ""
        found.lines.append(f"forward passes over the data: {counted}{lines}")
        if files.network is not None and files.end is not None and files.few:
            _tell_cost(found, files, alphas, passes, samples_of)
    if files.network is not None and files.end is not None and files.few:
        with found.trying():
            found.lines.append(_roles(files.network, files.end, files.few[0], **options))
    if files.network is not None and files.start is not None and files.end is not None:
        differ = differing_buffers(files.network, files.start, files.end)
        found.lines.append(f"buffers that differ between the ends: {first_of(differ) or 'none'}")


def _tell_cost(
    found: DryRun, files: UserFiles, alphas: int, passes: tuple[int, int], samples_of: int
) -> None:
    assert files.network is not None
    assert files.end is not None
    n, few = known_samples(files.data), files.few[0]
    a_sample = seconds_a_sample(files.network, files.end, few)
    fewest, most = (a_sample * count * (n or 1000) for count in passes)
    of = f"{n} samples" if n is not None else "each 1000 samples, of which only a pass tells how many"
    found.lines.append(
        f"seconds, by a pass of {len(few)} samples: {fewest:.2g} to {most:.2g} for {of}, beside reading them"
    )
    k = max(map(_numbers_a_sample, files.few))
    needed = memory_bytes(files.end, n, k, alphas, samples_of=samples_of)
    found.lines.append(
        f"memory: up to {needed / 2**20:.0f} MiB beside torch, the data and the activations of a batch"
    )


def _numbers_a_sample(batch: Batch) -> int:
    """What is kept of a sample at a node: its classes; of other labels two numbers for each."""
    labels = batch.labels
    is_class = labels.ndim == 1 and not labels.is_floating_point() and labels.dtype != torch.bool
    return int(labels.max()) + 1 if is_class and int(labels.max()) >= 0 else 2 * max(1, labels[0].numel())


def _roles(
    network: nn.Module,
    end: State,
    batch: Batch,
    *,
    biases: Sequence[str] | None = None,
    last_layer: str | None = None,
    output: Output = None,
    **_: Any,
) -> str:
    """Which parameters are biases and which layer is last, in words.

    Raises:
        ValueError: the network cannot take the batch, or names that it has not.
    """
    types = floating_types(network)
    few = batch.with_tensors(lambda _, value: in_network_type(value, types))
    parameters = {name: end[name] for name, _ in network.named_parameters()}
    buffers = {name: end.get(name, own) for name, own in network.named_buffers()}

    def run(changes: Mapping[str, torch.Tensor]) -> torch.Tensor:
        tensors = parameters | {name: own.clone() for name, own in buffers.items()} | dict(changes)
        return logits_of(functional_call(network, tensors, few.args, dict(few.kwargs)), output)

    with forward_errors(network, few), evaluation_mode(network), torch.no_grad():
        run({})
    with evaluation_mode(network), torch.no_grad():
        return roles_in_words(find_roles(network, run, parameters, biases=biases, last_layer=last_layer))
