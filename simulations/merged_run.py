"""A run's files as one Dataset: what claims and figures read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from simulations.run_spec import RunSpec

__all__ = ["merged_run"]

ALONG_PATHS = ("loss", "error", "class_share")
OF_THE_LINEAR_PATH = ("bias_exit", "correct_from")
ENDPOINTS = "curves/endpoints.nc"


def merged_run(spec: RunSpec, files: Mapping[str, xr.Dataset], recorded: Mapping[str, Any]) -> xr.Dataset:
    """One Dataset of float64 (int64 where counted), k classes, n training samples.

    - `loss(path, alpha)` in nats, `error(path, alpha)`, `class_share(path, alpha, predicted_class)`, and
      `test_loss(path, alpha)`, `test_error(path, alpha)` where there is a test split. All nan where the run
      did not reach its target: no claim can use them by mistake.
    - `history_loss(epoch)`, `history_error(epoch)`, `class_accuracy(epoch, class_index)`,
      `history_steps(epoch)`, epoch 0 the start; `start_loss`, `start_error`, `end_loss`, `end_error`,
      `epochs`, `steps`: its first and last entries.
    - all of `simulations.run_measures.measure_endpoints`: `signal`, `bias`, `labels`, the laws. Variables of
      the laws are absent where they are not defined.
    - `bias_exit(sample)`, `correct_from(sample)` on the linear path, where they are defined.

    With an imposed bias gap `start_loss` is of training's start, which has that bias; the line's own start,
    without it, is `loss` at alpha = 0.

    Attributes: every field of the spec (`RunSpec.attributes`), `run` (its name), `status` (see
    `simulations.training.TrainingResult`), `n_samples`, `data_hash`, `threads`, `torch_version`, `device`,
    `code` and `commit` of what made it, `skipped` (JSON: what is absent, and why).

    Args:
        spec: of the run.
        files: its NetCDF files by their paths in its folder.
        recorded: its provenance.
    """
    history, endpoints = files["history.nc"], files[ENDPOINTS]
    merged = endpoints.drop_attrs().merge(_history(history))
    n_classes = endpoints.sizes["class_index"]
    curves = [
        files.get(f"curves/{path}.nc") or _no_curve(spec, n_classes, tested=spec.test_limit is not None)
        for path in spec.paths
    ]
    paths = xr.DataArray(list(spec.paths), dims="path", name="path")
    names = [name for name in (*ALONG_PATHS, "test_loss", "test_error") if name in curves[0]]
    merged = merged.merge(xr.concat([c[names] for c in curves], dim=paths, combine_attrs="drop"))
    linear = files.get("curves/linear.nc", xr.Dataset())
    merged = merged.merge(linear[[name for name in OF_THE_LINEAR_PATH if name in linear]].drop_attrs())
    skipped = {
        key.removeprefix("skipped_"): reason
        for attributes in (endpoints.attrs, linear.attrs)
        for key, reason in attributes.items()
        if key.startswith("skipped_")
    }
    merged.attrs = spec.attributes() | {
        "run": spec.name,
        "status": recorded["status"],
        "n_samples": endpoints.sizes["sample"],
        "data_hash": history.attrs["data_hash"],
        "threads": recorded["threads"],
        "torch_version": recorded["versions"]["torch"],
        "device": recorded["device"],
        "code": recorded["code"],
        "commit": recorded["commit"],
        "skipped": json.dumps(skipped),
    }
    return merged


def _history(history: xr.Dataset) -> xr.Dataset:
    found = history.drop_attrs()[["loss", "error", "class_accuracy", "steps"]].rename(
        {"loss": "history_loss", "error": "history_error", "steps": "history_steps"}
    )
    return found.assign(
        start_loss=float(history["loss"][0]),
        start_error=float(history["error"][0]),
        end_loss=float(history["loss"][-1]),
        end_error=float(history["error"][-1]),
        epochs=int(history["epoch"][-1]),
        steps=int(history["steps"][-1]),
    )


def _no_curve(spec: RunSpec, n_classes: int, *, tested: bool) -> xr.Dataset:
    missing = np.full(spec.alphas, np.nan)
    along = ("loss", "error", "test_loss", "test_error") if tested else ("loss", "error")
    return xr.Dataset(
        dict.fromkeys(along, ("alpha", missing))
        | {"class_share": (("alpha", "predicted_class"), np.full((spec.alphas, n_classes), np.nan))},
        coords={"alpha": np.linspace(0.0, 1.0, spec.alphas), "predicted_class": np.arange(n_classes)},
    )
