"""Finished runs as small committed files: what claims read of a run, without its samples and checkpoints.

validation/recorded/<experiment>/<run>.nc is one run, a file of some 50 kB. `mli runs record` writes them from
a store, `mli validate --profile recorded` judges them anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mli_theory.domain import DomainError
from mli_theory.start_of_plateau import plateau_start
from simulations.runs.store import Store
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.netcdf import dataset_from_bytes, netcdf_bytes, write_bytes
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import PlannedRun, Sweep
from validation.claims.observations import FAILED
from validation.claims.zero_start import with_zero_start_curves
from validation.job.recorded_digests import check_all_there, keep_digest, recorded_bytes

__all__ = [
    "COMMITTED",
    "WORTH_PACKING",
    "RecordedSweep",
    "committed_runs",
    "read_recorded",
    "record_sweep",
    "recorded_run",
]

# By path: while a user's module is loaded, the package of that name may be the user's.
COMMITTED = Path(__file__).resolve().parents[1] / "recorded"
"""What the package carries."""
SAMPLE = "sample"
# Of M1 and M2 a recorded run keeps what both ends foretell of the curves, not how that was checked.
_LEFT_OUT = ("gain", "gain_predicted", "signal_cosine", "held_out_alpha")
_LEFT_OUT_BEGINNING = "probe_"
WORTH_PACKING = 1000  # numbers: a packed variable costs two kilobytes beside them
_OF_THE_MAKING = ("package", "cpu_seconds", "seconds", "device_name", "system", "time")


@dataclass(frozen=True)
class RecordedSweep:
    """What `record_sweep` did.

    Attributes:
        written: files that are new or have other bytes than before.
        statuses: of all recorded runs: how many reached their target, stagnated, diverged, failed.
    """

    written: int
    statuses: Mapping[str, int]

    @property
    def recorded(self) -> int:
        """Runs of the sweep that have a file now."""
        return sum(self.statuses.values())

    def statuses_text(self) -> str:
        """The statuses in words."""
        return ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))


def record_sweep(sweep: Sweep, store: Store, folder: Path | str) -> RecordedSweep:
    """Write every run of the sweep that is finished in the store, or ended in an error there.

    The file of a run is `<folder>/<sweep's name>/<run's name>.nc`, whole or not at all. One that is there
    with the same bytes is left as it is. Its digest is kept in the folder's digests.json.

    Raises:
        OSError: the folder cannot be written.
        DamagedRunError: a run in the store is not what was written.
    """
    folder = writable_folder(Path(folder) / sweep.name)
    written, statuses = 0, Counter[str]()
    for planned in sweep.runs:
        run = recorded_run(store, sweep.name, planned)
        if run is None:
            continue
        statuses[str(run.attrs["status"])] += 1
        path = folder / f"{planned.spec.name}.nc"
        packed = {
            name: {"zlib": True, "complevel": 9, "shuffle": True}
            for name, variable in run.variables.items()
            if variable.size >= WORTH_PACKING
        }
        content = netcdf_bytes(folder, run, packed)
        if not path.is_file() or path.read_bytes() != content:
            write_bytes(path, content)
            written += 1
        keep_digest(path, content)
    return RecordedSweep(written, statuses)


def recorded_run(store: Store, experiment: str, planned: PlannedRun) -> xr.Dataset | None:
    """The merged run (`simulations.runs.run_dataset`) without its samples; None where it is not finished.

    In place of what each sample has: `class_count(class_index)`, of the training samples;
    `start_lead_over_bias_gap`, T14's first alpha to leading order: the largest lead, over samples and
    classes, that the start's signal gives a class over that of the largest bias, over the bias gap of the
    two; `start_signal_rms`, `signal_rms`; `zero_start_loss(alpha)`, `zero_start_error(alpha)` (T1 to T3)
    where they are defined.

    Attributes: those of the merged run, `experiment`, `arm` ("<experiment>/<label>"), `spec` (TOML),
    `cpu_seconds`, `seconds`, `time` and what else `simulations.runtime.provenance` says. A run that ended in
    an error has no variables, `status` "failed" and `error`.

    Raises:
        DamagedRunError: a file in the store is not what was written.
    """
    spec = planned.spec
    labels = {
        "experiment": experiment,
        "form": "recorded",
        "arm": f"{experiment}/{planned.label}",
        "spec": spec.to_toml(),
    }
    if store.is_finished(spec):
        recorded = store.provenance(spec)
        run = _without_samples(store.load(spec))
        made = {key: recorded[key] for key in _OF_THE_MAKING if key in recorded}
        return run.assign_attrs(labels | made)
    if failure := store.failure(spec):
        words = {"run": spec.name, "status": FAILED, "error": str(failure.get("error", ""))}
        words |= {key: str(failure[key]) for key in ("code", "commit", "time") if key in failure}
        return xr.Dataset(attrs=spec.attributes() | labels | words)
    return None


def read_recorded(folder: Path | str) -> list[xr.Dataset]:
    """All recorded runs below a folder, by experiment, arm and seed.

    Raises:
        FileNotFoundError: no such folder.
        DamagedRunError: a file that is no recorded run, is missing or not what was recorded
            (`recorded_digests`), or is another run's than its name says.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} of recorded runs: `mli runs record` makes it")
    for experiment in sorted(path for path in folder.iterdir() if path.is_dir()):
        check_all_there(experiment)
    runs = [_read(path) for path in sorted(folder.glob("*/*.nc"))]
    return sorted(runs, key=lambda run: (run.attrs["experiment"], run.attrs["arm"], int(run.attrs["seed"])))


