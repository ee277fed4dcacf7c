"""The measured lines of every arm, for the page: mean over seeds and the range of the seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.runs.store import Store
from simulations.runs.store_inventory import vanished_runs
from simulations.runtime.netcdf import dataset_from_bytes

__all__ = ["MeasuredLine", "measured_lines", "read_lines"]

Floats = NDArray[np.float64]

_PATHS = ("linear", "homogeneous", "weights", "bias", "no_last_bias")


@dataclass(frozen=True, eq=False)
class MeasuredLine:
    """Loss (nats) and error (m,) at the alphas (m,) of one path of one run."""

    arm: str
    path: str
    alpha: Floats
    loss: Floats
    error: Floats


def read_lines(store: Path, runs: Iterable[Mapping[str, Any]]) -> list[MeasuredLine]:
    """Every path of every run of a report that reached its target and is in the store.

    Of a run's files only the curves are read, and of these what a page shows: far faster than the whole run.

    Args:
        store: folder of runs; need not exist.
        runs: `runs` of report.json: mappings with `run` (its name in the store), `arm` and `status`.

    Raises:
        DamagedRunError: a file in the store is not what was written.

    Warns:
        UserWarning: runs vanished while they were read, which another process makes again.
    """
    files, lines = Store(store), list[MeasuredLine]()
    with vanished_runs(files) as vanished:
        for run in runs:
            name = str(run.get("run", ""))
            # The report's words lead to no other folder than one of the store.
            if not _is_a_name(name) or run.get("status") != "reached" or not files.is_finished(name):
                continue
            with vanished.skipped(name):
                lines += _lines_of(files, name, str(run.get("arm", "")))
    return lines


def _is_a_name(name: str) -> bool:
    return bool(name) and name not in (".", "..") and "/" not in name and name.isprintable()


def _lines_of(files: Store, name: str, arm: str) -> list[MeasuredLine]:
    lines = []
    for path, content in files.curves(name, _PATHS).items():
        curve = dataset_from_bytes(content)
        numbers = (curve[key].to_numpy().astype(np.float64) for key in ("alpha", "loss", "error"))
        lines.append(MeasuredLine(arm, path, *numbers))
    return lines


def measured_lines(lines: Iterable[MeasuredLine]) -> list[dict[str, Any]]:
    """One entry an arm and path: `arm`, `path`, `seeds`, `alpha`, and for loss and error mean, low and high.

    In the order of the lines; those on different alphas are not averaged. Numbers have six significant
    digits, more than any screen shows.
    """
    groups: dict[tuple[str, str, bytes], list[MeasuredLine]] = {}
    for line in lines:
        groups.setdefault((line.arm, line.path, line.alpha.tobytes()), []).append(line)
    entries = []
    for (arm, path, _), members in groups.items():
        entry: dict[str, Any] = {"arm": arm, "path": path, "seeds": len(members)}
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
