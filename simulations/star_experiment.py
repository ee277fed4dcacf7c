"""The star: one centre, and arms that change one thing each, trained from the same paired seeds.

(Another depth has another learning rate with it: no single rate trains depth 2 and depth 8 well.)

This file says what a run is and makes one; `simulations.star_runner` runs them all.
Centre: depth 8, a bias in the last layer only, init_scale 0.5. It was chosen in a pilot (seeds 0 to 7,
which do not count) *because* it shows a plateau.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import nn

from simulations.curves import interpolation_curves
from simulations.datasets import ImageDataset
from simulations.evaluation import evaluation_mode, logits
from simulations.networks import BIAS_MODES, fcn
from simulations.paths import PATHS
from simulations.training import TrainingResult, train

__all__ = ["ARMS", "PROTOCOL", "SEEDS", "SMOKE_PROTOCOL", "Arm", "Protocol", "run_one"]


@dataclass(frozen=True)
class Arm:
    """One kind of network of the star, and the paths its line is walked on.

    Attributes:
        name: of its files: letters, digits, dots and dashes.
        depth: weight layers, >= 1.
        bias: "all", "last" or "none".
        init_scale: > 0.
        learning_rate: > 0.
        paths: distinct names of `simulations.paths.PATHS`, at least one.
    """

    name: str
    depth: int
    bias: str
    init_scale: float
    learning_rate: float
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", self.name):
            raise ValueError(
                f"an arm's name must be letters, digits, dots and dashes (it names files), got {self.name!r}"
            )
        if self.bias not in BIAS_MODES:
            raise ValueError(
                f"arm {self.name}: bias must be one of {', '.join(BIAS_MODES)}, got {self.bias!r}"
            )
        if not self.paths or len(set(self.paths)) < len(self.paths) or not set(self.paths) <= set(PATHS):
            raise ValueError(
                f"arm {self.name}: paths must be distinct names of {', '.join(PATHS)}, got {self.paths!r}"
            )
        if self.bias == "none" and "bias" in self.paths:
            raise ValueError(f"arm {self.name}: path 'bias' moves the biases alone, but bias is 'none'")


@dataclass(frozen=True)
class Protocol:
    """What all runs of one experiment share.

    Attributes:
        data: a name or folder for `simulations.datasets.load`, balanced.
        limit: at most this many samples, or None.
        width: units in each hidden layer.
        momentum: of SGD.
        batch_size: samples in a step.
        target_loss: nats.
        max_epochs: a run that has not reached the target by then is stopped.
        alphas: points on each path, ends included.
        threads: torch's in each run; part of what a run is, since other counts give other bits.
    """

    data: str = "digits"
    limit: int | None = None
    width: int = 64
    momentum: float = 0.9
    batch_size: int = 64
    target_loss: float = 0.01
    max_epochs: int = 150
    alphas: int = 101
    threads: int = 1


ARMS = (
    Arm("centre", 8, "last", 0.5, 0.02, ("linear", "homogeneous", "weights", "bias")),
    Arm("bias-all", 8, "all", 0.5, 0.02, ("linear", "homogeneous")),
    Arm("bias-none", 8, "none", 0.5, 0.02, ("linear",)),
    Arm("scale-0.7", 8, "last", 0.7, 0.02, ("linear",)),
    Arm("scale-1.0", 8, "last", 1.0, 0.02, ("linear",)),
    Arm("depth-4", 4, "last", 0.5, 0.05, ("linear",)),
    Arm("depth-2", 2, "last", 0.5, 0.1, ("linear",)),
)
SEEDS = tuple(range(100, 112))
PROTOCOL = Protocol()
# Shows that everything runs, in seconds; its numbers decide nothing.
SMOKE_PROTOCOL = Protocol(limit=300, batch_size=32, target_loss=0.1, max_epochs=40, alphas=41)


def run_one(arm: Arm, seed: int, protocol: Protocol, data: ImageDataset) -> xr.Dataset:
    """Train one network and walk its lines, in this process and at its thread count.

    Returns a Dataset of float64 (int64 where counted), k classes, n samples:

    - `loss(path, alpha)` in nats, `error(path, alpha)`, `class_share(path, alpha, predicted_class)`: the
      curves, on the training data. All nan where the run did not reach the target: no claim can use
      them by mistake.
    - `signal(sample, class_index)`, `bias(class_index)`: the end's logits minus its last-layer bias, and
      that bias (zeros where there is none); `labels(sample)`.
    - `start_loss`, `start_error`, `end_loss`, `end_error`, `epochs`, `steps`: numbers.
    - `history_loss(epoch)`, `history_error(epoch)`, `class_accuracy(epoch, class_index)`,
      `history_steps(epoch)`: epoch 0 is the start.

    Attributes: `arm` and the arm's fields (`depth`, `bias_mode`, `init_scale`, `learning_rate`), the
    protocol's fields (`data`, `limit` (-1: none), `width`, `momentum`, ...), `seed`, `status` (see
    `TrainingResult`), `n_samples`, `data_hash`, `threads` (as found in this process), `torch_version`.
    """
    n_inputs = data.inputs[0].numel()
    network = fcn(
        arm.depth,
        protocol.width,
        n_inputs,
        data.n_classes,
        bias=arm.bias,
        init_scale=arm.init_scale,
        seed=seed,
    )
    run = train(
        network,
        data,
        learning_rate=arm.learning_rate,
        momentum=protocol.momentum,
        batch_size=protocol.batch_size,
        target_loss=protocol.target_loss,
        max_epochs=protocol.max_epochs,
        seed=seed,
    )
    signal, bias = _signal_and_bias(run.model, data)
    history = run.history
    dataset = _curves(arm, protocol, run, data).assign(
        {
            "signal": (("sample", "class_index"), signal, {"units": "logits"}),
            "bias": ("class_index", bias, {"units": "logits"}),
            "labels": ("sample", data.labels.numpy()),
            "start_loss": float(history.loss[0]),
            "start_error": float(history.error[0]),
            "end_loss": float(history.loss[-1]),
            "end_error": float(history.error[-1]),
            "epochs": int(history.epoch[-1]),
            "steps": int(history.steps[-1]),
            "history_loss": history.loss,
            "history_error": history.error,
            "class_accuracy": history.class_accuracy,
            "history_steps": history.steps,
        }
    )
    dataset.attrs = {
        "arm": arm.name,
        "depth": arm.depth,
        "bias_mode": arm.bias,
        "init_scale": arm.init_scale,
        "learning_rate": arm.learning_rate,
        "data": protocol.data,
        "limit": -1 if protocol.limit is None else protocol.limit,
        "width": protocol.width,
        "momentum": protocol.momentum,
        "batch_size": protocol.batch_size,
        "target_loss": protocol.target_loss,
        "max_epochs": protocol.max_epochs,
        "seed": seed,
        "status": run.status,
        "n_samples": len(data),
        "data_hash": data.content_hash,
        "threads": torch.get_num_threads(),
        "torch_version": str(torch.__version__),
    }
    return dataset


def _curves(arm: Arm, protocol: Protocol, run: TrainingResult, data: ImageDataset) -> xr.Dataset:
    curves = [
        # On the grid: the rules of the claims were fixed for its numbers.
        interpolation_curves(
            run.model, run.start, run.end, data, alphas=protocol.alphas, path=path, method="grid"
        )[["loss", "error", "class_share"]]
        if run.status == "reached"
        else _no_curves(protocol.alphas, data.n_classes)
        for path in arm.paths
    ]
    return xr.concat(
        curves, dim=xr.DataArray(list(arm.paths), dims="path", name="path"), combine_attrs="drop"
    )


def _no_curves(n_alphas: int, n_classes: int) -> xr.Dataset:
    return xr.Dataset(
        {
            "loss": ("alpha", np.full(n_alphas, np.nan), {"units": "nats"}),
            "error": ("alpha", np.full(n_alphas, np.nan)),
            "class_share": (("alpha", "predicted_class"), np.full((n_alphas, n_classes), np.nan)),
        },
        coords={"alpha": np.linspace(0.0, 1.0, n_alphas), "predicted_class": np.arange(n_classes)},
    )


def _signal_and_bias(model: nn.Module, data: ImageDataset) -> tuple[np.ndarray, np.ndarray]:
    """Logits without the last layer's bias (n, k), and that bias (k,), float64."""
    with evaluation_mode(model):
        outputs = logits(model, data).double().numpy()
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    bias = np.zeros(data.n_classes) if last.bias is None else last.bias.detach().double().numpy()
    return outputs - bias, bias
