"""A spec's data, network and training: the one place where its fields become arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset, load
from simulations.datasets.tokens import load_topics
from simulations.models.last_layer import find_last_layer
from simulations.networks import CONVOLUTIONAL, build_network
from simulations.specs.run_fields import PYTHON_TOPICS
from simulations.specs.run_spec import RunSpec
from simulations.training.ensemble import train_many
from simulations.training.progress_report import ProgressCallback
from simulations.training.single import TrainingResult, train

__all__ = ["run_data", "run_network", "train_run", "train_runs"]


def run_data(spec: RunSpec) -> tuple[ImageDataset, ImageDataset | None]:
    """The training samples, and those of the test split or None; kept for the next run in this process.

    Noise and imbalance are of the training samples alone.

    Raises:
        ValueError, OSError, ModuleNotFoundError: as `simulations.datasets.load`.
    """
    if spec.data == PYTHON_TOPICS:
        return _topics(spec.limit, str(spec.text_digest)), None
    # The seed decides nothing but the noise: without it, runs of all seeds share their data.
    seed = spec.seed if spec.label_noise else 0
    split = "all" if spec.data == "digits" else "train"
    data = _load(spec.data, split, spec.limit, spec.label_noise, spec.imbalance, seed)
    test = None if spec.test_limit is None else _load(spec.data, "test", spec.test_limit, 0.0, 1.0, 0)
    return data if spec.classes is None else _of_classes(data, spec.classes), test


def _of_classes(data: ImageDataset, classes: int) -> ImageDataset:
    """The samples of the first classes; the others stay as classes without samples."""
    if classes > data.n_classes:
        raise ValueError(f"classes must be at most the data's {data.n_classes}, got {classes}")
    chosen = data.labels < classes
    return ImageDataset(data.inputs[chosen], data.labels[chosen], data.n_classes)


@lru_cache(maxsize=4)
def _topics(limit: int | None, digest: str) -> ImageDataset:
    return load_topics(limit, digest)


@lru_cache(maxsize=4)
def _load(
    data: str, split: str, limit: int | None, label_noise: float, imbalance: float, seed: int
) -> ImageDataset:
    return load(data, split, limit, label_noise=label_noise, imbalance=imbalance, seed=seed)


def run_network(spec: RunSpec, data: ImageDataset) -> nn.Module:
    """The network before training; with an imposed gap its last bias is that, and frozen."""
    network = build_network(
        spec.network,
        input_shape=tuple(data.inputs.shape[1:]),
        n_classes=data.n_classes,
        depth=spec.depth,
        width=spec.width,
        bottleneck=spec.bottleneck,
        width_multiplier=spec.width_multiplier,
        batch_norm=spec.batch_norm,
        bias=spec.bias,
        init_scheme=spec.init_scheme,
        init_scale=spec.init_scale,
        seed=spec.seed,
    )
    if spec.network in CONVOLUTIONAL:
        # A quarter faster on the CPU. (torch's stubs lack this form of the call.)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if spec.imposed_bias_gap is not None:
        bias = network.get_parameter(_last_bias(network, data))
        with torch.no_grad():
            bias.zero_()
            bias[0] = spec.imposed_bias_gap
        bias.requires_grad_(False)
    return network


def train_run(
    spec: RunSpec,
    network: nn.Module,
    data: ImageDataset,
    *,
    device: str,
    checkpoint: Path,
    progress: ProgressCallback | str | None = None,
) -> TrainingResult:
    """Train it, from the checkpoint where there is one; `start` is the line's, its last bias 0 if imposed."""
    result = train(
        network,
        data,
        **asdict(spec.training()),
        seed=spec.seed,
        keep=spec.kept_epochs,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )
    return _of_the_line(spec, result, data)


def train_runs(
    specs: Sequence[RunSpec], networks: Sequence[nn.Module], data: ImageDataset, *, device: str
) -> list[TrainingResult]:
    """Train the networks of specs that `simulations.specs.ensembles` puts together, as one; else `train_run`.

    Raises:
        ValueError: what `simulations.training.train_many` refuses.
    """
    arguments = asdict(specs[0].training())
    del arguments["evaluate_every"], arguments["objective"]  # None: others are trained alone
    results = train_many(networks, data, **arguments, seeds=[spec.seed for spec in specs], device=device)
    return [_of_the_line(spec, result, data) for spec, result in zip(specs, results, strict=True)]


def _of_the_line(spec: RunSpec, result: TrainingResult, data: ImageDataset) -> TrainingResult:
    if spec.imposed_bias_gap is not None:
        name = _last_bias(result.model, data)
        result.start[name] = torch.zeros_like(result.start[name])
    return result


def _last_bias(network: nn.Module, data: ImageDataset) -> str:
    name = find_last_layer(network, data.inputs[:1]).bias_name
    assert name is not None, "a spec with an imposed gap has a last bias"
    return name
