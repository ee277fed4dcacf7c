"""`certify_line`: the search over all samples, a group at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mli_theory.certificates.relu_line.cells import Cells
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.search import search
from simulations.certified_line.line_of_module import OpenedLine, open_certified_line
from simulations.certified_line.result import CertifiedLine
from simulations.certified_line.stored import read_unfinished, write
from simulations.models.checkpoints import Checkpoint
from simulations.runtime.atomic_files import writable_folder

__all__ = ["TOLERANCE", "certify_line", "seconds_expected"]

TOLERANCE = 2.0**-22
GROUP = 256  # samples of which the cells are found together
_EVERY = 15.0  # seconds between two writings of a growing file
_PILOT = 8  # samples, spread over the data, that foretell the cost


def certify_line(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    path: str = "linear",
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
        tolerance: width of alpha, 2^-40 to 1/32; a cell this narrow that is not decided stays undecided. A
            coarse one is faster.
        output: a JSON file that is written as the certificate grows. The same call goes on from it after an
            interruption, and reads it where it is finished.
        progress: called with (samples done, samples) after each group.

    Returns:
        A `CertifiedLine`.

    Raises:
        ValueError: bad input, named, before any work: a layer that cannot be certified, dropout in training
            mode, checkpoints that do not fit or are not finite, numbers beyond 1e15, integers of 2^53 or
            more, a path that is not straight, a tolerance outside its range, an output that holds another
            certificate.
        OSError: an output that cannot be written.
    """
    _check_tolerance(tolerance)
    opened = open_certified_line(model, start, end, data, path)
    made = _Growing(opened, path, tolerance, None if output is None else Path(output))
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
    tolerance: float = TOLERANCE,
) -> float:
    """About how many seconds `certify_line` will take here: it is measured on eight samples.

    Args:
        model: as in `certify_line`, like all others.
        start: at alpha = 0.
        end: at alpha = 1.
        data: inputs and labels.
        path: a straight one.
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
    search(Enclosure(opened.line, some), len(some), tolerance)
    return (time.perf_counter() - begun) * n / len(some)


def _check_tolerance(tolerance: float) -> None:
    if not 2.0**-40 <= tolerance <= 1 / 32:
        raise ValueError(f"tolerance must lie between 2^-40 and 1/32, got {tolerance}")


class _Growing:
    """A certificate of the first samples, and its file."""

    def __init__(self, opened: OpenedLine, path: str, tolerance: float, output: Path | None) -> None:
        self._opened, self._path, self._tolerance, self._output = opened, path, tolerance, output
        self._parts: list[Cells] = []
        self._done, self._saved, self._saved_at = 0, 0, time.monotonic()
        if output is not None:
            writable_folder(output.parent)
            if output.exists():
                self._go_on_from(output)

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Group after group."""
        inputs = self._opened.inputs
        enclosure = None
        while self._done < len(inputs):
            group = inputs[self._done : self._done + GROUP]
            if enclosure is None:
                enclosure = Enclosure(self._opened.line, group)
            else:
                enclosure.retarget(group)
            found = search(enclosure, len(group), self._tolerance)
            self._parts.append(found.shifted(self._done))
            self._done += len(group)
            if time.monotonic() - self._saved_at > _EVERY:
                self.save()
            if progress is not None:
                progress(self._done, len(inputs))

    def save(self) -> None:
        """Write what there is, if there is a file for it and anything new."""
        if self._output is not None and self._done > self._saved:
            write(self._output, self.certificate())
            self._saved, self._saved_at = self._done, time.monotonic()

    def certificate(self) -> CertifiedLine:
        """Of the samples so far."""
        opened = self._opened
        self._parts = [Cells.joined(self._parts)] if self._parts else []
        return CertifiedLine(
            self._parts[0],
            opened.labels,
            opened.label,
            self._path,
            self._tolerance,
            opened.network,
            opened.data,
        )

    def _go_on_from(self, output: Path) -> None:
        try:
            found, done = read_unfinished(output)
        except ValueError as error:
            raise ValueError(f"output: {output}: {error}") from error
        opened = self._opened
        same = (found.network, found.data, found.path, found.tolerance) == (
            opened.network,
            opened.data,
            self._path,
            self._tolerance,
        )
        if not (same and np.array_equal(found.labels, opened.labels) and found.label == opened.label):
            raise ValueError(f"output: {output} holds another certificate: choose another file")
        self._parts, self._done, self._saved = ([found.cells] if done else []), done, done
