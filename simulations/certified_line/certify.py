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
    exact: bool = False,
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
        model: a chain of Linear, ReLU, Flatten, Identity and Dropout in evaluation mode; it is only read.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: inputs of one tensor and labels, see `simulations.user_data.data_passes`.
        path: "linear", "weights", "bias", "last_bias" or "only:PATTERN": the straight ones of
            `simulations.line.paths.tensor_exponents`.
        exact: settle the undecided rest in whole numbers: every point where the leading classes change, to
            1e-15 in alpha, and that there are no others. It costs about as much again, or more.
        tolerance: width of alpha, 2^-40 to 1/32; a cell this narrow that is not decided stays undecided. A
            coarse one is faster.
        output: a JSON file that is written as the certificate grows. The same call goes on from it after an
            interruption, and reads it where it is finished.
        progress: called with (done, all) after each group of samples; `exact` counts every sample twice.

    Returns:
        A `CertifiedLine`.

    Raises:
        ValueError: bad input, named, before any work: a layer that cannot be certified, dropout in training
            mode, checkpoints that do not fit or are not finite, numbers beyond 1e15, integers of 2^53 or
            more, a path that is not straight, a tolerance outside its range, an output that holds another
            certificate, or a settled one where `exact` is not asked.
        OSError: an output that cannot be written.
    """
    _check_tolerance(tolerance)
    opened = open_certified_line(model, start, end, data, path)
    made = Growing(opened, path, tolerance, None if output is None else Path(output), exact=exact)
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
    exact: bool = False,
    tolerance: float = TOLERANCE,
) -> float:
    """About how many seconds `certify_line` will take here: it is measured on eight samples.

    Args:
        model: as in `certify_line`, like all others.
        start: at alpha = 0.
        end: at alpha = 1.
        data: inputs and labels.
        path: a straight one.
        exact: whether the rest is to be settled too.
        tolerance: of alpha.

    Raises:
        ValueError: as `certify_line`.
    """
    _check_tolerance(tolerance)
    opened = open_certified_line(model, start, end, data, path)
    n = len(opened.inputs)
    some = opened.inputs[np.unique(np.linspace(0, n - 1, _PILOT).astype(int))]
    search(Enclosure(opened.line, some[:1]), 1, 0.5)  # compiles, or reads what is compiled
    begun = time.perf_counter()
    enclosure = Enclosure(opened.line, some)
    cells = search(enclosure, len(some), tolerance)
    if exact:
        collections.deque(settle(ExactLine(opened.line), enclosure, some, cells), maxlen=0)
    return (time.perf_counter() - begun) * n / len(some)


def _check_tolerance(tolerance: float) -> None:
    if not 2.0**-40 <= tolerance <= 1 / 32:
        raise ValueError(f"tolerance must lie between 2^-40 and 1/32, got {tolerance}")
