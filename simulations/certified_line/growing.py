"""A certificate of the first samples, and its file: `certify_line` works a group of samples at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mli_theory.certificates.relu_line.cells import Cells
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.exact_walk import ExactLine
from mli_theory.certificates.relu_line.first_cells import good_edges
from mli_theory.certificates.relu_line.loss import LossSums, loss_sums
from mli_theory.certificates.relu_line.search import search
from mli_theory.certificates.relu_line.settled import Settled, settle
from simulations.certified_line.certified_loss import CertifiedLoss
from simulations.certified_line.line_of_module import OpenedLine
from simulations.certified_line.result import CertifiedLine
from simulations.certified_line.stored import read_unfinished, write
from simulations.runtime.atomic_files import writable_folder

__all__ = ["GROUP", "Growing"]

GROUP = 256  # samples of which the cells are found together
_EVERY = 15.0  # seconds between two writings of a growing file


class Growing:
    """What is proved so far; it begins with what the file holds.

    Args:
        opened: the line and the data.
        path: as asked.
        tolerance: of alpha.
        output: a file, or None.
        exact: whether the undecided rest is settled too.
        loss: whether the loss is bounded too.

    Raises:
        ValueError: a file that holds another certificate.
    """

    def __init__(
        self,
        opened: OpenedLine,
        path: str,
        tolerance: float,
        output: Path | None,
        *,
        exact: bool,
        loss: bool,
    ) -> None:
        self._opened, self._path, self._tolerance, self._output = opened, path, tolerance, output
        self._cells: list[Cells] = []
        self._settled: list[Settled] | None = [] if exact else None
        self._loss = LossSums.none() if loss else None
        self._done = {"cells": 0} | ({"settled": 0} if exact else {}) | ({"loss": 0} if loss else {})
        self._changed, self._saved_at = False, time.monotonic()
        self._enclosure: Enclosure | None = None
        self._edges: np.ndarray | None = None
        if output is not None:
            writable_folder(output.parent)
            if output.exists():
                self._go_on_from(output)

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Group after group: first the cells of all, then the rest of each settled, then the losses.

        Args:
            progress: called with (samples done, samples); each kind of work counts its samples once.
        """
        works = {"cells": self._find, "settled": self._settle, "loss": self._bound_loss}
        n = len(self._opened.inputs)
        for kind in self._done:
            while self._done[kind] < n:
                group = slice(self._done[kind], min(self._done[kind] + GROUP, n))
                works[kind](group)
                self._done[kind] = group.stop
                self._changed = True
                if time.monotonic() - self._saved_at > _EVERY:
                    self.save()
                if progress is not None:
                    progress(sum(self._done.values()), n * len(self._done))

    def save(self) -> None:
        """Write what there is, if there is a file for it and anything new."""
        if self._output is not None and self._changed:
            write(self._output, self.certificate(), self._done)
            self._changed, self._saved_at = False, time.monotonic()

    def certificate(self) -> CertifiedLine:
        """Of the samples so far."""
        opened = self._opened
        self._cells = [Cells.joined(self._cells)] if self._cells else []
        return CertifiedLine(
            self._cells[0],
            opened.labels,
            opened.label,
            self._path,
            self._tolerance,
            opened.network,
            opened.data,
            None if self._settled is None else tuple(self._settled),
            None if self._loss is None else CertifiedLoss(self._loss),
        )

    def _at(self, group: slice) -> tuple[Enclosure, np.ndarray]:
        inputs = self._opened.inputs[group]
        if self._enclosure is None:
            self._enclosure = Enclosure(self._opened.line, inputs)
        else:
            self._enclosure.retarget(inputs)
        return self._enclosure, inputs

    def _find(self, group: slice) -> None:
        enclosure, inputs = self._at(group)
        if self._edges is None:
            self._edges = good_edges(enclosure, len(inputs))
        found = search(enclosure, len(inputs), self._tolerance, edges=self._edges)
        self._cells.append(found.shifted(group.start))

    def _settle(self, group: slice) -> None:
        assert self._settled is not None
        enclosure, inputs = self._at(group)
        cells = Cells.joined(self._cells)
        own = cells.take((cells.sample >= group.start) & (cells.sample < group.stop)).shifted(-group.start)
        found = settle(ExactLine(self._opened.line), enclosure, inputs, own)
        self._settled += [one.shifted(group.start) for one in found]

    def _bound_loss(self, group: slice) -> None:
        assert self._loss is not None
        self._loss = self._loss.plus(loss_sums(self._at(group)[0], self._opened.labels[group]))

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
        extra = [kind for kind in done if kind not in self._done]
        if extra:
            raise ValueError(
                f"output: {output} holds more than is asked for, {extra[0]} too: ask for it, "
                "or choose another file"
            )
        self._cells = [found.cells] if done["cells"] else []
        if self._settled is not None and found.settled is not None:
            self._settled = list(found.settled)
        if self._loss is not None and found.loss is not None:
            self._loss = found.loss.sums
        self._done |= done
