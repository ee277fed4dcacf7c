"""Making a run: train, walk its lines, measure, and put it all in the store.

run = make_run(RunSpec(depth=8, width=64, learning_rate=0.02, max_epochs=150, seed=0), Store("results/store"))
Store("results/store").load(run.name)
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.devices import matmul_precision
from simulations.runs.endpoint_measures import TrainedRun, measure_endpoints
from simulations.runs.further_lines import further_lines
from simulations.runs.other_ends import check_other_ends, make_needed_runs, started_network
from simulations.runs.run_curves import measure_paths
from simulations.runs.run_dataset import LINES
from simulations.runs.spec_to_training import run_data, run_network, train_run
from simulations.runs.store import CHECKPOINT, NotFinishedError, Store
from simulations.runs.verified_files import write_tensors, write_text
from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.provenance import provenance
from simulations.specs.run_spec import RunSpec
from simulations.training.progress_report import ProgressCallback
from simulations.training.result import TrainingResult
from simulations.training.resume_file import OtherCheckpointError

__all__ = ["MadeRun", "RunSpec", "Store", "make_run", "stored_whole", "torch_alone", "write_run"]

# Training sets torch's global generator and thread count: a process makes one run at a time, also where its
# owner (a Dask worker of several threads) asks for more.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class MadeRun:
    """What became of a run.

    Attributes:
        name: of the run.
        status: "reached" its target, "stagnated" or "diverged": all are results.
        seconds: that making it took, wall clock; 0 if it was in the store.
        kept: it was in the store, whole, and was not made again.
        repaired: what was wrong with the run that was in the store, and why it was made again.
        loss: at training's end on all samples, nats; None for a run that was kept.
    """

    name: str
    status: str
    seconds: float
    kept: bool = False
    repaired: tuple[str, ...] = ()
    loss: float | None = None


def make_run(
    spec: RunSpec, store: Store, *, device: str = "cpu", progress: ProgressCallback | str | None = None
) -> MadeRun:
    """The run in the store, made now unless it is there and every file of it is what was written.

    Training that was killed goes on from its checkpoint; one that diverged or stagnated is a result, with
    `status`, and has no curves. A run that another process is making is waited for. Runs whose ends this one
    takes (`RunSpec.needed_runs`) are made first.

    Args:
        spec: of the run; torch's threads are `spec.threads` inside, as before after it.
        store: `Store.prepare` was called.
        device: where torch computes. It is no part of the spec: "cuda" gives other bits under the same name,
            and the provenance says so.
        progress: as `simulations.training.train` takes it.

    Raises:
        ValueError: data, network and spec do not fit, or no line can be walked; a line from a run that is
            not in the store, or whose tensors are others.
        OSError: a file cannot be read or written.
        ModuleNotFoundError: an extra is missing.
    """
    if (spec.lines or spec.pretrained_layers) and not _is_whole(spec, store):
        make_needed_runs(spec, store, lambda other: make_run(other, store, device=device))
    with store.locked(spec):
        kept, problems = stored_whole(spec, store)
        if kept is not None:
            return kept
        began = time.perf_counter()
        with torch_alone(spec.threads):
            status, loss = _make(spec, store, device, progress)
        return MadeRun(spec.name, status, time.perf_counter() - began, repaired=problems, loss=loss)


def _is_whole(spec: RunSpec, store: Store) -> bool:
    """A damaged run is made again, and then leans on others as a new one does."""
    try:
        return store.is_finished(spec) and not store.problems(spec)
    except NotFinishedError:  # another process removed it just now
        return False


def stored_whole(spec: RunSpec, store: Store) -> tuple[MadeRun | None, tuple[str, ...]]:
    """The run if it is in the store, whole; else None, what was wrong with it, and its place is cleared.

    A whole run needs no checkpoint of its training: one that is left is removed.
    Call it inside `Store.locked`.
    """
    problems: list[str] = []
    if store.is_finished(spec):
        problems = store.problems(spec)
        if not problems:
            # A process that was killed after the run's last file and before this left it.
            store.path(spec, CHECKPOINT).unlink(missing_ok=True)
            return MadeRun(spec.name, store.provenance(spec)["status"], 0.0, kept=True), ()
        store.remove(spec)
    store.clear(spec)
    return None, tuple(problems)


def _make(
    spec: RunSpec, store: Store, device: str, progress: ProgressCallback | str | None
) -> tuple[str, float]:
    """How training ended, and at what loss."""
    began, cpu = time.perf_counter(), time.process_time()
    store.path(spec).mkdir(parents=True, exist_ok=True)
    write_text(store.path(spec, "spec.toml"), spec.to_toml())
    data, test = run_data(spec)
    if spec.lines or spec.pretrained_layers:
        check_other_ends(spec, store, run_network(spec, data))
    result = _trained(spec, store, data, device, progress)
    spent = (time.perf_counter() - began, time.process_time() - cpu)
    write_run(spec, store, result, (data, test), device, spent)
    store.path(spec, CHECKPOINT).unlink(missing_ok=True)
    return result.status, float(result.history["loss"][-1])


def _trained(
    spec: RunSpec, store: Store, data: ImageDataset, device: str, progress: ProgressCallback | str | None
) -> TrainingResult:
    """Trained from the store's checkpoint; one that is of no use is set aside, so that no run is stuck."""
    how: dict[str, Any] = {
        "device": device,
        "checkpoint": store.path(spec, CHECKPOINT),
        "progress": progress,
    }
    try:
        return train_run(spec, started_network(spec, store, data), data, **how)
    except OtherCheckpointError as error:
        warnings.warn(
            f"{error}. It is set aside as {store.set_aside(spec)}, and the run is made from its beginning",
            RuntimeWarning,
            stacklevel=2,
        )
        return train_run(spec, started_network(spec, store, data), data, **how)


