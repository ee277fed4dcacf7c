"""Loss and error along a path between two checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import nn

from simulations.curves.arguments import METHODS, check_options, requested_alphas
from simulations.curves.asked import AskedCurve
from simulations.curves.classes_path import ClassesWalk
from simulations.curves.objective_path import ObjectiveWalk
from simulations.curves.walked_curve import walked_curve
from simulations.curves.watched import Metrics, check_watched
from simulations.line.line_setup import walkable_model
from simulations.line.paths import PathFunction
from simulations.models.buffers import chosen_policy
from simulations.models.checkpoints import Checkpoint
from simulations.models.last_layer import Output
from simulations.objectives.chosen import ObjectiveName, chosen_objective
from simulations.objectives.cross_entropy import IGNORED
from simulations.user_data.batch import OtherLabelsError
from simulations.user_data.data_passes import BatchHook

__all__ = ["METHODS", "interpolation_curves"]


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
    buffers: str = "refuse",
    calibration: Any = None,
    extrapolate: bool = False,
    exits: bool = False,
    samples: bool = False,
    bias_depth: Mapping[str, int] | None = None,
    batch_hook: BatchHook | None = None,
    device: torch.device | str | None = None,
    precision: str = "native",
    channels_last: bool = False,
    alphas_at_once: int = 1,
    biases: Sequence[str] | None = None,
    last_layer: str | None = None,
    output: Output = None,
    cache: str | Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    batch_norm: str | None = None,
    objective: ObjectiveName = "cross_entropy",
    class_weights: Sequence[float] | torch.Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = IGNORED,
    target: str = "labels",
    metrics: Metrics | None = None,
    calibrated: bool = False,
) -> xr.Dataset:
    """The curves of a network on a path, from a dozen or two forward passes over the data.

    Any loss: `objective` says which. What follows is of "cross_entropy" of (n, k) with one label a sample.
    Of every other (weights, smoothing, soft labels, a label a token too) each row (a sample, a token, a label
    of several) is evaluated at every node; interpolated are a row's logits (up to 32 classes), else its loss
    and its margin (the label's logit less the largest other), of "squared_error" and a callable each sample's
    loss. Memory then grows with rows, not with rows times classes.

    "adaptive" interpolates each sample's logits between nested Chebyshev points of alpha (theory.md T7,
    `simulations.interpolation.adaptive`); "grid" evaluates every alpha. At alpha = 0 and 1 both give the
    checkpoints' own evaluation, bit for bit (under buffers="keep": the end's alone; under "recalibrate"
    with running statistics measured there too). The model gives the architecture; it, its modes, gradient
    flags, buffers and tensors that hooks compute, and the torch, numpy and Python generators are left as they
    were. Evaluation mode (no dropout), the data's own order and batches. The weights are moved
    once to an alpha for a step of samples of all splits: batches are collected to 2,048 samples, and to more
    while samples x classes stay below 131,072. Memory beyond model, checkpoints and one copy of the
    parameters: one step's samples x nodes x classes, and 4 Mi numbers of workspace, several times.

    Args:
        model: any module that returns logits (n, k), or an object or mapping with `.logits`; see `output`.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: see `simulations.user_data.data_passes`, or a mapping of split names to such data, walked in
            one sweep.
        alphas: a number of equally spaced points from 0 to 1, >= 2, or the points themselves, ascending.
        path: a name of `simulations.line.paths.tensor_exponents` or a callable (parameter name, alpha) -> c.
        method: "adaptive" or "grid".
        loss_tolerance: nats; "adaptive" stops where its estimate of the worst error of `loss` is below it.
        error_tolerance: likewise for `error`; where it is less than one sample, one.
        buffers: "refuse", "keep", "interpolate" or "recalibrate" (`simulations.models.buffers` says what each
            does to which); must be given for a model with running statistics, or any other buffer that
            differs between the ends.
        calibration: the data for "recalibrate"; None: `data`, of several splits the first.
        extrapolate: allow alphas outside [0, 1]; each costs a pass.
        exits: also `bias_exit(sample)` and `correct_from(sample)`.
        samples: also `sample_loss(alpha, sample)` and `sample_correct(alpha, sample)`, 5 bytes an element.
        bias_depth: layer of each bias for "homogeneous" where the model does not show it.
        batch_hook: turns what `data` yields into `simulations.user_data.Batch`.
        device: where to evaluate; None: where the model is.
        precision: "native" (on CUDA true float32, in convolutions too), "tf32" or "bf16"; for the last two
            `precision_error` is the worst change of a logit on the first batch at alpha = 0, 1/2, 1.
        channels_last: memory order of images and convolutions.
        alphas_at_once: vectorise so many alphas into one pass (small networks on a GPU); the two ends stay
            alone.
        biases: the parameters that are biases, names or patterns, in place of those that are found
            (`simulations.models.bias_names`); for the paths "weights", "bias" and "homogeneous".
        last_layer: the module with the last bias, in place of what running the network finds
            (`simulations.models.roles`); for the path "last_bias" and for exits.
        output: what picks the logits where the model returns a tuple or an object without `.logits`: a name,
            a place, or a function of what it returns.
        cache: a folder; a curve of the same network, checkpoints, data and arguments is read from it
            (`simulations.curves.cache`). The key takes 16 samples at both ends (of several
            tensors a batch), counted in `forward_passes`.
        progress: called with (samples done, samples or None) after each step.
        batch_norm: the old name of `buffers`.
        objective: "cross_entropy" of logits (n, k), or (n, ..., k) with a label a token (classes come last;
            for the next token shift the labels yourself), labels integers or probabilities; "binary", a
            sigmoid's logit for each label (n,), (n, 1) or (n, c), labels 0 to 1; "squared_error", outputs of
            any shape; or a callable (output, batch) -> losses (n,), or (losses, errors). Means: over samples;
            over tokens and labels that count; over all outputs of the squared error.
        class_weights: (k,) of "cross_entropy", whose mean is then weighted by them, as torch's.
        label_smoothing: of "cross_entropy", the share spread evenly over all classes, in [0, 1).
        ignore_index: the label of "cross_entropy" and "binary" that counts for nothing.
        target: of "squared_error": "labels", or "input" (an autoencoder's target is its input).
        metrics: by name, callables (output, batch) -> (n,), whose mean over samples becomes a variable of
            that name; every alpha is then evaluated.
        calibrated: also `calibrated_loss(alpha)`, the loss with all logits divided by the
            `temperature(alpha)` at which it is least (2^-10 to 2^10, or inf); every alpha is then evaluated.

    Returns:
        `loss(alpha)` in nats, `error(alpha)` (a tie is an error), their sampling `loss_standard_error` and
        `error_standard_error`, `class_share(alpha, predicted_class)`, `class_error(alpha, label)` (nan for a
        class without samples), a leading dimension `split` for several splits (see
        `simulations.curves.split_curves`). Another objective has `loss`, its error where it has one (share of
        rows), their sampling errors (rows of one sample count together), and with samples `sample_loss`, the
        mean over a sample's rows. With exits: `bias_exit`, the first alpha at which the
        prediction leaves the class of the end's largest last-layer bias (nan: never predicted, inf: never
        left), `correct_from`, the first at which it is correct (inf: never); on a grid to its spacing.
        Attributes: forward_passes (samples evaluated / samples; the 16 of the first looks, and
        those that find the last layer, are not counted), estimated_loss_error, estimated_error_error and
        estimated_class_share_error (bounds of the worst over alpha, in 95 % of lines; 0 on a grid), nodes,
        method as used, path, buffers, loss and error tolerances, n_samples, start_hash, end_hash, data_hash,
        objective and n_rows (of another than (n, k)), calibration_hash (of the data of "recalibrate"),
        buffers_not_measured, biases and last_layer where they count, threads, device, precision,
        torch_version, package_version, and call: JSON of the arguments as given, without those that give the
        contents hashed above.

    Raises:
        ValueError: bad input, named with its value, before any work where it can be known: checkpoints that
            do not fit, values that are not finite, start equal to end, alphas out of order or range, an
            unknown path, method or policy, tolerances <= 0, no data, unknown batches, labels without a logit,
            batches that change between passes, one logit a sample without "binary", labels or outputs that
            the objective does not fit (all labels are read before the work, but of (n, k)), targets that are
            nan, no label that counts, options of another objective, a network that draws in evaluation mode
            (16 samples pass twice at alpha = 0, 1/2 and 1; of several tensors a batch); a normalisation that
            "recalibrate" cannot measure; later, logits that are not finite
            (the alpha is named, and a sample that is not finite itself).

    Warns:
        UserWarning: more than a tenth of the alphas evaluated as they are, since many samples nearly tie
            there (start = -end, say); where interpolation does not reach the tolerances and the grid is
            evaluated instead (few samples or alphas, the homogeneous path from zero;
            docs/how_to_diagnose_your_own_network.md); layers in which
            "recalibrate" measures nothing; samples whose logits depend on their batch, of which whole batches
            are evaluated; parameters that may be biases, on a path that treats biases apart;
            a curve that is not kept in the cache, since a named part of the model or data has no stable hash.
    """
    buffers = chosen_policy(buffers, batch_norm)
    grid = requested_alphas(alphas, extrapolate)
    check_options(method, loss_tolerance, error_tolerance, alphas_at_once)
    measured = chosen_objective(
        objective,
        class_weights=class_weights,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        target=target,
    )
    check_watched(metrics, calibrated, measured)
    arguments = {
        "alphas": alphas,
        "path": path,
        "method": method,
        "loss_tolerance": loss_tolerance,
        "error_tolerance": error_tolerance,
        "buffers": buffers,
        "extrapolate": extrapolate,
        "exits": exits,
        "samples": samples,
        "bias_depth": bias_depth,
        "batch_hook": batch_hook,
        "device": device,
        "precision": precision,
        "channels_last": channels_last,
        "alphas_at_once": alphas_at_once,
        "biases": None if biases is None else list(biases),
        "last_layer": last_layer,
        "output": output,
        "objective": objective,
        "class_weights": None if class_weights is None else torch.as_tensor(class_weights).tolist(),
        "label_smoothing": label_smoothing,
        "ignore_index": ignore_index,
        "target": target,
        "metrics": metrics,
        "calibrated": calibrated,
    }
    asked = AskedCurve(arguments, grid, measured, calibration, cache, progress)
    model = walkable_model(model, data, batch_hook)
    if measured.is_plain():
        try:
            return walked_curve(ClassesWalk(asked), asked, model, start, end, data)
        except OtherLabelsError:  # soft labels, or a label a token
            pass
    return walked_curve(ObjectiveWalk(asked), asked, model, start, end, data)
