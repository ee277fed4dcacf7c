"""Finished runs in a folder, each known by its spec's name and by the digests of its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr
from filelock import FileLock, Timeout

from simulations.runs.run_dataset import merged_run
from simulations.runs.verified_files import (
    DamagedRunError,
    digest,
    read_netcdf,
    read_tensors,
    read_verified,
    write_text,
)
from simulations.runtime.atomic_files import writable_folder
from simulations.specs.run_spec import RunSpec

if TYPE_CHECKING:
    import torch

__all__ = ["CHECKPOINT", "Store"]

PROVENANCE = "provenance.json"
CHECKPOINT = "training.checkpoint"
FAILURE = "error.json"
SPEC = "spec.toml"


class Store:
    """A folder of runs.

    `<name>/` holds spec.toml, start.safetensors, end.safetensors, history.nc, curves/<path>.nc,
    curves/endpoints.nc, and, written last, provenance.json with the digests of all of them: a run without it
    is not finished. A run that ended in an error has error.json in its place. Locks are in `.locks/`.

    Two stores are the same if they hold the same runs with the same digests (`digests`).
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    def prepare(self) -> None:
        """Make the folder, and find out that it can be written.

        Raises:
            OSError: it cannot; call this before any work.
        """
        writable_folder(self.folder)
        writable_folder(self.folder / ".locks")

    def path(self, run: RunSpec | str, file: str = "") -> Path:
        """The folder of a run, or a file in it."""
        name = run.name if isinstance(run, RunSpec) else run
        return self.folder / name / file

    def names(self) -> list[str]:
        """All runs that are here in any state, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.parent.name for path in self.folder.glob(f"*/{SPEC}"))

    def is_finished(self, run: RunSpec | str) -> bool:
        """Whether its last file is there; what the files hold is not looked at (`problems` does)."""
        return self.path(run, PROVENANCE).is_file()

    def provenance(self, run: RunSpec | str) -> dict[str, Any]:
        """What `simulations.runtime.provenance` recorded, with `status`, `seconds`, `run` and `digests`.

        Raises:
            KeyError: the run is not finished.
            DamagedRunError: its provenance.json cannot be read.
        """
        path = self.path(run, PROVENANCE)
        if not path.is_file():
            raise KeyError(f"run {path.parent.name} is not in {self.folder}, or not finished")
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if not {"status", "digests"} <= set(found) or not isinstance(found["digests"], dict):
                raise ValueError("it lacks status or digests")
        except (ValueError, TypeError) as error:  # what json and a text decoder raise are ValueErrors
            raise DamagedRunError(f"{path} is damaged: {error}") from error
        return found

    def digests(self, run: RunSpec | str) -> dict[str, str]:
        """The digest of every file of a finished run but provenance.json, by its path in the run's folder."""
        return dict(self.provenance(run)["digests"])

    def problems(self, run: RunSpec | str) -> list[str]:
        """What is wrong with a finished run, empty if nothing: every file is read.

        Raises:
            KeyError: the run is not finished.
        """
        found = []
        try:
            digests = self.digests(run)
        except DamagedRunError as error:
            return [str(error)]
        for file, expected in digests.items():
            try:
                read_verified(self.path(run, file), expected)
            except (DamagedRunError, OSError) as error:
                found.append(str(error))
        name = run.name if isinstance(run, RunSpec) else run
        if not found:
            try:
                spec = self.spec(run)
                if spec.name != name:
                    found.append(f"{self.path(run, SPEC)} is the spec of another run")
                else:
                    found += self._not_recorded(spec, self.provenance(run))
            except (ValueError, OSError) as error:
                found.append(str(error))
        return found

    def _not_recorded(self, spec: RunSpec, recorded: Mapping[str, Any]) -> list[str]:
        """Files that the run must have and its provenance.json knows nothing of."""
        files = [SPEC, "start.safetensors", "end.safetensors", "history.nc", "curves/endpoints.nc"]
        if recorded["status"] == "reached":
            files += [f"curves/{path}.nc" for path in spec.paths]
        return [
            f"{self.path(spec, file)} is not recorded in {PROVENANCE}"
            for file in files
            if file not in recorded["digests"]
        ]

    def spec(self, run: str | RunSpec) -> RunSpec:
        """The spec of a run that is here.

        Raises:
            FileNotFoundError: it is not.
            ValueError: its spec.toml is damaged.
        """
        return RunSpec.from_toml(self.path(run, SPEC))

    def load(self, run: RunSpec | str) -> xr.Dataset:
        """The merged run: what `simulations.runs.run_dataset` says, from files whose digests agree.

        Raises:
            KeyError: the run is not finished.
            DamagedRunError: a file is missing or not what was written.
        """
        recorded = self.provenance(run)
        digests = recorded["digests"]
        if SPEC not in digests:
            raise DamagedRunError(f"{self.path(run, SPEC)} is not recorded in {PROVENANCE}")
        spec = RunSpec.from_toml(read_verified(self.path(run, SPEC), digests[SPEC]).decode("utf-8"))
        if missing := self._not_recorded(spec, recorded):
            raise DamagedRunError("; ".join(missing))
        files = {
            file: read_netcdf(self.path(run, file), digests[file]) for file in digests if file.endswith(".nc")
        }
        return merged_run(spec, files, recorded)

    def state(self, run: RunSpec | str, which: Literal["start", "end"]) -> dict[str, torch.Tensor]:
        """The state dict at an end of the line, from a file whose digest agrees.

        Raises:
            KeyError: the run is not finished.
            DamagedRunError: the file is missing, not recorded, or not what was written.
        """
        file = f"{which}.safetensors"
        digests = self.digests(run)
        if file not in digests:
            raise DamagedRunError(f"{self.path(run, file)} is not recorded in {PROVENANCE}")
        return read_tensors(self.path(run, file), digests[file])

    def failure(self, run: RunSpec | str) -> dict[str, Any] | None:
        """How the last attempt at a run ended (`error`, `traceback`, `time`, ...), None if in no error."""
        try:
            return dict(json.loads(self.path(run, FAILURE).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return None

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
            if path.is_file() and path.name not in (CHECKPOINT, FAILURE)
        }
        self.path(spec, FAILURE).unlink(missing_ok=True)
        write_text(
            self.path(spec, PROVENANCE),
            json.dumps(recorded | {"run": spec.name, "digests": digests}, indent=1, sort_keys=True),
        )

    def remove(self, run: RunSpec | str) -> None:
        """Remove a run in any state, its last file first: it never looks finished in between."""
        self.path(run, PROVENANCE).unlink(missing_ok=True)
        shutil.rmtree(self.path(run), ignore_errors=True)

    def clear(self, run: RunSpec | str) -> None:
        """Remove all of an unfinished run but training's checkpoint: no earlier attempt is mixed in."""
        for path in sorted(self.path(run).rglob("*"), reverse=True):
            if path.is_dir():
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
