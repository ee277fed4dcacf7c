"""The Gauss length of a run in the store, from its two checkpoints."""

from __future__ import annotations

import torch
from torch.utils.data import TensorDataset

from simulations.curves.logit_paths import logit_path
from simulations.runs.one_run import Store
from simulations.runs.spec_to_training import run_data, run_network
from simulations.runs.verified_files import OtherDataError
from simulations.specs.run_spec import RunSpec
from validation.metrics.gauss_lengths import gauss_length

__all__ = ["SAMPLES", "run_gauss_length"]

SAMPLES = 100
"""Samples whose logits are followed, spread evenly over the data: a mean over them, not over all."""


def run_gauss_length(store: Store, spec: RunSpec) -> float:
    """Mean turning of the logits on the linear path over `SAMPLES` samples, in radians.

    nan of a run that tells no classes of samples apart. Running statistics are those of the run's own lines.

    Raises:
        DamagedRunError: a checkpoint is missing or not what was written.
        OtherDataError: the data are not those that the run was trained on.
    """
    if not spec.of_classes:
        return float("nan")
    data, _ = run_data(spec)
    trained_on = store.provenance(spec)["data_hash"]
    if data.content_hash != trained_on:
        raise OtherDataError(
            f"the data {spec.data!r} are now others (content {data.content_hash}) than run {spec.name} was "
            f"trained on ({trained_on}): bring those back, or remove the run's folder {store.path(spec)}"
        )
    rows = torch.linspace(0, len(data) - 1, min(SAMPLES, len(data))).round().long()
    samples = TensorDataset(data.inputs[rows], data.labels[rows])
    found = logit_path(
        run_network(spec, data),
        store.state(spec, "start"),
        store.state(spec, "end"),
        samples,
        buffers=spec.bn_policy if spec.batch_norm else "refuse",
        calibration=data,
    )
    return gauss_length(found["alpha"].to_numpy(), found["logits"].to_numpy())
