"""All runs of some sweeps, on an executor: what is in the store is kept, a run that fails stops no other."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from mli_theory.short_repr import short_repr
from simulations.runs.ensemble_of_runs import FailedRun, make_runs_together
from simulations.runs.one_run import MadeRun, Store, make_run
from simulations.runs.store import CHECKPOINT, NotFinishedError
from simulations.runtime.atomic_files import DISK_IS_FULL
from simulations.runtime.progress import progress_bar
from simulations.runtime.provenance import code_hash
from simulations.specs.ensembles import jobs_of
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import Sweep
from simulations.sweeps.executor import Executor
from simulations.sweeps.executors import any_executor

__all__ = ["SweepOutcome", "record_failure", "run_sweeps"]

Job = tuple[RunSpec, ...]
"""One run, or those of an ensemble."""


@dataclass
class SweepOutcome:
    """What became of the runs of some sweeps, by name; each run is in one of `made`, `kept` and `failed`.

    Attributes:
        made: now.
        kept: they were in the store, whole.
        failed: the error of each that raised one; the store has it with its traceback.
        repaired: what was wrong in the store with runs that were therefore made again.
        other_code: runs kept that were made by other code of this package than is running.
    """

    made: dict[str, MadeRun] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    repaired: dict[str, list[str]] = field(default_factory=dict)
    other_code: list[str] = field(default_factory=list)

    __repr__ = short_repr

    def lines(self, sweeps: Sequence[Sweep], store: Store) -> list[str]:
        """What became of the sweeps, for people: one line each, then failures, repairs and other code."""
        found = []
        for sweep in sweeps:
            names = {run.spec.name: run.label for run in sweep.runs}
            states = Counter("failed" if name in self.failed else _status(store, name) for name in names)
            made = sum(name in self.made for name in names)
            counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            found.append(f"{sweep.name}: {len(names)} runs, {counts}; {made} made now")
            # Runs of one arm mostly fail alike.
            alike = Counter((names[name], self.failed[name]) for name in names if name in self.failed)
            found += [f"  {label} failed {n} times: {error}" for (label, error), n in alike.items()]
        for name, problems in self.repaired.items():
            found.append(f"{name} was damaged and made again: {'; '.join(problems)}")
        if self.other_code:
            found.append(
                f"{len(self.other_code)} runs that were kept were made by other code of this package; "
                "`mli runs gc --other-code` removes such"
            )
        return found


def run_sweeps(
    sweeps: Sequence[Sweep], store: Store, executor: Executor | Any, *, device: str = "cpu"
) -> SweepOutcome:
    """Make every run of the sweeps that is not in the store; a run that several name is made once.

    Draws a progress bar over all runs on a terminal, and says in lines elsewhere, one a minute at most, which
    arm's run was done last, its loss, and how many have failed.

    Args:
        sweeps: of `simulations.specs.read_sweep`.
        store: made if need be.
        executor: of `simulations.sweeps.executors`, or any object with `submit` and standard futures.
        device: where torch computes in a run.

    Raises:
        OSError: the store cannot be written (found before any run, or when the disk fills), or the executor
            is lost. Finished runs stay; the same call goes on from there.
        KeyboardInterrupt: on Ctrl-C, likewise.
    """
    executor = any_executor(executor)
    store.prepare()
    outcome = SweepOutcome()
    specs = {run.spec.name: run.spec for sweep in sweeps for run in sweep.runs}
    arms = {run.spec.name: f"{sweep.name}/{run.label}" for sweep in sweeps for run in sweep.runs}
    to_do = [spec for spec in specs.values() if not _is_kept(spec, store, outcome)]
    try:
        with progress_bar() as bar:
            done = len(outcome.kept)
            task = bar.add_task("runs", total=len(specs), completed=done)
            for job, future in _results(jobs_of(sweeps, to_do), executor, store, device):
                for spec, made in zip(job, _of_job(job, future, executor), strict=True):
                    _take(spec, made, store, outcome)
                    done += 1
                    bar.update(task, completed=done, description=_words(arms[spec.name], spec, outcome))
    except executor.lost as error:
        raise ChildProcessError(
            f"the workers were lost ({type(error).__name__}: {error}); finished runs are in {store.folder}, "
            "the same command goes on from there"
        ) from error
    return outcome


def _words(arm: str, spec: RunSpec, outcome: SweepOutcome) -> str:
    """The run that was done last: its arm, how it ended, its loss in nats; and all failures so far."""
    made = outcome.made.get(spec.name)
    if spec.name in outcome.failed:
        end = "failed"
    elif made is None:
        end = "was made by another process"
    else:
        end = made.status + ("" if made.loss is None else f" at loss {made.loss:.3g}")
    failures = f"; {len(outcome.failed)} failed" if outcome.failed else ""
    return f"runs, last {arm} seed {spec.seed} {end}{failures}"


def _status(store: Store, name: str) -> str:
    try:
        return str(store.provenance(name)["status"])
    except NotFinishedError:
        return "removed by another process"


def _is_kept(spec: RunSpec, store: Store, outcome: SweepOutcome) -> bool:
    # With a checkpoint: the process that made it ends just now, or was killed. `make_run` waits, and looks.
    if not store.is_finished(spec) or store.path(spec, CHECKPOINT).exists():
        return False
    try:
        problems = store.problems(spec)
        code = "" if problems else store.provenance(spec).get("code")
    except NotFinishedError:  # another process removes or repairs it just now
        return False
    if problems:
        outcome.repaired[spec.name] = problems
        return False
    outcome.kept.append(spec.name)
    if code != code_hash():
        outcome.other_code.append(spec.name)
    return True


def _results(
    to_do: Iterable[Job], executor: Executor, store: Store, device: str
) -> Iterable[tuple[Job, Any]]:
    """Each job with its future, in the order they are done."""
    waiting = iter(to_do)
    under_way: dict[Any, Job] = {}
    while True:
        free = None if executor.slots is None else executor.slots - len(under_way)
        starting = list(islice(waiting, free))
        if starting:
            with executor.batch():
                for job in starting:
                    function, what = (_make, job[0]) if len(job) == 1 else (_make_together, job)
                    future = executor.submit(function, what, store.folder.absolute(), device)
                    under_way[future] = job
        if not under_way:
            return
        for future in executor.first_done(under_way.keys()):
            yield under_way.pop(future), future


def _make(spec: RunSpec, folder: Path, device: str) -> MadeRun:
    """In a worker, which may be on another machine."""
    return make_run(spec, Store(folder), device=device)


def _make_together(specs: Job, folder: Path, device: str) -> list[MadeRun | FailedRun]:
    """In a worker likewise."""
    return make_runs_together(specs, Store(folder), device=device)


def _of_job(job: Job, future: Any, executor: Executor) -> list[MadeRun | FailedRun]:
    """What became of each run of a job; an error of the job itself is one of every run."""
    try:
        made: MadeRun | list[MadeRun | FailedRun] = future.result()
    except executor.lost:
        raise
    except Exception as error:  # noqa: BLE001 - a run may raise anything, and stops no other
        words = (
            "its process died: it was killed, or the memory did not suffice"
            if isinstance(error, BrokenExecutor)
            else f"{type(error).__name__}: {error}"
        )
        number = error.errno if isinstance(error, OSError) else None
        trace = "".join(traceback.format_exception(error))
        return [FailedRun(spec.name, words, trace, number) for spec in job]
    return made if isinstance(made, list) else [made]


def _take(spec: RunSpec, made: MadeRun | FailedRun, store: Store, outcome: SweepOutcome) -> None:
    if isinstance(made, FailedRun):
        if made.number in DISK_IS_FULL:
            raise OSError(
                made.number,
                f"the store {store.folder} cannot be written ({made.error}); finished runs stay, the same "
                "command goes on from there",
            )
        outcome.failed[spec.name] = made.error
        _record(store, spec, made.error, made.traceback)
        return
    if made.repaired:
        outcome.repaired.setdefault(spec.name, list(made.repaired))
    # Another process may have made it since we looked.
    if made.kept:
        outcome.kept.append(spec.name)
    else:
        outcome.made[spec.name] = made


def record_failure(store: Store, spec: RunSpec, error: BaseException) -> None:
    """Put into the store that a run raised an error, which one, and where.

    Args:
        store: of the run.
        spec: of the run.
        error: that it raised.
    """
    _record(store, spec, f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def _record(store: Store, spec: RunSpec, error: str, trace: str) -> None:
    time = datetime.now(UTC).isoformat(timespec="seconds")
    store.record_failure(spec, {"error": error, "traceback": trace, "time": time})
