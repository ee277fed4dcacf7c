"""Loss and error along a path between two checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.func import functional_call

from simulations.datasets import ImageDataset
from simulations.evaluation import Scores, evaluation_mode, logits
from simulations.paths import point_on_path, tensor_exponents

__all__ = ["interpolation_curves"]


def interpolation_curves(
    model: nn.Module,
    start: Mapping[str, torch.Tensor],
    end: Mapping[str, torch.Tensor],
    data: ImageDataset,
    *,
    alphas: int | ArrayLike = 101,
    path: str = "linear",
) -> xr.Dataset:
    """Evaluate the network at every alpha of a grid on one of `simulations.paths`.

    The model gives the architecture; it is left as it was: weights, buffers, modes, gradient flags, and
    the torch, numpy and Python generators. Evaluation mode, fixed order, buffers of the end. At a
    point where c is 0 or 1 the tensors are the checkpoint's own, so the endpoints of the linear path are
    exactly the checkpoints' own evaluations.

    Args:
        model: any module that maps inputs (n, ...) to logits (n, k).
        start: its state dict at alpha = 0.
        end: its state dict at alpha = 1.
        data: the samples.
        alphas: a number >= 2 of equally spaced points from 0 to 1, or the points: ascending, in [0, 1].
        path: "linear", "homogeneous", "weights" or "bias", see `simulations.paths.tensor_exponents`.

    Returns:
        `loss(alpha)` in nats, `error(alpha)`, `class_share(alpha, predicted_class)`, float64, as
        `simulations.evaluation.Scores` defines them. Attributes: path, data_hash, n_samples, threads
        (torch's, in this process), torch_version, forward_passes (over the whole data).

    Raises:
        ValueError: a checkpoint that does not fit the model (names, types, shapes) or holds a value that is
            not finite, alphas outside [0, 1] or not ascending, an unknown path, a path the model does not
            allow, a model with batch normalisation (its statistics along the line are not defined
            here yet), logits that are not finite (the alpha is named).
    """
    grid = _grid(alphas)
    _refuse_running_statistics(model)
    _check_checkpoint("start", start, model)
    _check_checkpoint("end", end, model)
    exponents = tensor_exponents(model, path)
    scores = []
    with evaluation_mode(model):
        for alpha in grid:
            # Copies: a forward pass may write to its buffers.
            buffers = {
                name: end.get(name, own).detach().clone() for name, own in model.named_buffers()
            }  # a non-persistent buffer is in no checkpoint: the model's own
            point = point_on_path(start, end, exponents, float(alpha))
            outputs = logits(partial(_forward, model, point | buffers), data)
            if not torch.isfinite(outputs).all():
                raise ValueError(f"the logits are not finite at alpha = {alpha} on path {path!r}")
            scores.append(Scores(outputs, data.labels))
    return xr.Dataset(
        {
            "loss": ("alpha", [s.loss for s in scores], {"units": "nats"}),
            "error": ("alpha", [s.error for s in scores]),
            "class_share": (("alpha", "predicted_class"), np.array([s.class_share for s in scores])),
        },
        coords={"alpha": grid, "predicted_class": np.arange(data.n_classes)},
        attrs={
            "path": path,
            "data_hash": data.content_hash,
            "n_samples": len(data),
            "threads": torch.get_num_threads(),
            "torch_version": str(torch.__version__),
            "forward_passes": len(grid),
        },
    )


def _forward(model: nn.Module, tensors: dict[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = functional_call(model, tensors, (inputs,))
    return output


def _grid(alphas: int | ArrayLike) -> NDArray[np.float64]:
    if isinstance(alphas, (int, np.integer)) and not isinstance(alphas, bool):
        if alphas < 2:
            raise ValueError(f"alphas must be a number of points >= 2 or the points, got {alphas}")
        return np.linspace(0.0, 1.0, int(alphas))
    grid = np.array(alphas, dtype=np.float64)
    if grid.ndim != 1 or not grid.size:
        raise ValueError(
            f"alphas must be a number of points or a non-empty list of them, got shape {grid.shape}"
        )
    outside = np.flatnonzero(~((grid >= 0) & (grid <= 1)))
    if outside.size:
        raise ValueError(f"alphas must lie in [0, 1], but alphas[{outside[0]}] = {grid[outside[0]]}")
    unsorted = np.flatnonzero(np.diff(grid) <= 0)
    if unsorted.size:
        i = int(unsorted[0])
        raise ValueError(
            f"alphas must ascend, but alphas[{i}] = {grid[i]} is followed by alphas[{i + 1}] = {grid[i + 1]}"
        )
    return grid


def _refuse_running_statistics(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) or (
            getattr(module, "running_mean", None) is not None
        ):
            raise ValueError(
                f"module {name!r} is a {type(module).__name__}: two checkpoints do not define the "
                "statistics of batch normalisation between them, and no policy for these is supported yet"
            )


def _check_checkpoint(which: str, state: Mapping[str, torch.Tensor], model: nn.Module) -> None:
    if not isinstance(state, Mapping):
        raise ValueError(f"{which} must be a state dict, got {type(state).__name__}")
    wanted = model.state_dict()
    missing, unknown = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    if missing or unknown:
        raise ValueError(f"{which} does not fit the model: missing {missing}, unknown {unknown}")
    for name, own in wanted.items():
        if not isinstance(state[name], torch.Tensor) or state[name].dtype != own.dtype:
            found = getattr(state[name], "dtype", type(state[name]).__name__)
            raise ValueError(f"{which}[{name!r}] must be a tensor of {own.dtype} as the model's, got {found}")
        if state[name].shape != own.shape:
            raise ValueError(
                f"{which}[{name!r}] has shape {tuple(state[name].shape)}, the model's has {tuple(own.shape)}"
            )
        if not torch.isfinite(state[name]).all():
            raise ValueError(f"{which}[{name!r}] holds values that are not finite")
