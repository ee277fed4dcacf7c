"""The measured lines of every arm, for the page: mean over seeds and the range of the seeds."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simulations.run_files import read_verified
from simulations.run_store import Store
from simulations.sweeps import EXPERIMENTS, read_sweep

__all__ = ["Line", "measured_lines", "read_lines", "read_store_lines"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """Loss (nats) and error (m,) at the alphas (m,) of one path of one run."""

    arm: str
    path: str
    alpha: Floats
    loss: Floats
    error: Floats


def read_lines(folder: Path) -> list[Line]:
    """Every path of every run in `folder/curves` that reached its target, in the order of the files.

    A run's file is NetCDF, hence HDF5; of it only what a page shows is read, twenty times faster than all.

    Raises:
        OSError: a file that is damaged or no run's; the message names it.
    """
    lines = []
    for file in sorted((folder / "curves").glob("[!.]*.nc")):
        try:
            with h5py.File(file) as run:
                if _text(run.attrs["status"]) == "reached":
                    arm, paths = _text(run.attrs["arm"]), [_text(path) for path in run["path"][:]]
                    lines += [_line(run, arm, path, i) for i, path in enumerate(paths)]
        except (OSError, KeyError, UnicodeDecodeError) as error:
            raise OSError(f"{file} is no run ({error}): remove it and run `mli validate` again") from error
    return lines


def read_store_lines(folder: Path, form: str = "quick") -> list[Line]:
    """Every path of every run of an experiment that is in the store and reached its target.

    Arms have the labels of `simulations.sweeps.experiment_runs`. No folder: no lines.

    Raises:
        ValueError: an unknown form; a file that is not what was written (`DamagedRunError`).
    """
    if not folder.is_dir():
        return []
    store, lines = Store(folder), []
    for name in EXPERIMENTS:
        prefix = "" if name == "star" else f"{name}/"
        try:
            sweep = read_sweep(name, form)
        except FileNotFoundError:  # no experiment of this form
            continue
        for planned in sweep.runs:
            spec = planned.spec
            if not store.is_finished(spec) or store.provenance(spec)["status"] != "reached":
                continue
            digests = store.digests(spec)
            for path in spec.paths:
                file = f"curves/{path}.nc"
                content = read_verified(store.path(spec, file), digests[file])
                with h5py.File(io.BytesIO(content)) as curves:
                    lines.append(_line(curves, prefix + planned.label, path))
    return lines


def _line(file: h5py.File, arm: str, path: str, index: int | None = None) -> Line:
    """The line in a file of one path, or at an index of a file of several."""
    alpha, loss, error = (np.asarray(file[name], np.float64) for name in ("alpha", "loss", "error"))
    return Line(arm, path, alpha, *((loss, error) if index is None else (loss[index], error[index])))


def measured_lines(lines: Iterable[Line], arms: Iterable[str] = ()) -> list[dict[str, Any]]:
    """One entry an arm and path: `arm`, `path`, `seeds`, `alpha`, and for loss and error mean, low and high.

    The entries are in the order of `arms`, those of no such arm last; lines on different alphas are not
    averaged. Numbers have six significant digits, more than any screen shows.
    """
    groups: dict[tuple[str, str, bytes], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.arm, line.path, line.alpha.tobytes()), []).append(line)
    place = {arm: i for i, arm in reversed(list(enumerate(arms)))}
    entries = []
    for key in sorted(groups, key=lambda key: place.get(key[0], len(place))):
        members = groups[key]
        entry: dict[str, Any] = {"arm": key[0], "path": key[1], "seeds": len(members)}
        entry["alpha"] = _short(members[0].alpha)
        for quantity in ("loss", "error"):
            curves = np.array([getattr(member, quantity) for member in members])
            entry[quantity] = {
                "mean": _short(curves.mean(axis=0)),
                "low": _short(curves.min(axis=0)),
                "high": _short(curves.max(axis=0)),
            }
        entries.append(entry)
    return entries


def _short(values: Floats) -> list[float | None]:
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