def committed_runs(experiments: Iterable[str] = ()) -> list[xr.Dataset]:
    """The recorded runs that the package carries; of these experiments alone, where some are named.

    Raises:
        FileNotFoundError: it carries none.
        DamagedRunError: as `read_recorded`.
    """
    wanted = set(experiments)
    return [run for run in read_recorded(COMMITTED) if not wanted or run.attrs["experiment"] in wanted]


def _read(path: Path) -> xr.Dataset:
    content = recorded_bytes(path)
    try:
        run = dataset_from_bytes(content)
        name = RunSpec.from_toml(run.attrs["spec"]).name
    except (OSError, KeyError, ValueError) as error:
        raise DamagedRunError(f"{path} is no recorded run ({error}): record it again") from error
    if name != path.stem or run.attrs.get("run") != name or run.attrs.get("experiment") != path.parent.name:
        raise DamagedRunError(
            f"{path} holds the run {name} of {run.attrs.get('experiment')}: record it again"
        )
    return run


def _without_samples(run: xr.Dataset) -> xr.Dataset:
    labels, n_classes = run["labels"].to_numpy(), run.sizes["class_index"]
    kept = with_zero_start_curves(run) if run.attrs["status"] == "reached" else run
    kept = kept.drop_vars(
        [
            name
            for name, variable in kept.variables.items()
            if SAMPLE in variable.dims or name in _LEFT_OUT or str(name).startswith(_LEFT_OUT_BEGINNING)
        ]
    )
    start, signal, bias = (run[name].to_numpy() for name in ("start_signal", "signal", "bias"))
    return kept.assign(
        class_count=("class_index", np.bincount(labels, minlength=n_classes)),
        start_lead_over_bias_gap=_start_lead_over_bias_gap(start, bias),
        start_signal_rms=float(np.sqrt(np.mean(start**2))),
        signal_rms=float(np.sqrt(np.mean(signal**2))),
    )


def _start_lead_over_bias_gap(start_signal: np.ndarray, bias: np.ndarray) -> float:
    """T14's first alpha; nan where no one class has the largest bias."""
    try:
        # At its own scale: T14's delta^r is in the signal already, so that its degree plays no part.
        return plateau_start(start_signal, bias, 2, 1.0)
    except DomainError:
        return float("nan")
