"""The measures of the subject's literature on every run of a store: one row a run.

Of the training loss on the linear path: largest rise and bump, both convexities; of the two ends: distance
moved, raw, normalised and by layer; of the logits: Gauss length.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import xarray as xr

from simulations.models.distance_moved import distance_moved
from simulations.runs.described_runs import package_version
from simulations.runs.one_run import Store
from simulations.runs.spec_to_training import run_data, run_network
from simulations.runs.store import NotFinishedError
from simulations.runs.store_inventory import vanished_runs
from simulations.runs.verified_files import OtherDataError
from simulations.runtime.progress import progress_bar
from simulations.specs.run_spec import RunSpec
from validation.job.run_gauss_length import run_gauss_length
from validation.metrics.curve_shape import bumps, global_convexity, local_convexity, max_rise, plateau_end

__all__ = ["FILE", "MEASURES", "measure_runs", "measures_table"]

FILE = "run-measures.nc"
"""What `mli runs measures` writes beside the store."""

MEASURES = {
    "max_rise": "largest rise of the loss, its unit",
    "relative_rise": "that as a share of the fall",
    "bump_height": "largest bump of the loss, its unit",
    "bump_width": "its width in alpha",
    "plateau_end": "alpha at which a tenth of the fall is spent",
    "local_convexity": "share of second differences >= 0",
    "global_convexity": "share of points on or under the chord",
    "distance_moved": "length of end - start",
    "distance_normalised": "that over the length of the start",
    "gauss_length": "turning of the logits' path, radians",
}
"""Every measure in words."""


def measure_runs(store: Store) -> xr.Dataset:
    """All finished runs that have a linear path, in the order of their names.

    Returns:
        A variable over `run` for each of `MEASURES`; `distance_by_layer(run, layer)`, layers counted from
        1 at the input, nan beyond a run's last; `network`, `data`, `optimiser`, `learning_rate`,
        `batch_norm`, `seed`. Gauss lengths of runs whose data are not to be had here, or whose output is no
        logits of classes, are nan: the attribute `without_gauss_length` counts them. `without_line` counts
        finished runs without a line, which are left out.

    Raises:
        DamagedRunError: a file in the store is not what was written.
        ValueError: no run has a line.

    Warns:
        UserWarning: runs vanished while they were read.
    """
    rows, layers, without = [], [], 0
    names = [name for name in store.names() if store.is_finished(name)]
    with vanished_runs(store) as vanished, progress_bar() as bar:
        for name in bar.track(names, total=len(names), description="measuring runs"):
            with vanished.skipped(name):
                run = store.load(name)  # by its name: a damaged spec.toml would lead to another run
                spec = _spec(store, name)
                if run.attrs["status"] != "reached" or "linear" not in spec.paths:
                    without += 1
                    continue
                row, by_layer = _measured(store, spec, run)
                rows.append(row)
                layers.append(by_layer)
    if not rows:
        raise ValueError(f"no finished run in {store.folder} has a linear path: there is nothing to measure")
    widest = max(map(len, layers))
    padded = np.array([row + [np.nan] * (widest - len(row)) for row in layers])
    found = xr.Dataset(
        {key: ("run", np.array([row[key] for row in rows])) for key in rows[0] if key != "run"},
        coords={"run": [row["run"] for row in rows], "layer": np.arange(1, widest + 1)},
    ).assign(distance_by_layer=(("run", "layer"), padded))
    return found.assign_attrs(
        without_line=without,
        without_gauss_length=int(np.isnan(found["gauss_length"]).sum()),
        n_runs=len(rows),
        measured=datetime.now(UTC).date().isoformat(),
        package_version=package_version(),
    )


def _spec(store: Store, name: str) -> RunSpec:
    try:
        return store.spec(name)
    except FileNotFoundError as error:
        raise NotFinishedError(f"run {name} is not in {store.folder}") from error


def _measured(store: Store, spec: RunSpec, run: xr.Dataset) -> tuple[dict[str, object], list[float]]:
    alphas = run["alpha"].to_numpy()
    loss = run["loss"].to_numpy()[list(run["path"].to_numpy()).index("linear")]
    fall, rise = float(loss[0] - loss[-1]), max_rise(loss)
    largest = max(bumps(alphas, loss), key=lambda bump: bump.height, default=None)
    row: dict[str, object] = {
        "run": spec.name,
        "network": spec.network,
        "data": spec.data,
        "optimiser": spec.optimizer,
        "learning_rate": spec.learning_rate,
        "batch_norm": int(spec.batch_norm),
        "seed": spec.seed,
        "max_rise": rise,
        "relative_rise": rise / fall if fall > 0 else np.nan,
        "bump_height": 0.0 if largest is None else largest.height,
        "bump_width": 0.0 if largest is None else largest.width,
        "plateau_end": plateau_end(alphas, loss),
        "local_convexity": local_convexity(alphas, loss),
        "global_convexity": global_convexity(alphas, loss),
    }
    none = {"distance_moved": np.nan, "distance_normalised": np.nan, "gauss_length": np.nan}
    try:
        data, _ = run_data(spec)
    except (OSError, ModuleNotFoundError):  # images of elsewhere: counted in the attributes
        return row | none, []
    try:
        row["gauss_length"] = run_gauss_length(store, spec)
    except OtherDataError:
        return row | none, []
    moved = distance_moved(run_network(spec, data), store.state(spec, "start"), store.state(spec, "end"))
    lengths = {"distance_moved": moved.raw, "distance_normalised": moved.normalised}
    return row | lengths, list(moved.by_layer.values())


def measures_table(measured: xr.Dataset) -> Iterator[str]:
    """A header and a line a run, in columns.

    Args:
        measured: of `measure_runs`.
    """
    words = ("network", "data", "optimiser", "learning_rate", "seed")
    rows = [["run", *words, *MEASURES]]
    for place, run in enumerate(measured["run"].to_numpy()):
        cells = [measured[key][place].item() for key in (*words, *MEASURES)]
        rows.append([str(run), *(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
