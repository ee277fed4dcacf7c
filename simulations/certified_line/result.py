"""What is proved about a network's line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from mli_theory.certificates.relu_line.cells import (
    UNDECIDED,
    Cells,
    counts_at,
    counts_covering,
    gaps,
    longest_gap,
)
from mli_theory.certificates.relu_line.recheck import Recheck, recheck
from mli_theory.certificates.relu_line.settled import Settled, with_settled
from mli_theory.certificates.relu_line.settled_again import with_false_changes
from mli_theory.domain import finite_array
from simulations.certified_line.certified_loss import CertifiedLoss
from simulations.certified_line.line_of_module import open_certified_line
from simulations.models.checkpoints import Checkpoint

__all__ = ["CertifiedLine", "CertifiedLinePlateau"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CertifiedLinePlateau:
    """A closed interval of alpha on which every sample is proved to be predicted as one class.

    Attributes:
        start: its lower end.
        end: its upper end.
        label: the class, that of the largest last-layer bias at the end.
        start_enclosure: (lower, upper): the longest such interval about this one begins between them; they
            are about `tolerance` apart, below 1e-15 of an exact certificate.
        end_enclosure: (lower, upper): it ends between them.
    """

    start: float
    end: float
    label: int
    start_enclosure: tuple[float, float]
    end_enclosure: tuple[float, float]


@dataclass(frozen=True, eq=False)
class CertifiedLine:
    """Which class leads at every real alpha of [0, 1], sample by sample, proved (theory.md T15).

    Weights, biases and inputs are the real numbers that their floats are, and the line between them is
    exact: nothing is said about the rounding of torch's own evaluation, which differs from the exact line
    where two logits nearly tie. Made by `certify_line`; it holds no reference to the model.

    Attributes:
        cells: closed cells that tile [0, 1] for every sample.
        labels: (n,) the data's.
        label: the class of the largest last-layer bias at the end; None where the last layer has no bias or
            several classes share the largest.
        path: as asked.
        tolerance: width of alpha below which a cell was left undecided.
        network: a hash of the layers and both checkpoints as walked.
        data: a hash of inputs and labels.
        settled: of an exact certificate, every stretch of undecided cells, settled; else None.
        loss: bounds of the mean cross-entropy, where they were asked for; else None.
    """

    cells: Cells
    labels: NDArray[np.int64]
    label: int | None
    path: str
    tolerance: float
    network: str
    data: str
    settled: tuple[Settled, ...] | None = None
    loss: CertifiedLoss | None = None

    def __repr__(self) -> str:
        """In one line: samples, classes, the plateau, what is undecided."""
        found = self.plateau
        plateau = (
            f"class {found.label} on [{found.start:.6g}, {found.end:.6g}]"
            if found
            else ("proved that there is none" if self.no_plateau else "none proved")
        )
        return (
            f"CertifiedLine({self.n_samples} samples, {self.n_classes} classes, plateau: {plateau}, "
            f"undecided length {self.undecided.mean():.2g} a sample)"
        )

    @property
    def n_samples(self) -> int:
        """Samples."""
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """Logits."""
        return int(self.cells.candidates.shape[1])

    @property
    def rows(self) -> int:
        """Cells that were evaluated to find the certificate."""
        return self.cells.rows

    @cached_property
    def finest(self) -> Cells:
        """The cells with what is settled in them: undecided is only what lies within 1e-15 of a change."""
        return self.cells if self.settled is None else with_settled(self.cells, self.settled)

    @cached_property
    def undecided(self) -> Array:
        """(n,): the total length of alpha on which no class is proved to lead, a sample."""
        rest = self.finest.winner == UNDECIDED
        lengths = self.finest.end[rest] - self.finest.start[rest]
        return np.bincount(self.finest.sample[rest], lengths, self.n_samples).astype(np.float64)

    @cached_property
    def class_changes(self) -> NDArray[np.int64] | None:
        """(n,): at how many alphas the leading class changes, a sample; None unless exact.

        A tie of several classes along an interval counts as another leader than each of them. A tie at one
        point, after which the same class leads, is no change.
        """
        if self.settled is None:
            return None
        found = np.zeros(self.n_samples, np.int64)
        for one in self.settled:
            found[one.sample] += one.class_changes
        return found

    @cached_property
    def plateau(self) -> CertifiedLinePlateau | None:
        """The longest interval on which every sample is proved to be on `label`; None if none is proved."""
        if self.label is None:
            return None
        elsewhere = ~self.finest.led_by(self.label)
        found = longest_gap(self.finest.start[elsewhere], self.finest.end[elsewhere])
        if found is None:
            return None
        start, end = found
        first, last = next(gap for gap in self._may_all_be_on_label if gap[0] <= start and end <= gap[1])
        return CertifiedLinePlateau(start, end, self.label, (first, start), (end, last))

    @cached_property
    def no_plateau(self) -> bool | None:
        """Whether it is proved that at every alpha some sample is not on `label`.

        True: proved. False: there is a plateau. None: open, or there is no `label`.
        """
        if self.label is None:
            return None
        if self.plateau is not None:
            return False
        return True if not self._may_all_be_on_label else None

    @property
    def longest_possible_plateau(self) -> float | None:
        """No interval with every sample on `label` is longer than this; None where there is no `label`."""
        if self.label is None:
            return None
        return max((end - start for start, end in self._may_all_be_on_label), default=0.0)

    @cached_property
    def _may_all_be_on_label(self) -> list[tuple[float, float]]:
        off = self.finest.never(np.full(len(self.finest.sample), self.label))
        return gaps(self.finest.start[off], self.finest.end[off])

    def error_bounds(self, alphas: ArrayLike) -> tuple[Array, Array]:
        """Lower and upper bound of the error, the share of samples whose label does not lead alone.

        Args:
            alphas: real numbers in [0, 1], any shape; floats are taken as they are.

        Raises:
            ValueError: an alpha outside [0, 1] or not finite.
        """
        given = np.asarray(alphas)
        asked = finite_array("alphas", given.reshape(-1), (None,), statement="T15")
        if ((asked < 0) | (asked > 1)).any():
            bad = asked[(asked < 0) | (asked > 1)][0]
            raise ValueError(f"alphas must lie in [0, 1], got {bad}")
        wrong, right = self._wrong_and_right
        lower = counts_at(wrong, asked) / self.n_samples
        upper = (self.n_samples - counts_at(right, asked)) / self.n_samples
        return lower.reshape(given.shape), upper.reshape(given.shape)

    def error_bounds_on(self, edges: ArrayLike) -> tuple[Array, Array]:
        """Lower and upper bound of the error at every real alpha from each edge to the next.

        Args:
            edges: (n,) real numbers in [0, 1], ascending, at least two; floats are taken as they are.

        Returns:
            (n - 1,) each.

        Raises:
            ValueError: fewer than two edges, not ascending, outside [0, 1] or not finite.
        """
        asked = finite_array("edges", edges, (None,), statement="T15")
        if len(asked) < 2 or not (np.diff(asked) > 0).all() or asked[0] < 0 or asked[-1] > 1:
            raise ValueError("edges must be at least two numbers of [0, 1], ascending")
        wrong, right = self._wrong_and_right
        lower = counts_covering(wrong, asked) / self.n_samples
        upper = (self.n_samples - counts_covering(right, asked)) / self.n_samples
        return lower, upper

    @cached_property
    def error_monotone(self) -> bool | None:
        """Whether the error never rises from alpha = 0 to 1.

        False: proved, its lower bound somewhere is above its upper bound at a smaller alpha. True: proved,
        which cells alone give only where the error is constant, since inside an undecided one it might go up
        and down; an exact certificate gives it where no label ever stops leading. None: open.
        """
        edges = np.unique(np.r_[self.finest.start, self.finest.end])
        points = np.unique(np.r_[edges, edges[:-1] + 0.5 * np.diff(edges)])
        lower, upper = self.error_bounds(points)
        if (lower > np.minimum.accumulate(upper)).any():
            return False
        if self.settled is not None:
            wrong = any(one.goes_wrong(int(self.labels[one.sample])) for one in self.settled)
            return None if wrong else True
        label = self.labels[self.cells.sample]
        known = self.cells.led_by_each(label) | self.cells.never(label)
        return True if known.all() else None

    @cached_property
    def _wrong_and_right(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        cells = self.finest
        label = self.labels[cells.sample]
        return cells.merged(cells.never(label)), cells.merged(cells.led_by_each(label))

    def class_intervals(self, sample: int) -> Iterator[tuple[float, float, int | None]]:
        """The classes of one sample along the line: (start, end, class), class None where undecided.

        Args:
            sample: 0 .. n - 1.

        Raises:
            ValueError: no such sample.
        """
        if not 0 <= sample < self.n_samples:
            raise ValueError(f"sample must lie in 0 .. {self.n_samples - 1}, got {sample}")
        yield from self.finest.intervals(sample)

    def verify(self, model: nn.Module, start: Checkpoint, end: Checkpoint, data: Any) -> Recheck:
        """Prove every cell again, by other arithmetic than the search's (`relu_line.recheck`).

        Of an exact certificate each change is looked at too: at both ends of its enclosure the network is
        evaluated in pairs of floats with a proved error, or in whole numbers where they do not tell
        (`relu_line.settled_again`), and the classes that lead must be those before and after it. That a
        stretch holds no further change is proved by the search alone; the loss's bounds are not looked at.

        Args:
            model: the network that the certificate is of.
            start: at alpha = 0.
            end: at alpha = 1.
            data: the data it is of.

        Returns:
            The cells checked and those of which a part could not be confirmed: none, if all is well.

        Raises:
            ValueError: another network, path or data than the certificate's; cells that do not tile [0, 1].
        """
        opened = open_certified_line(model, start, end, data, self.path, buffers="keep")
        if opened.network != self.network:
            raise ValueError("the certificate is of another network or other checkpoints")
        if opened.data != self.data or not np.array_equal(opened.labels, self.labels):
            raise ValueError("the certificate is of other data")
        if opened.label != self.label or not self.cells.tile(self.n_samples):
            raise ValueError("the certificate is damaged: its class or cells do not fit")
        found = recheck(opened.line, opened.inputs, self.cells)
        if self.settled is None:
            return found
        return with_false_changes(found, opened.line, opened.inputs, self.cells, self.settled)

    def to_json(self) -> str:
        """All of it as JSON; `from_json` gives it back bit for bit."""
        from simulations.certified_line.stored import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> CertifiedLine:
        """What `to_json` wrote.

        Args:
            text: the JSON.

        Raises:
            ValueError: no certificate, a damaged or an unfinished one.
        """
        from simulations.certified_line.stored import from_json

        return from_json(text)
