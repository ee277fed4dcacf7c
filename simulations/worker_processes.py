"""Jobs in spawned processes of a fixed number of torch threads, stopped cleanly.

Ctrl-C (in the caller's process) or an error in any job ends all of them: each running job is left by a
`SystemExit`, so its `finally` blocks run and temporary files go; no process stays behind, also when the
caller itself is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar

__all__ = ["in_processes"]

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
    for name, value in (("processes", processes), ("threads", threads)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    executor = ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=_prepare_worker,
        initargs=(threads, function, common),
    )
    return _results(executor, processes, iter(jobs))


def _results(executor: ProcessPoolExecutor, processes: int, waiting: Iterator[Any]) -> Iterator[Any]:
    others = set(multiprocessing.active_children())
    running: set[Future[Any]] = set()
    try:
        while True:
            # Never more than can run: what waits inside the executor can no longer be cancelled.
            running |= {executor.submit(_work, job) for job in islice(waiting, processes - len(running))}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
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


def _prepare_worker(threads: int, function: Callable[..., Any], common: Any) -> None:
    import torch

    _task[:] = [function, common]
    # A terminal sends Ctrl-C to the whole group: the caller alone decides, and says so by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave_job)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(threads)


def _leave_job(*_: Any) -> None:
    # Once: a second signal must not cut the clean-up of the first short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("stopped by the main process")


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