def write_run(
    spec: RunSpec,
    store: Store,
    result: TrainingResult,
    data: tuple[ImageDataset, ImageDataset | None],
    device: str,
    spent: tuple[float, float],
    *,
    trained_together: int = 1,
) -> None:
    """Walk and measure the lines of a trained network, and put all of it into the store.

    Args:
        spec: of the run.
        store: where its folder is cleared.
        result: of its training.
        data: training samples, and those of the test split or None.
        device: where torch computes.
        spent: seconds that training took: wall clock, and of the CPU; an ensemble's member its share.
        trained_together: members of the ensemble that it was trained in; 1: alone.
    """
    began, cpu = time.perf_counter() - spent[0], time.process_time() - spent[1]
    store.path(spec, "curves").mkdir(parents=True, exist_ok=True)
    write_text(store.path(spec, "spec.toml"), spec.to_toml())
    write_tensors(store.path(spec, "start.safetensors"), result.start)
    write_tensors(store.path(spec, "end.safetensors"), result.end)
    for epoch, state in result.kept.items():
        write_tensors(store.path(spec, f"epoch-{epoch}.safetensors"), state)
    write_netcdf(store.path(spec, "history.nc"), result.history)
    reached = result.status == "reached"
    model = result.model.to(device)
    trained = TrainedRun(spec, model, result.start, result.end, *data, reached)
    # As training's own evaluations, whatever its steps were in: torch's default on CUDA is TF32 in places.
    with matmul_precision("float32", torch.device(device)):
        write_netcdf(store.path(spec, "curves/endpoints.nc"), measure_endpoints(trained))
        for path, curves in measure_paths(trained).items() if reached else ():
            write_netcdf(store.path(spec, f"curves/{path}.nc"), curves)
        if reached and spec.lines:
            write_netcdf(store.path(spec, LINES), further_lines(trained, store, result.kept))
    store.finish(
        spec,
        provenance(device)
        | {
            "status": result.status,
            "data_hash": data[0].content_hash,
            "trained_together": trained_together,
            "seconds": round(time.perf_counter() - began, 3),
            "cpu_seconds": round(time.process_time() - cpu, 3),
        },
    )


@contextmanager
def torch_alone(threads: int) -> Iterator[None]:
    """One run, or one ensemble, at a time in this process, with so many of torch's threads."""
    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with threadpool_limits(threads):
                yield
        finally:
            torch.set_num_threads(before)
