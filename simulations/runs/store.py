"""Finished runs in a folder, each known by its spec's name and by the digests of its files."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from simulations.runs.provenance_file import (
    FORMAT_FILE,
    provenance_text,
    write_store_format,
)
from simulations.runs.store_reader import FAILURE, PROVENANCE, SPEC, NotFinishedError, StoreReader
from simulations.runs.verified_files import DamagedRunError, digest, write_text
from simulations.runtime.atomic_files import writable_folder
from simulations.specs.run_spec import RunSpec

__all__ = ["CHECKPOINT", "NotFinishedError", "Store"]

CHECKPOINT = "training.checkpoint"


class Store(StoreReader):
    """A folder of runs.

    `<name>/` holds spec.toml, start.safetensors, end.safetensors, history.nc, curves/<path>.nc,
    curves/endpoints.nc, and, written last, provenance.json with the digests of all of them: a run without it
    is not finished. A run that ended in an error has error.json in its place. Locks are in `.locks/`,
    checkpoints of training that were of no use in `.set-aside/`. The
    file store-format says of which format the store is (`simulations.runs.provenance_file`).

    Two stores are the same if they hold the same runs with the same digests (`digests`).
    """

    def prepare(self) -> None:
        """Make the folder, and find out that it can be written; a new store is of today's format.

        Raises:
            OSError: it cannot; call this before any work.
            StoreFormatError: it is of a later format than is known here.

        Warns:
            UserWarning: it is of an earlier format.
        """
        self.format()
        writable_folder(self.folder)
        writable_folder(self.folder / ".locks")
        if (self.folder / FORMAT_FILE).exists():
            return
        if self._has_runs_without_digest():
            warnings.warn(
                f"the store {self.folder} is of format 1, whose runs can be damaged in their provenance.json "
                f"without a trace: `mli runs upgrade --store {self.folder}` mends that",
                UserWarning,
                stacklevel=2,
            )
        else:
            write_store_format(self.folder)

    def _has_runs_without_digest(self) -> bool:
        """Whether a finished run is of format 1, or damaged so that nobody can tell."""
        for name in self.names():
            try:
                if self.is_finished(name) and self.provenance(name).get("format", 1) == 1:
                    return True
            except NotFinishedError:
                continue
            except DamagedRunError:
                return True
        return False

    def record_failure(self, spec: RunSpec, what: dict[str, Any]) -> None:
        """Keep how an attempt at a run ended; the next success removes it."""
        self.path(spec).mkdir(parents=True, exist_ok=True)
        write_text(self.path(spec, SPEC), spec.to_toml())
        write_text(self.path(spec, FAILURE), json.dumps(what, indent=1))

    def finish(self, spec: RunSpec, recorded: dict[str, Any]) -> None:
        """Write provenance.json over all files of the run's folder: from now on it is in the store."""
        folder = self.path(spec)
        digests = {
            path.relative_to(folder).as_posix(): digest(path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in (CHECKPOINT, FAILURE) and not path.name.startswith(".")
        }
        self.path(spec, FAILURE).unlink(missing_ok=True)
        write_text(
            self.path(spec, PROVENANCE),
            provenance_text(recorded | {"run": spec.name, "digests": digests}),
        )

    def upgrade(self) -> tuple[int, list[str]]:
        """Make a store of format 1 one of today's: each run is verified, then its provenance.json is sealed.

        Returns:
            How many provenance.json were sealed now, and what is wrong with runs that therefore stay as they
            are; while there is such a one, the store stays of format 1.
        """
        sealed, problems = 0, []
        for name in self.names():
            with self.locked(name):
                if not self.is_finished(name):
                    continue
                found = self.problems(name)
                problems += found
                if not found and (recorded := self.provenance(name)).get("format", 1) == 1:
                    write_text(self.path(name, PROVENANCE), provenance_text(recorded))
                    sealed += 1
        if not problems:
            write_store_format(self.folder)
        return sealed, problems

    def remove(self, run: RunSpec | str) -> None:
        """Remove a run in any state, its last file first: it never looks finished in between."""
        self.path(run, PROVENANCE).unlink(missing_ok=True)
        shutil.rmtree(self.path(run), ignore_errors=True)

    def set_aside(self, run: RunSpec | str) -> Path:
        """Move training's checkpoint out of the run's folder; where it is then."""
        folder = writable_folder(self.folder / ".set-aside")
        aside = folder / f"{self.path(run).name}.{CHECKPOINT}"
        self.path(run, CHECKPOINT).replace(aside)
        return aside

    def clear(self, run: RunSpec | str) -> None:
        """Remove all of an unfinished run but training's checkpoint: no earlier attempt is mixed in."""
        for path in sorted(self.path(run).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif path.name != CHECKPOINT:
                path.unlink()

    @contextmanager
    def locked(self, run: RunSpec | str, *, wait: bool = True) -> Iterator[bool]:
        """Inside, no other process that asks makes or removes this run; the system frees a killed one's lock.

        Yields whether it was got: with wait=False not, where another has it.
        """
        name = run.name if isinstance(run, RunSpec) else run
        lock = FileLock(self.folder / ".locks" / name, timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
