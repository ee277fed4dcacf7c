"""A run's files as one Dataset: what claims and figures read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from simulations.specs.run_spec import RunSpec

__all__ = ["merged_run"]

ALONG_PATHS = ("loss", "error", "class_share")
OF_THE_LINEAR_PATH = ("bias_exit", "correct_from")
ENDPOINTS = "curves/endpoints.nc"
LINES = "curves/lines.nc"


def merged_run(spec: RunSpec, files: Mapping[str, xr.Dataset], recorded: Mapping[str, Any]) -> xr.Dataset:
    """One Dataset of float64 (int64 where counted), k classes, n training samples.

    - `loss(path, alpha)` in nats, `error(path, alpha)`, `class_share(path, alpha, predicted_class)`, and
      `test_loss(path, alpha)`, `test_error(path, alpha)` where there is a test split. All nan where the run
      did not reach its target: no claim can use them by mistake.
    - `history_loss(epoch)`, `history_error(epoch)`, `class_accuracy(epoch, class_index)`,
      `history_steps(epoch)`, epoch 0 the start; `start_loss`, `start_error`, `end_loss`, `end_error`,
      `epochs`, `steps`: its first and last entries.
    - all of `simulations.runs.endpoint_measures.measure_endpoints`: `signal`, `bias`, `labels`, the laws.
      Variables of the laws are absent where they are not defined.
    - `bias_exit(sample)`, `correct_from(sample)` on the linear path, where they are defined.
    - `line_loss(line, alpha)`, `line_error(line, alpha)` where the spec has `lines` and the target was
      reached: see `simulations.runs.further_lines`; nan for a line that is not there.

    A run that tells no classes of samples apart has no `class_share`, `signal`, `bias` or `labels`; `error`
    is nan where its objective has none.

    With an imposed bias gap `start_loss` is of training's start, which has that bias; the line's own start,
    without it, is `loss` at alpha = 0.

    Attributes: every field of the spec (`RunSpec.attributes`), `run` (its name), `status` (see
    `simulations.training.TrainingResult`), `n_samples`, `data_hash`, `threads`, `torch_version`,
    `device`, `trained_together` (members of its ensemble; 1: alone), `code` and `commit` of what made it,
    `skipped` (JSON: what is absent, and why).

    Args:
        spec: of the run.
        files: its NetCDF files by their paths in its folder.
        recorded: its provenance.
    """
    history, endpoints = files["history.nc"], files[ENDPOINTS]
    n_classes = endpoints.sizes.get("class_index", 0)
    curves = [
        files.get(f"curves/{path}.nc") or _no_curve(spec, n_classes, tested=spec.test_limit is not None)
        for path in spec.paths
    ]
    linear = files.get("curves/linear.nc", xr.Dataset())
    merged = _joined(
        [
            endpoints,
            _history(history),
            _stacked(curves, spec.paths),
            linear[[*_of(linear, OF_THE_LINEAR_PATH)]],
            _lines(files.get(LINES)),
        ]
    )
    skipped = {
        key.removeprefix("skipped_"): reason
        for attributes in (endpoints.attrs, linear.attrs)
        for key, reason in attributes.items()
        if key.startswith("skipped_")
    }
    merged.attrs = spec.attributes() | {
        "run": spec.name,
        "status": recorded["status"],
        "n_samples": endpoints.sizes.get("sample", endpoints.attrs.get("n_samples", 0)),
        "data_hash": history.attrs["data_hash"],
        "threads": recorded["threads"],
        "torch_version": recorded["versions"]["torch"],
        "device": recorded["device"],
        "trained_together": recorded.get("trained_together", 1),
        "code": recorded["code"],
        "commit": recorded["commit"],
        "skipped": json.dumps(skipped),
    }
    return merged


def _joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """All variables of the parts without their attributes, in one Dataset made at once.

    As `xarray.merge` of parts that agree where they share a variable, at a small part of its cost: it would
    align all variables again for every part.

    Raises:
        ValueError: parts that do not agree.
    """
    variables: dict[Any, xr.Variable] = {}
    for part in parts:
        for name, variable in part.variables.items():
            known = variables.setdefault(name, xr.Variable(variable.dims, variable.values))
            if not known.equals(variable):  # type: ignore[no-untyped-call]
                raise ValueError(f"two files of one run do not agree on {name!r}")
    coordinates = {name for part in parts for name in part.coords}
    return xr.Dataset(
        {name: variable for name, variable in variables.items() if name not in coordinates},
        {name: variable for name, variable in variables.items() if name in coordinates},
    )


def _stacked(curves: Sequence[xr.Dataset], paths: Sequence[str]) -> xr.Dataset:
    """The curves of all paths, `path` their first dimension."""
    names = _of(curves[0], (*ALONG_PATHS, "test_loss", "test_error"))
    chosen = curves[0][names]  # with the coordinates of these alone
    first = chosen.variables
    return xr.Dataset(
        {
            name: (("path", *first[name].dims), np.stack([curve.variables[name].values for curve in curves]))
            for name in names
        },
        {"path": list(paths)} | {name: first[name] for name in chosen.coords},
    )


def _lines(lines: xr.Dataset | None) -> xr.Dataset:
    if lines is None:
        return xr.Dataset()
    return lines.rename({"loss": "line_loss", "error": "line_error"})


def _of(dataset: xr.Dataset, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in dataset]


def _history(history: xr.Dataset) -> xr.Dataset:
    variables = history.variables
    loss, error, steps = (variables[name] for name in ("loss", "error", "steps"))
    return xr.Dataset(
        {
            "history_loss": loss,
            "history_error": error,
            "class_accuracy": variables["class_accuracy"],
            "history_steps": steps,
            "start_loss": float(loss.values[0]),
            "start_error": float(error.values[0]),
            "end_loss": float(loss.values[-1]),
            "end_error": float(error.values[-1]),
            "epochs": int(variables["epoch"].values[-1]),
            "steps": int(steps.values[-1]),
        },
        {name: variables[name] for name in history.coords},
    )


def _no_curve(spec: RunSpec, n_classes: int, *, tested: bool) -> xr.Dataset:
    missing = np.full(spec.alphas, np.nan)
    along = ("loss", "error", "test_loss", "test_error") if tested else ("loss", "error")
    found = xr.Dataset(
        dict.fromkeys(along, ("alpha", missing)), coords={"alpha": np.linspace(0.0, 1.0, spec.alphas)}
    )
    if not spec.of_classes:
        return found
    shares = np.full((spec.alphas, n_classes), np.nan)
    return found.assign(class_share=(("alpha", "predicted_class"), shares)).assign_coords(
        predicted_class=np.arange(n_classes)
    )
