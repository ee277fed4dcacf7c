"""Making runs that are trained together, as one program; each then has files and lines of its own."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from torch import nn

from simulations.datasets.image_dataset import ImageDataset
from simulations.runs.one_run import MadeRun, make_run, stored_whole, torch_alone, write_run
from simulations.runs.spec_to_training import run_data, run_network, train_runs
from simulations.runs.store import Store
from simulations.specs.run_spec import RunSpec
from simulations.training.result import TrainingResult

__all__ = ["FailedRun", "make_runs_together"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class FailedRun:
    """A member that raised an error, in a form that travels between machines.

    Attributes:
        name: of the run.
        error: its type and message.
        traceback: where.
        number: errno of an error of the system, else None.
    """

    name: str
    error: str
    traceback: str
    number: int | None = None


def make_runs_together(
    specs: Sequence[RunSpec], store: Store, *, device: str = "cpu"
) -> list[MadeRun | FailedRun]:
    """The runs in the store, trained by `simulations.training.train_many` unless they are there and whole.

    Each run's files are those that `simulations.runs.make_run` writes, its provenance has the ensemble's
    size as `trained_together`, and its numbers are those of the run alone up to rounding. A member that
    diverges, stagnates or raises an error does so for itself. What is interrupted is trained again:
    an ensemble keeps no checkpoint, and the members then still to be made are a smaller one.

    Args:
        specs: that `simulations.specs.ensembles` puts together.
        store: `Store.prepare` was called.
        device: where torch computes.

    Returns:
        What became of each run, in their order.
    """
    found: dict[str, MadeRun | FailedRun] = {}
    with ExitStack() as locks:
        for spec in sorted(specs, key=lambda one: one.name):  # one order for all: none waits for another
            locks.enter_context(store.locked(spec))
        repaired: dict[str, tuple[str, ...]] = {}
        for spec in specs:
            kept, repaired[spec.name] = stored_whole(spec, store)
            if kept is not None:
                found[spec.name] = kept
        missing = [spec for spec in specs if spec.name not in found]
        if missing:
            with torch_alone(specs[0].threads):
                found |= _make(missing, store, device, repaired)
    for spec in specs:
        if spec.name not in found:  # an ensemble that cannot be trained as one: each for itself
            found[spec.name] = _own(spec, partial(make_run, spec, store, device=device))
    return [found[spec.name] for spec in specs]


def _make(
    specs: Sequence[RunSpec], store: Store, device: str, repaired: dict[str, tuple[str, ...]]
) -> dict[str, MadeRun | FailedRun]:
    """What became of the runs; empty if they cannot be trained as one."""
    began, cpu = time.perf_counter(), time.process_time()
    data = run_data(specs[0])
    results = _trained(specs, data[0], device)
    each = (time.perf_counter() - began) / len(specs), (time.process_time() - cpu) / len(specs)
    return {
        spec.name: _own(spec, _writer(spec, store, result, data, device, each, len(specs), repaired))
        for spec, result in zip(specs if results else (), results, strict=True)
    }


def _trained(specs: Sequence[RunSpec], data: ImageDataset, device: str) -> list[TrainingResult]:
    """Results of all; none where one member is refused: the others must not fail with it."""
    networks: list[nn.Module] = []
    try:
        networks += [run_network(spec, data) for spec in specs]
        return train_runs(specs, networks, data, device=device)
    except ValueError:
        return []


def _writer(
    spec: RunSpec,
    store: Store,
    result: TrainingResult,
    data: tuple[ImageDataset, ImageDataset | None],
    device: str,
    spent: tuple[float, float],
    members: int,
    repaired: dict[str, tuple[str, ...]],
) -> Callable[[], MadeRun]:
    def write() -> MadeRun:
        began = time.perf_counter()
        write_run(spec, store, result, data, device, spent, trained_together=members)
        seconds = time.perf_counter() - began + spent[0]
        loss = float(result.history["loss"][-1])
        return MadeRun(spec.name, result.status, seconds, repaired=repaired[spec.name], loss=loss)

    return write


def _own(spec: RunSpec, make: Callable[[], MadeRun]) -> MadeRun | FailedRun:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this member's own
        return FailedRun(
            spec.name,
            f"{type(error).__name__}: {error}",
            "".join(traceback.format_exception(error)),
            error.errno if isinstance(error, OSError) else None,
        )
