"""Reading a store of runs: whole runs only, each file compared with its digest. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import xarray as xr

from simulations.runs.provenance_file import read_provenance, store_format
from simulations.runs.run_dataset import LINES, merged_run
from simulations.runs.verified_files import (
    DamagedRunError,
    file_of_run,
    read_netcdf,
    read_verified,
)
from simulations.runtime.names_in_words import first_of
from simulations.specs.run_spec import RunSpec

if TYPE_CHECKING:
    import torch

__all__ = ["FAILURE", "PROVENANCE", "SPEC", "NotFinishedError", "StoreReader"]

Value = TypeVar("Value")

PROVENANCE = "provenance.json"
FAILURE = "error.json"
SPEC = "spec.toml"


class NotFinishedError(KeyError):
    """A run that is not in the store, or not finished: perhaps removed by another process just now."""

    def __str__(self) -> str:
        return str(self.args[0])


class StoreReader:
    """What `simulations.runs.store.Store` reads; another process may make and remove runs meanwhile."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    def format(self) -> int:
        """Of the store: 1, or 2 where every provenance.json has its own digest.

        Raises:
            StoreFormatError: a later one than is known here.
            DamagedRunError: the file that says so is damaged.
        """
        return store_format(self.folder)

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
            NotFinishedError: the run is not finished.
            DamagedRunError: its provenance.json is not what was written.
        """
        return self._recorded(run, self._provenance_bytes(run))

    def _provenance_bytes(self, run: RunSpec | str) -> bytes:
        path = self.path(run, PROVENANCE)
        try:
            return file_of_run(path.parent, PROVENANCE).read_bytes()
        except FileNotFoundError:
            raise NotFinishedError(
                f"run {path.parent.name} is not in {self.folder}, or not finished"
            ) from None

    def _recorded(self, run: RunSpec | str, content: bytes) -> dict[str, Any]:
        return read_provenance(self.path(run, PROVENANCE), content, self.format())

    def digests(self, run: RunSpec | str) -> dict[str, str]:
        """The digest of every file of a finished run but provenance.json, by its path in the run's folder."""
        return dict(self.provenance(run)["digests"])

    def problems(self, run: RunSpec | str) -> list[str]:
        """What is wrong with a finished run, empty if nothing: every file is read.

        Raises:
            NotFinishedError: the run is not finished.
        """
        while True:
            try:
                before = self._provenance_bytes(run)
            except DamagedRunError as error:
                return [str(error)]
            found = self._problems(run, before)
            # Removed, or made again, while it was read: that is no damage.
            if not found or self._provenance_bytes(run) == before:
                return found

    def _problems(self, run: RunSpec | str, provenance: bytes) -> list[str]:
        found = []
        try:
            recorded = self._recorded(run, provenance)
        except DamagedRunError as error:
            return [str(error)]
        for file, expected in recorded["digests"].items():
            try:
                read_verified(file_of_run(self.path(run), file), expected)
            except (DamagedRunError, OSError) as error:
                found.append(str(error))
        name = run.name if isinstance(run, RunSpec) else run
        if not found:
            try:
                spec = self.spec(run)
                if spec.name != name:
                    found.append(f"{self.path(run, SPEC)} is the spec of another run")
                else:
                    found += self._not_recorded(spec, recorded)
                    found += [] if found else self._other_history(run, recorded)
            except (ValueError, OSError) as error:
                found.append(str(error))
        return found

    def _other_history(self, run: RunSpec | str, recorded: Mapping[str, Any]) -> list[str]:
        """What format 1 has twice, in provenance.json without a digest and in history.nc with one."""
        if recorded.get("format", 1) > 1:
            return []
        history = read_netcdf(self.path(run, "history.nc"), recorded["digests"]["history.nc"])
        return _disagreements(self.path(run, PROVENANCE), recorded, history)

    def _not_recorded(self, spec: RunSpec, recorded: Mapping[str, Any]) -> list[str]:
        """Files that the run must have and its provenance.json knows nothing of."""
        files = [SPEC, "start.safetensors", "end.safetensors", "history.nc", "curves/endpoints.nc"]
        if recorded["status"] == "reached":
            files += [f"curves/{path}.nc" for path in spec.paths]
            files += [LINES] if spec.lines else []
        return [
            f"{self.path(spec, file)} is not recorded in {PROVENANCE}"
            for file in files
            if file not in recorded["digests"]
        ]

    def spec(self, run: str | RunSpec) -> RunSpec:
        """The spec of a run that is here.

        Raises:
            FileNotFoundError: it is not.
            DamagedRunError: its spec.toml is damaged.
        """
        try:
            return RunSpec.from_toml(file_of_run(self.path(run), SPEC))
        except FileNotFoundError:
            raise
        except ValueError as error:
            raise DamagedRunError(f"{self.path(run, SPEC)} is damaged: {error}") from error

    def load(self, run: RunSpec | str) -> xr.Dataset:
        """The merged run: what `simulations.runs.run_dataset` says, from files whose digests agree.

        Raises:
            NotFinishedError: the run is not finished.
            DamagedRunError: a file is missing or not what was written.
        """
        return self._while_there(run, lambda recorded: self._load(run, recorded))

    def _while_there(self, run: RunSpec | str, read: Callable[[dict[str, Any]], Value]) -> Value:
        """What is read of a finished run; read again where another process made it again meanwhile."""
        while True:
            before = self._provenance_bytes(run)
            try:
                return read(self._recorded(run, before))
            except DamagedRunError:
                if self._provenance_bytes(run) == before:
                    raise

    def _load(self, run: RunSpec | str, recorded: Mapping[str, Any]) -> xr.Dataset:
        digests = recorded["digests"]
        if SPEC not in digests:
            raise DamagedRunError(f"{self.path(run, SPEC)} is not recorded in {PROVENANCE}")
        spec = RunSpec.from_toml(self._verified(run, SPEC, digests).decode("utf-8"))
        if spec.name != self.path(run).name:
            raise DamagedRunError(f"{self.path(run, SPEC)} is the spec of another run")
        if missing := self._not_recorded(spec, recorded):
            raise DamagedRunError(first_of(missing, between="; ", longest=None))
        files = {
            file: read_netcdf(file_of_run(self.path(run), file), digests[file])
            for file in digests
            if file.endswith(".nc")
        }
        if other := _disagreements(self.path(run, PROVENANCE), recorded, files["history.nc"]):
            raise DamagedRunError(first_of(other, between="; ", longest=None))
        return merged_run(spec, files, recorded)

    def curves(self, run: RunSpec | str, paths: Iterable[str]) -> dict[str, bytes]:
        """The NetCDF files of those paths that a finished run was walked on, which their digests agree with.

        Raises:
            NotFinishedError: the run is not finished.
            DamagedRunError: a file is missing or not what was written.
        """

        def read(recorded: dict[str, Any]) -> dict[str, bytes]:
            files = {path: f"curves/{path}.nc" for path in paths}
            digests = recorded["digests"]
            return {path: self._verified(run, f, digests) for path, f in files.items() if f in digests}

        return self._while_there(run, read)

    def _verified(self, run: RunSpec | str, file: str, digests: Mapping[str, str]) -> bytes:
        if file not in digests:
            raise DamagedRunError(f"{self.path(run, file)} is not recorded in {PROVENANCE}")
        return read_verified(file_of_run(self.path(run), file), digests[file])

    def state(self, run: RunSpec | str, which: str) -> dict[str, torch.Tensor]:
        """A state dict, from a file whose digest agrees.

        Args:
            run: that is finished.
            which: "start" or "end" of the line, or "epoch-T" of one that keeps its state after epoch T.

        Raises:
            NotFinishedError: the run is not finished.
            DamagedRunError: the file is missing, not recorded, or not what was written.
        """
        from safetensors.torch import load

        def read(recorded: dict[str, Any]) -> dict[str, torch.Tensor]:
            return load(self._verified(run, f"{which}.safetensors", recorded["digests"]))

        return self._while_there(run, read)

    def failure(self, run: RunSpec | str) -> dict[str, Any] | None:
        """How the last attempt at a run ended (`error`, `traceback`, `time`, ...), None if in no error."""
        try:
            path = file_of_run(self.path(run), FAILURE)
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, RecursionError, OSError) as error:
            # It ended in an error all the same.
            return {"error": f"{self.path(run, FAILURE)} is damaged: {error}", "traceback": ""}


def _disagreements(path: Path, recorded: Mapping[str, Any], history: xr.Dataset) -> list[str]:
    """What provenance.json and history.nc both tell, and not alike."""
    told = {key: (recorded.get(key), history.attrs.get(key)) for key in ("status", "data_hash")}
    return [
        f"{path} says {key} {str(here)[:40]!r}, and history.nc {str(there)[:40]!r}"
        for key, (here, there) in told.items()
        if here != there
    ]
