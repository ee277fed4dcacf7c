"""What is in a store, run by run, in words; and what in it is of no use."""

from __future__ import annotations

from dataclasses import dataclass

from simulations.runs.store import Store
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.provenance import code_hash
from simulations.specs.run_spec import RunSpec

__all__ = ["STATES", "StoredRun", "full_name", "garbage", "garbage_run", "stored_run", "stored_runs"]


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
    """Every run, sorted by name; files' contents are not looked at (`Store.problems` does)."""
    return [stored_run(store, name) for name in store.names()]


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
    judged = (garbage_run(store, name, other_code=other_code) for name in store.names())
    return [run for run in judged if run is not None]


def garbage_run(store: Store, name: str, *, other_code: bool = False) -> StoredRun | None:
    """The run as it is now, if `garbage` counts it; None if not."""
    run = stored_run(store, name)
    if run.state in ("failed", "unfinished", "damaged") or (other_code and run.other_code):
        return run
    problems = store.problems(name)
    return StoredRun(name, "damaged", run.spec, "; ".join(problems)) if problems else None


def stored_run(store: Store, name: str) -> StoredRun:
    """The run of that name as it is now."""
    try:
        spec = store.spec(name)
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
