"""Where the runs of a sweep execute: processes here, a Dask cluster, a Slurm cluster.

`simulations.sweeps.runner` asks of an executor only `submit(function, *arguments)` and futures with
`result()`; the adapters here open one and say how to wait for it. Engines are the libraries' own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from simulations.models.devices import checked_device
from simulations.runtime.argument_checks import check_at_least_one
from simulations.runtime.worker_processes import worker_pool
from simulations.sweeps.dask_cluster import dask_executor
from simulations.sweeps.dask_security import DaskTls
from simulations.sweeps.executor import Executor, extra_missing

__all__ = [
    "EXECUTORS",
    "any_executor",
    "here",
    "local_executor",
    "open_executor",
]

EXECUTORS = ("local", "dask", "slurm")


def open_executor(
    name: str,
    *,
    processes: int | None = None,
    scheduler: str | None = None,
    tls: DaskTls | None = None,
    insecure_dask: bool = False,
    device: str = "cpu",
    logs: Path | str = "slurm-logs",
    slurm: Mapping[str, Any] | None = None,
) -> AbstractContextManager[Executor]:
    """One of `EXECUTORS`, to be used with `with`.

    Args:
        name: "local", "dask" or "slurm".
        processes: of local, None: one a core.
        scheduler: address of dask's.
        tls: the files with which dask's connections are encrypted, and both sides known; None: none, or what
            dask's own configuration names.
        insecure_dask: accept a Dask cluster that strangers can reach (`simulations.sweeps.dask_security`).
        device: where torch computes: with "cuda" a Dask task asks for the worker resource GPU = 1.
        logs: slurm's, a folder on a file system that all nodes see.
        slurm: parameters of submitit's AutoExecutor (timeout_min, slurm_partition, ...).

    Raises:
        ValueError: an unknown name; dask without a scheduler, or a scheduler, TLS or `insecure_dask` without
            dask; a cluster that strangers can reach; with local, a device that is not there.
        ModuleNotFoundError: the extra `cluster` is missing.
        OSError: a scheduler that does not answer.
    """
    if name not in EXECUTORS:
        raise ValueError(f"executor must be one of {', '.join(EXECUTORS)}, got {name!r}")
    if (name == "dask") != (scheduler is not None):
        raise ValueError(
            f"executor {name!r} with scheduler {scheduler!r}: an address goes with 'dask', and with it alone"
        )
    if name != "dask" and (tls is not None or insecure_dask):
        raise ValueError(f"executor {name!r}: TLS files and insecure_dask go with 'dask', and with it alone")
    if name == "dask":
        resources = {"GPU": 1} if device.startswith("cuda") else None
        return dask_executor(str(scheduler), resources=resources, tls=tls, insecure=insecure_dask)
    if name == "slurm":
        if "logs" in (slurm or {}):
            raise ValueError("slurm: logs is no parameter of submitit; they lie beside the store")
        return slurm_executor(logs, **(slurm or {}))
    checked_device(device, nn.Identity(), "float32")  # of other machines only they can tell
    return local_executor(processes)


@contextmanager
def local_executor(processes: int | None = None) -> Iterator[Executor]:
    """Spawned processes of one torch thread each (a run sets its own number); left by an error, they stop.

    A script that gets here must guard its main part with `if __name__ == "__main__"`. A process that dies
    (killed, out of memory) takes its own run with it, whose future says so, and another takes its place.

    Args:
        processes: >= 1; None: one a core.

    Raises:
        ValueError: processes < 1.
    """
    count = _cores() if processes is None else processes
    check_at_least_one("processes", count)
    with ExitStack() as stack:
        own = _ProcessEach([stack.enter_context(worker_pool(1)) for _ in range(count)], stack)
        yield Executor(own.submit, _first_of_standard, slots=count)


class _ProcessEach:
    """Pools of one process: a standard pool of several is lost, with all its futures, when one dies."""

    def __init__(self, pools: list[ProcessPoolExecutor], stack: ExitStack) -> None:
        self._pools, self._stack = pools, stack
        self._latest: list[Future[Any] | None] = [None] * len(pools)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        free = next(i for i, future in enumerate(self._latest) if future is None or future.done())
        try:
            future = self._pools[free].submit(function, *arguments)
        except BrokenExecutor:  # its process died at its last job, or since
            self._pools[free] = self._stack.enter_context(worker_pool(1))
            future = self._pools[free].submit(function, *arguments)
        self._latest[free] = future
        return future


@contextmanager
def slurm_executor(logs: Path | str, *, cluster: str | None = None, **parameters: Any) -> Iterator[Executor]:
    """A Slurm cluster by submitit, one job a run; leaving by an error cancels what was submitted.

    Args:
        logs: submitit's folder (scripts, logs, and pickles of its own), which all nodes must see.
        cluster: submitit's: None is Slurm, "local" runs subprocesses here.
        parameters: of `submitit.AutoExecutor.update_parameters`, such as timeout_min, slurm_partition,
            gpus_per_node.

    Raises:
        ModuleNotFoundError: the extra `cluster` is missing.
        ValueError: an unknown parameter.
        OSError: Slurm is not here.
    """
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise extra_missing("submitit") from error
    try:
        # By name: submitit alone would take its local executor where there is no Slurm.
        executor = submitit.AutoExecutor(folder=logs, cluster=cluster or "slurm")
        executor.update_parameters(**parameters)
    except RuntimeError as error:  # submitit's word for "no sbatch here"
        raise OSError(f"Slurm cannot be used here: {error}") from error
    except (NameError, TypeError, ValueError, AssertionError) as error:  # its words for bad parameters
        raise ValueError(f"submitit refuses {parameters}: {error}") from error
    jobs: set[Any] = set()

    def submit(function: Callable[..., Any], *arguments: Any) -> Any:
        job = executor.submit(function, *arguments)
        jobs.add(job)
        return job

    def first_done(futures: Set[Any]) -> Set[Any]:
        # submitit watches files: asking more often than it looks costs the file system and gains nothing.
        pause = 0.1 if cluster == "local" else 5.0
        while not (done := {job for job in futures if job.done()}):
            time.sleep(pause)
        jobs.difference_update(done)
        return done

    try:
        yield Executor(submit, first_done, batch=executor.batch)
    finally:
        for job in jobs:
            job.cancel()


@contextmanager
def here() -> Iterator[Executor]:
    """This very process, one call after the other."""

    def submit(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - a future carries whatever the call raised
            future.set_exception(error)
        return future

    yield Executor(submit, _first_of_standard, slots=1)


def any_executor(executor: Any) -> Executor:
    """The adapter of an object with `submit` and futures of `concurrent.futures`; an adapter as it is.

    Raises:
        TypeError: no `submit`.
    """
    if isinstance(executor, Executor):
        return executor
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(f"an executor needs a method submit, {type(executor).__name__} has none")
    return Executor(executor.submit, _first_of_standard, lost=(BrokenExecutor,))


def _cores() -> int:
    """Cores that this process may use, where the system tells."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _first_of_standard(futures: Set[Any]) -> Set[Any]:
    return wait(futures, return_when=FIRST_COMPLETED).done
