"""Jobs in spawned processes of a fixed number of torch threads, stopped cleanly.

Ctrl-C (in the caller's process), or in `in_processes` an error in any job, ends all of them: each running job
is left by a `SystemExit`, so its `finally` blocks run and temporary files go; no process stays behind, also
when the caller itself is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from simulations.runtime.argument_checks import check_at_least_one

__all__ = ["in_processes", "worker_pool"]

Common = TypeVar("Common")
Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    function: Callable[[Common, Job], Result],
    common: Common,
    jobs: Iterable[Job],
    *,
    processes: int,
    threads: int = 1,
) -> Iterator[Result]:
    """Results of `function(common, job)` in the order they finish, `processes` at a time.

    Jobs and results travel by pickle, `common` once to each process; `function` must be importable.
    Processes are spawned, never forked (torch's threads do not survive a fork), so a script that gets
    here must guard its main part with `if __name__ == "__main__"`. Close the iterator
    (`contextlib.closing`) where it may be left early.

    Args:
        function: called in a worker.
        common: what all jobs need (a data set).
        jobs: drawn as workers become free.
        processes: >= 1.
        threads: torch's threads in each, >= 1, set before the first job.

    Raises:
        ValueError: processes or threads < 1.
        Exception: what a job raised, after the others were stopped.
    """
    return _results(function, common, iter(jobs), processes, threads)


def _results(
    function: Callable[..., Any], common: Any, waiting: Iterator[Any], processes: int, threads: int
) -> Iterator[Any]:
    running: set[Future[Any]] = set()
    with worker_pool(processes, threads=threads, initializer=_take_task, initargs=(function, common)) as pool:
        while True:
            # Never more than can run: what waits inside the executor can no longer be cancelled.
            running |= {pool.submit(_work, job) for job in islice(waiting, processes - len(running))}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


@contextmanager
def worker_pool(
    processes: int,
    *,
    threads: int = 1,
    initializer: Callable[..., Any] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[ProcessPoolExecutor]:
    """A standard executor over spawned workers; left by an exception, it stops them in mid-job.

    Do not submit more than `processes` jobs at a time: what waits inside it can no longer be cancelled.

    Args:
        processes: >= 1.
        threads: torch's threads in each, >= 1.
        initializer: called in each before its first job.
        initargs: of it.

    Raises:
        ValueError: processes or threads < 1.
    """
    check_at_least_one("processes", processes)
    check_at_least_one("threads", threads)
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=_prepare_worker,
        initargs=(threads, initializer, initargs),
    )
    try:
        yield executor
    except BaseException:
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


_task: list[Any] = []  # in a worker: the function and what all its jobs need


def _work(job: Any) -> Any:
    function, common = _task
    return function(common, job)


def _take_task(function: Callable[..., Any], common: Any) -> None:
    _task[:] = [function, common]


def _prepare_worker(threads: int, initializer: Callable[..., Any] | None, initargs: tuple[Any, ...]) -> None:
    import torch

    # A terminal sends Ctrl-C to the whole group: the caller alone decides, and says so by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):  # likewise a terminal that is closed
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave_job)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    if initializer is not None:
        initializer(*initargs)


def _leave_job(*_: Any) -> None:
    # Once: a second signal must not cut the clean-up of the first short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("stopped by the main process")


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
