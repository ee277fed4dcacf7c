"""What the figures take from merged runs: curves by seed, measured and predicted, and where they come from.

A merged run is an `xarray.Dataset` of `simulations.runs.one_run`; a curve is (loss, error) on the run's
alphas.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mli_theory import DomainError, predict_curves
from simulations.runs.described_runs import data_name

__all__ = [
    "Curves",
    "NothingToDrawError",
    "batch_norm",
    "degree",
    "describe",
    "endpoint_law",
    "has_published_normalisation",
    "left_out_text",
    "measured",
    "network",
    "probe_law",
    "reached",
    "theory",
]

Floats = NDArray[np.float64]
Curves = dict[int, tuple[Floats, Floats]]
"""Seed to (loss in nats, error), each (m,) on the runs' alphas."""

_NAMES = {"fcn": "FCN", "vgg16": "VGG-16", "resnet18": "ResNet-18", "vit": "ViT"}


class NothingToDrawError(ValueError):
    """The runs hold nothing of what a figure draws; the message says what is missing."""


def reached(runs: Iterable[xr.Dataset]) -> list[xr.Dataset]:
    """The runs at their target loss: the others have no line."""
    return [run for run in runs if run.attrs["status"] == "reached"]


def network(run: xr.Dataset) -> str:
    """Its kind: "fcn", "vgg16", ..."""
    return str(run.attrs.get("network", "fcn"))


def batch_norm(run: xr.Dataset) -> bool:
    """Whether its layers normalise batches."""
    return bool(run.attrs.get("batch_norm", False))


def has_published_normalisation(run: xr.Dataset) -> bool:
    """Whether a network is normalised as it usually is: ResNet-18 with, the others without batch norm."""
    return batch_norm(run) == (network(run) == "resnet18")


def describe(run: xr.Dataset) -> str:
    """The architecture and data in a panel's title."""
    kind = _NAMES.get(network(run), network(run))
    if network(run) in ("fcn", "vit"):
        kind += f", depth {run.attrs['depth']}"
    elif batch_norm(run):
        kind += ", batch norm"
    return f"{kind}, {data_name(run)}"


def degree(run: xr.Dataset) -> int | None:
    """The r for which the signal is homogeneous in the weights, None where it is for none.

    Weight layers of a plain network: normalisation and skip connections have no such r.
    """
    if network(run) == "fcn":
        return int(run.attrs["depth"])
    if network(run) == "vgg16" and not batch_norm(run):
        return 16
    return None


def measured(runs: Iterable[xr.Dataset], path: str = "linear", prefix: str = "") -> Curves:
    """Walked curves of one path; prefix "test_" for the test split. Runs without them are not in it."""
    found = {}
    for run in runs:
        paths = list(run["path"].to_numpy())
        if f"{prefix}loss" in run and path in paths:
            # Not sel: of a whole run it costs more than all else here, and there are hundreds of runs.
            loss, error = (run[f"{prefix}{q}"].to_numpy()[paths.index(path)] for q in ("loss", "error"))
            if np.isfinite(loss).all():
                found[int(run.attrs["seed"])] = (loss, error)
    return found


def theory(runs: Iterable[xr.Dataset]) -> Curves:
    """The homogeneous prediction (T1) from the end's signal and bias; nan at alpha = 0: all logits tie there.

    Runs whose signal is homogeneous of no degree are not in it.
    """
    found = {}
    for run in runs:
        r = degree(run)
        if r is None or r < 2:
            continue
        alphas = run["alpha"].to_numpy()
        signal, bias, labels = (run[name].to_numpy() for name in ("signal", "bias", "labels"))
        try:
            curves = predict_curves(signal, bias, labels, r, alphas)
        except DomainError:  # no finite signal: a run that diverged
            continue
        error = np.where(alphas > 0, curves.error, np.nan)
        found[int(run.attrs["seed"])] = (np.where(alphas > 0, curves.loss, np.nan), error)
    return found


def endpoint_law(runs: Iterable[xr.Dataset]) -> Curves:
    """The prediction from both ends alone (M2), as it was stored with the run."""
    return _stored(runs, "endpoint")


def probe_law(runs: Iterable[xr.Dataset]) -> Curves:
    """The prediction with the gain measured on probes (M1), as it was stored with the run."""
    return _stored(runs, "probe")


def _stored(runs: Iterable[xr.Dataset], law: str) -> Curves:
    return {
        int(run.attrs["seed"]): (run[f"{law}_loss"].to_numpy(), run[f"{law}_error"].to_numpy())
        for run in runs
        if f"{law}_loss" in run
    }


def left_out_text(dataset: xr.Dataset) -> str:
    """How many runs a caption's numbers leave out, and why."""
    n = int(dataset.attrs["n_left_out"])
    return f" Left out: {n} run{'' if n == 1 else 's'} that did not reach the target loss." if n else ""
