"""`certify_line`, and how long it will take."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.exact_walk import ExactLine
from mli_theory.certificates.relu_line.loss import loss_sums
from mli_theory.certificates.relu_line.search import search
from mli_theory.certificates.relu_line.settled import settle
from simulations.certified_line.growing import Growing
from simulations.certified_line.line_of_module import open_certified_line
from simulations.certified_line.result import CertifiedLine
from simulations.models.checkpoints import Checkpoint

__all__ = ["TOLERANCE", "certify_line", "seconds_expected"]

TOLERANCE = 2.0**-22
_PILOT = 8  # samples, spread over the data, that foretell the cost


def certify_line(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    path: str = "linear",
    buffers: str = "refuse",
    exact: bool = False,
    loss: bool = False,
    tolerance: float = TOLERANCE,
    output: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CertifiedLine:
    """Prove which class leads at every real alpha of the line, without a grid and without rounding.

    For every sample [0, 1] is cut into cells on which one class is proved to lead alone, and a rest that
    stays undecided, around the alphas where the class changes. Floats are taken as the real numbers that
    they are; what is proved is about the exact line, not about the rounding of torch's own evaluation.
    Memory: the inputs in float64, and a thousand rows of the widest layer, some twenty times. Time grows
    with depth, since cells must be narrower (`seconds_expected` measures it on a few samples).

    Args:
        model: of Linear, convolutions, batch norm in evaluation mode, ReLU, LeakyReLU, average and max
            pooling, sums of branches, Flatten, Identity and Dropout in evaluation mode; it is only read. An
            average's weight 1/9 is the float64 nearest it, a batch norm's factor at each end the one
            nearest gamma / sqrt(var + eps): that defines the exact line.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: inputs of one tensor and labels, see `simulations.user_data.data_passes`.
        path: "linear", "weights", "bias", "last_bias" or "only:PATTERN": the straight ones of
            `simulations.line.paths.tensor_exponents`.
        buffers: "refuse" a batch norm whose running statistics differ between the ends, or "keep" the end's
            on the whole line.
        exact: settle the undecided rest in whole numbers: every point where the leading classes change, to
            1e-15 in alpha, and that there are no others. It costs about as much again, or more.
        loss: bound the mean cross-entropy too, on 1,024 cells: `CertifiedLine.loss`. It costs several times
            the certificate.
        tolerance: width of alpha, 2^-40 to 1/32; a cell this narrow that is not decided stays undecided. A
            coarse one is faster.
        output: a JSON file that is written as the certificate grows. The same call goes on from it after an
            interruption, and reads it where it is finished.
        progress: called with (done, all) after each group of samples; `exact` and `loss` count every
            sample once more each.

    Returns:
        A `CertifiedLine`.

    Raises:
        ValueError: bad input, named, before any work: a layer that cannot be certified, dropout in training
            mode, checkpoints that do not fit or are not finite, numbers beyond 1e15, integers of 2^53 or
            more, a path that is not straight, a tolerance outside its range, an output that holds another
            certificate, or one with more than is asked for.
        OSError: an output that cannot be written.
    """
    _check_tolerance(tolerance)
    opened = open_certified_line(model, start, end, data, path, buffers=buffers)
    made = Growing(opened, path, tolerance, None if output is None else Path(output), exact=exact, loss=loss)
    try:
        made.run(progress)
    finally:  # also when interrupted
        made.save()
    return made.certificate()


def seconds_expected(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    path: str = "linear",
    buffers: str = "refuse",
    exact: bool = False,
    loss: bool = False,
    tolerance: float = TOLERANCE,
) -> float:
    """About how many seconds `certify_line` will take here: it is measured on eight samples.

    Args:
        model: as in `certify_line`, like all others.
        start: at alpha = 0.
        end: at alpha = 1.
        data: inputs and labels.
        path: a straight one.
        buffers: as in `certify_line`.
        exact: whether the rest is to be settled too.
        loss: whether the loss is to be bounded too.
        tolerance: of alpha.

    Raises:
        ValueError: as `certify_line`.
    """
    _check_tolerance(tolerance)
    opened = open_certified_line(model, start, end, data, path, buffers=buffers)
    n = len(opened.inputs)
    chosen = np.unique(np.linspace(0, n - 1, _PILOT).astype(int))
    some = opened.inputs[chosen]
    search(Enclosure(opened.line, some[:1]), 1, 0.5)  # compiles, or reads what is compiled
    begun = time.perf_counter()
    enclosure = Enclosure(opened.line, some)
    cells = search(enclosure, len(some), tolerance)
    if exact:
        collections.deque(settle(ExactLine(opened.line), enclosure, some, cells), maxlen=0)
    if loss:
        loss_sums(enclosure, opened.labels[chosen])
    return (time.perf_counter() - begun) * n / len(some)


def _check_tolerance(tolerance: float) -> None:
    if not 2.0**-40 <= tolerance <= 1 / 32:
        raise ValueError(f"tolerance must lie between 2^-40 and 1/32, got {tolerance}")
