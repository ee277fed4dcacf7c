"""Loss and error along a path between two checkpoints."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn

from simulations.adaptive_line import Drift, follow_batch
from simulations.batch_norm import uses_batch_statistics
from simulations.batches import Batches, BatchHook
from simulations.checkpoints import Checkpoint, checkpoint_hash, load_checkpoint
from simulations.class_changes import class_states
from simulations.curve_cache import cached_curve, curve_key, keep_curve
from simulations.curve_sums import CurveSums
from simulations.evaluation import BATCH, evaluation_mode
from simulations.line import Line
from simulations.line_batches import LineBatch, grouped
from simulations.paths import PathFunction, path_coefficients

__all__ = ["METHODS", "interpolation_curves"]

METHODS = ("adaptive", "grid")
MOST_NODES = 513
FEW_ALPHAS = 13  # what the first two levels cost: fewer alphas are evaluated as they are


def interpolation_curves(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    alphas: int | ArrayLike = 101,
    path: str | PathFunction = "linear",
    method: str = "adaptive",
    loss_tolerance: float = 1e-3,
    error_tolerance: float = 5e-3,
    batch_norm: str | None = None,
    calibration: Any = None,
    extrapolate: bool = False,
    exits: bool = False,
    bias_depth: Mapping[str, int] | None = None,
    batch_hook: BatchHook | None = None,
    device: torch.device | str | None = None,
    precision: str = "native",
    channels_last: bool = False,
    alphas_at_once: int = 1,
    cache: str | Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> xr.Dataset:
    """The curves of a network on a path, from a dozen or two forward passes over the data.

    "adaptive" interpolates each sample's logits between nested Chebyshev points of alpha (theory.md T7,
    `simulations.adaptive_line`); "grid" evaluates every alpha. At alpha = 0 and 1 both give the checkpoints'
    own
    evaluation, bit for bit (under batch_norm="keep": the end's alone). The model gives the architecture; it,
    its modes, gradient
    flags and buffers, and the torch, numpy and Python generators are left as they were. Evaluation mode
    (no dropout), the data's own order and batches; small batches are collected to 2,048 samples a step.
    Memory beyond model, checkpoints,
    one copy of the parameters: one step's samples x nodes x classes, and 4 Mi numbers of workspace, several
        times.

    Args:
        model: any module that returns logits (n, k), or an object or mapping with `.logits`.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: see `simulations.batches`, or a mapping of split names to such data.
        alphas: a number of equally spaced points from 0 to 1, >= 2, or the points themselves, ascending.
        path: a name of `simulations.paths.tensor_exponents` or a callable (parameter name, alpha) -> c.
        method: "adaptive" or "grid".
        loss_tolerance: nats; "adaptive" stops where its estimate of the worst error of `loss` is below it.
        error_tolerance: likewise for `error`; where it is less than two samples, two.
        batch_norm: "keep", "interpolate", "recalibrate" or "refuse" (`simulations.batch_norm`); must be given
            for
            a model with running statistics.
        calibration: the data for "recalibrate"; None: `data`.
        extrapolate: allow alphas outside [0, 1]; each costs a pass.
        exits: also `bias_exit(sample)` and `correct_from(sample)`.
        bias_depth: layer of each bias for "homogeneous" where the model does not show it.
        batch_hook: turns what `data` yields into `simulations.batches.Batch`.
        device: where to evaluate; None: where the model is.
        precision: "native", "tf32" or "bf16"; for the last two `precision_error` is the worst change of a
            logit
            on the first batch at alpha = 0, 1/2, 1.
        channels_last: memory order of images and convolutions.
        alphas_at_once: vectorise so many alphas into one pass (small networks on a GPU); the two ends stay
            alone.
        cache: a folder; a curve of the same checkpoints, data, architecture and arguments is read from it.
        progress: called with (samples done, samples or None) after each step.

    Returns:
        `loss(alpha)` in nats, `error(alpha)` (a tie is an error), their sampling `loss_standard_error` and
        `error_standard_error`, `class_share(alpha, predicted_class)`, `class_error(alpha, label)` (nan for a
        class without
        samples), a leading dimension `split` for several splits. With exits: `bias_exit`, the first alpha at
        which the
        prediction leaves the class of the end's largest last-layer bias (nan: never predicted, inf: never
        left),
        `correct_from`, the first at which it is correct (inf: never); on a grid to its spacing. Attributes:
        forward_passes (samples
        evaluated / samples), estimated_loss_error and estimated_error_error (worst over alpha; 0 on a grid),
        nodes, method as used, path, batch_norm, loss and
        error tolerances, n_samples, start_hash, end_hash, data_hash, threads, torch_version, precision.

    Raises:
        ValueError: bad input, named with its value, before any work where it can be known: checkpoints that
            do not fit,
            values that are not finite, start equal to end, alphas out of order or range, an unknown path,
            method or policy, tolerances
            <= 0, no data, unknown batches, labels without a logit, batches that change between passes;
            later, logits that are not finite (the alpha is named).

    Warns:
        UserWarning: where interpolation does not reach the tolerances and the grid is evaluated instead.
    """
    if isinstance(data, Mapping) and not any(isinstance(value, torch.Tensor) for value in data.values()):
        arguments = {k: v for k, v in locals().items() if k not in ("data", "model", "start", "end")}
        return _splits(data, lambda split: interpolation_curves(model, start, end, split, **arguments))
    grid = _alphas(alphas, extrapolate)
    _check(method, loss_tolerance, error_tolerance, alphas_at_once)
    first, last = load_checkpoint("start", start, model), load_checkpoint("end", end, model)
    hashes = {"start_hash": checkpoint_hash(first), "end_hash": checkpoint_hash(last)}
    if hashes["start_hash"] == hashes["end_hash"]:
        raise ValueError("start and end are the same checkpoint: there is no line between them")
    batches = Batches(data, batch_hook)
    with evaluation_mode(model), torch.inference_mode():
        line = Line(
            model,
            first,
            last,
            path_coefficients(model, path, bias_depth=bias_depth),
            batch_norm=batch_norm,
            calibration=batches if calibration is None else Batches(calibration, batch_hook),
            device=device,
            precision=precision,
            channels_last=channels_last,
        )
        attributes: dict[str, Any] = {
            "path": path if isinstance(path, str) else "callable",
            "method": method,
            "loss_tolerance": loss_tolerance,
            "error_tolerance": error_tolerance,
            "batch_norm": line.batch_norm or "none",
            "precision": precision,
            **hashes,
        }
        key = None
        if cache is not None:
            extra = [batches, line.calibration, grid, path, bias_depth, exits, channels_last, alphas_at_once]
            key = curve_key(model, attributes, extra)
            found = cached_curve(cache, key)
            if found is not None:
                return found
        sums = CurveSums(grid, _largest_bias(last, line) if exits else None)
        engine = _Engine(line, sums, method, loss_tolerance, error_tolerance, alphas_at_once)
        done = 0
        for batch in grouped(batches, BATCH):
            engine.add(batch, batches.n_samples)
            done += len(batch)
            if progress is not None:
                progress(done, batches.n_samples)
    dataset = sums.dataset()
    dataset.attrs = (
        attributes
        | engine.attributes()
        | {
            "n_samples": sums.n,
            "data_hash": batches.content_hash,
            "threads": torch.get_num_threads(),
            "torch_version": str(torch.__version__),
        }
    )
    if cache is not None and key is not None:
        keep_curve(dataset, cache, key)
    return dataset


class _Engine:
    """One batch after the other into the sums."""

    def __init__(
        self,
        line: Line,
        sums: CurveSums,
        method: str,
        loss_tolerance: float,
        error_tolerance: float,
        at_once: int,
    ) -> None:
        self.line, self.sums, self.at_once = line, sums, at_once
        self.loss_tolerance, self.error_tolerance = loss_tolerance, error_tolerance
        inside = int(((sums.alphas >= 0) & (sums.alphas <= 1)).sum())
        self.adaptive = method == "adaptive" and inside > FEW_ALPHAS
        self.most_nodes = 17
        while 2 * self.most_nodes - 1 <= min(MOST_NODES, inside):
            self.most_nodes = 2 * self.most_nodes - 1
        self.whole_batches = uses_batch_statistics(line.model)
        self.drift, self.evaluations, self.nodes, self.unsettled = Drift.none(), 0, 0, 0
        self.precision_error = 0.0

    def add(self, batch: LineBatch, total: int | None) -> None:
        with self.line.in_precision():
            if not self.sums.n and self.line.precision != "native":
                self._measure_precision(batch)
            if self.adaptive:
                self._interpolate(batch, max(total or 0, len(batch)))
            else:
                self._evaluate(batch, np.arange(len(self.sums.alphas)), counted=False)

    def attributes(self) -> dict[str, Any]:
        """What it took and what it is worth."""
        found = {
            "method": "adaptive" if self.adaptive else "grid",
            "forward_passes": self.evaluations / self.sums.n,
            "estimated_loss_error": self.drift.loss_error() if self.drift.n else 0.0,
            "estimated_error_error": self.drift.class_error() if self.drift.n else 0.0,
            "nodes": self.nodes,
            "calibration_passes": self.line.calibration_passes,
            "samples_on_grid": self.sums.n if not self.adaptive else self.unsettled,
        }
        if self.unsettled:
            warnings.warn(
                f"{self.unsettled} of {self.sums.n} samples did not reach the tolerances by interpolation "
                "and were evaluated at every alpha instead; method='grid' avoids the detour",
                UserWarning,
                stacklevel=3,
            )
        if self.line.precision != "native":
            found["precision_error"] = self.precision_error
        return found

    def _interpolate(self, batch: LineBatch, total: int) -> None:
        line = follow_batch(
            lambda alpha, chosen: batch.logits(self.line, alpha, chosen),
            batch.labels,
            loss_tolerance=self.loss_tolerance,
            class_tolerance=max(self.error_tolerance, 2 / total),
            total=total,
            most_nodes=self.most_nodes,
            whole_batches=self.whole_batches,
            several=None
            if self.at_once == 1
            else lambda alphas: batch.together(self.line, alphas, self.at_once),
        )
        self.evaluations += line.evaluations
        self.sums.count(batch.labels, line.logits.shape[1])
        alphas = self.sums.alphas
        inside = (alphas >= 0) & (alphas <= 1)
        self.nodes = max(self.nodes, len(line.nodes))
        if line.settled:
            self.drift += line.drift
            self.sums.add_line(line, batch.labels)
            self._evaluate(batch, np.flatnonzero(~inside), with_exits=False)
        else:
            self.unsettled += len(batch)
            self._evaluate(batch, np.arange(len(alphas)))

    def _evaluate(
        self,
        batch: LineBatch,
        where: NDArray[np.intp],
        *,
        counted: bool = True,
        with_exits: bool = True,
    ) -> None:
        alphas, states = self.sums.alphas, []
        groups = np.split(where, range(self.at_once, len(where), self.at_once))
        for group in groups:
            outputs = batch.together(self.line, [float(alphas[i]) for i in group], self.at_once)
            if not counted:
                self.sums.count(batch.labels, outputs[0].shape[1])
                counted = True
            for i, logits in zip(group, outputs, strict=True):
                self.sums.add_direct({int(i): logits}, batch.labels)
                if self.sums.exits_from is not None:
                    states.append(class_states(logits.T[None], batch.labels)[0])
            self.evaluations += len(batch) * len(group)
        if states and with_exits:
            self.sums.add_exits_of_grid(torch.stack(states), batch.labels, alphas)

    def _measure_precision(self, batch: LineBatch) -> None:
        fast = [batch.logits(self.line, alpha, None) for alpha in (0.0, 0.5, 1.0)]
        precision, self.line.precision = self.line.precision, "native"
        exact_device = torch.autocast(self.line.device.type, enabled=False)
        with exact_device, self.line.in_precision():
            exact = [batch.logits(self.line, alpha, None) for alpha in (0.0, 0.5, 1.0)]
        self.line.precision = precision
        self.precision_error = max(float((a - b).abs().max()) for a, b in zip(fast, exact, strict=True))
        self.evaluations += 6 * len(batch)


def _splits(data: Mapping[str, Any], curve: Callable[[Any], xr.Dataset]) -> xr.Dataset:
    if not data:
        raise ValueError("data is a mapping of no splits")
    curves = [curve(split) for split in data.values()]
    names = xr.DataArray(list(map(str, data)), dims="split", name="split")
    joined = xr.concat(curves, dim=names, combine_attrs="drop_conflicts", join="outer")
    for kept in ("n_samples", "forward_passes", "estimated_loss_error", "estimated_error_error"):
        joined[kept] = ("split", [c.attrs[kept] for c in curves])
    return joined


def _alphas(alphas: int | ArrayLike, extrapolate: bool) -> NDArray[np.float64]:
    if isinstance(alphas, (int, np.integer)) and not isinstance(alphas, bool):
        if alphas < 2:
            raise ValueError(f"alphas must be a number of points >= 2 or the points, got {alphas}")
        return np.linspace(0.0, 1.0, int(alphas))
    grid = np.array(alphas, dtype=np.float64)
    if grid.ndim != 1 or not grid.size:
        raise ValueError(
            f"alphas must be a number of points or a non-empty list of them, got shape {grid.shape}"
        )
    outside = np.flatnonzero(~(np.isfinite(grid) if extrapolate else (grid >= 0) & (grid <= 1)))
    if outside.size:
        where = "be finite" if extrapolate else "lie in [0, 1] (or pass extrapolate=True)"
        raise ValueError(f"alphas must {where}, but alphas[{outside[0]}] = {grid[outside[0]]}")
    unsorted = np.flatnonzero(np.diff(grid) <= 0)
    if unsorted.size:
        i = int(unsorted[0])
        raise ValueError(
            f"alphas must ascend, but alphas[{i}] = {grid[i]} is followed by alphas[{i + 1}] = {grid[i + 1]}"
        )
    return grid


def _check(method: str, loss_tolerance: float, error_tolerance: float, at_once: int) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    for name, value in (("loss_tolerance", loss_tolerance), ("error_tolerance", error_tolerance)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
        raise ValueError(f"alphas_at_once must be an integer >= 1, got {at_once!r}")


def _largest_bias(end: Mapping[str, torch.Tensor], line: Line) -> int:
    """The class of the end's largest last-layer bias."""
    biases = [name for name, _ in line.model.named_parameters() if name.rpartition(".")[2].endswith("bias")]
    if not biases or end[biases[-1]].ndim != 1:
        raise ValueError("exits need a bias of the last layer, and the model has none")
    return int(end[biases[-1]].argmax())
