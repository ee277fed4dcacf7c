"""What is in a store, run by run, in words; and what in it is of no use."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simulations.runs.store import NotFinishedError, Store
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.names_in_words import first_of
from simulations.runtime.provenance import code_hash
from simulations.specs.run_spec import RunSpec

__all__ = [
    "STATES",
    "StoredRun",
    "Vanished",
    "full_name",
    "garbage",
    "garbage_run",
    "stored_run",
    "stored_runs",
    "vanished_runs",
]


STATES = ("reached", "stagnated", "diverged", "failed", "unfinished", "damaged")


@dataclass(frozen=True)
class StoredRun:
    """A run that is in a store in some state.

    Attributes:
        name: of the run.
        state: "reached", "stagnated" or "diverged" if finished, else "failed" (it raised an error),
            "unfinished" (being made, or interrupted) or "damaged" (its spec or provenance cannot be read).
        spec: None where it is damaged.
        about: the error, the time it was finished, or what is damaged.
        other_code: made by other code of this package than is running.
    """

    name: str
    state: str
    spec: RunSpec | None
    about: str
    other_code: bool = False


def stored_runs(store: Store) -> list[StoredRun]:
    """Every run, sorted by name; files' contents are not looked at (`Store.problems` does).

    Warns:
        UserWarning: runs vanished meanwhile; they are left out.
    """
    found = []
    with vanished_runs(store) as vanished:
        for name in store.names():
            with vanished.skipped(name):
                found.append(stored_run(store, name))
    return found


class Vanished:
    """The names of runs that another process removed while they were read."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @contextmanager
    def skipped(self, name: str) -> Iterator[None]:
        """Leaves the block where the run of this name vanishes, and notes the name."""
        try:
            yield
        except NotFinishedError:
            self.names.append(name)


@contextmanager
def vanished_runs(store: Store) -> Iterator[Vanished]:
    """Skips runs that vanish while a store is read, which a sweep may be making again, and says so once.

    Warns:
        UserWarning: at the end, how many did.
    """
    vanished = Vanished()
    yield vanished
    if vanished.names:
        many = len(vanished.names) > 1
        warnings.warn(
            f"{len(vanished.names)} run{'s' if many else ''} vanished from {store.folder} while it was read "
            f"({first_of(vanished.names, 3)}): another process "
            f"removes or makes {'them' if many else 'it'} again; {'they are' if many else 'it is'} left out",
            UserWarning,
            stacklevel=3,
        )


def full_name(store: Store, beginning: str) -> str:
    """The one run whose name begins so.

    Raises:
        ValueError: none does, or several.
    """
    found = [name for name in store.names() if name.startswith(beginning)]
    if len(found) != 1:
        what = f"{len(found)} runs begin with" if found else f"no run of {store.folder} begins with"
        raise ValueError(f"{what} {beginning!r}")
    return found[0]


def garbage(store: Store, *, other_code: bool = False) -> list[StoredRun]:
    """Runs that a sweep would make again: failed, unfinished, or not what was written (all files are read).

    Args:
        store: of the runs.
        other_code: also those made by other code of this package.
    """
    judged = []
    with vanished_runs(store) as vanished:
        for name in store.names():
            with vanished.skipped(name):
                judged.append(garbage_run(store, name, other_code=other_code))
    return [run for run in judged if run is not None]


def garbage_run(store: Store, name: str, *, other_code: bool = False) -> StoredRun | None:
    """The run as it is now, if `garbage` counts it; None if not.

    Raises:
        NotFinishedError: it vanished meanwhile.
    """
    run = stored_run(store, name)
    if run.state in ("failed", "unfinished", "damaged") or (other_code and run.other_code):
        return run
    problems = store.problems(name)
    return StoredRun(name, "damaged", run.spec, "; ".join(problems)) if problems else None


def stored_run(store: Store, name: str) -> StoredRun:
    """The run of that name as it is now.

    Raises:
        NotFinishedError: it vanished meanwhile.
    """
    try:
        spec = store.spec(name)
    except FileNotFoundError as error:
        raise NotFinishedError(f"run {name} is not in {store.folder}") from error
    except (ValueError, OSError) as error:
        return StoredRun(name, "damaged", None, str(error))
    if store.is_finished(name):
        try:
            recorded = store.provenance(name)
        except DamagedRunError as error:
            return StoredRun(name, "damaged", spec, str(error))
        other = recorded.get("code") != code_hash()
        return StoredRun(name, str(recorded["status"]), spec, str(recorded.get("time", "")), other)
    failure = store.failure(name)
    if failure is not None:
        return StoredRun(name, "failed", spec, str(failure.get("error", "")))
    return StoredRun(name, "unfinished", spec, "")
