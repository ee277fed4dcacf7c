"""Any objective's batches along the line into sums: adaptively or alpha by alpha, of several splits at once.

As `simulations.curves.engine`, whose steps, levels and limits it shares; but an output is turned at once into
a few numbers a row, so that memory grows with rows (tokens), not with rows times classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.curves.engine import FEW_ALPHAS, STEP_NUMBERS, most_nodes
from simulations.curves.objective_sums import ObjectiveSums
from simulations.curves.watched import Watched
from simulations.interpolation.adaptive_rows import RowLine, RowSums, Steps, follow_rows
from simulations.interpolation.error_estimate import ErrorEstimate
from simulations.line.moved_network import Line, NotFiniteError
from simulations.objectives.objective import Objective, Reading, Rows
from simulations.user_data.data_passes import Batch, Batches

__all__ = ["ObjectiveCurve", "ObjectiveEngine"]


class ObjectiveCurve:
    """One split's sums, and what they took.

    Args:
        batches: of the split.
        sums: of the curve.
        watched: also sees every output; None: nothing does.
        totals: the weight and the number of all rows.
    """

    def __init__(
        self, batches: Batches, sums: ObjectiveSums, watched: Watched | None, totals: tuple[float, int]
    ) -> None:
        self.batches, self.sums, self.watched = batches, sums, watched
        self.total_weight, self.total_rows = totals
        self.loss, self.error = ErrorEstimate.none(), ErrorEstimate.none()
        self.evaluations = self.nodes = self.unsettled = 0
        self.direct: NDArray[np.bool_] = np.zeros(1, dtype=bool)


class _RowBatch:
    """Several of the user's batches with their rows, `first` samples before them."""

    def __init__(self, parts: Sequence[Batch], first: int, rows: Sequence[Rows]) -> None:
        self.parts, self.first, self.rows = parts, first, Rows.joined(rows)
        self.direct = False  # as `Reading.direct`, of the last reading

    def __len__(self) -> int:
        return self.rows.n


class ObjectiveEngine:
    """The curves of an objective from the splits' batches.

    Args:
        line: what evaluates.
        objective: what is measured.
        alphas: (A,) ascending.
        adaptive: interpolate where there are enough alphas.
        loss_tolerance: in the loss's unit.
        error_tolerance: share of rows.
    """

    def __init__(
        self,
        line: Line,
        objective: Objective,
        alphas: NDArray[Any],
        *,
        adaptive: bool,
        loss_tolerance: float,
        error_tolerance: float,
    ) -> None:
        self.line, self.objective, self.alphas = line, objective, alphas
        self.loss_tolerance, self.error_tolerance = loss_tolerance, error_tolerance
        self.inside = (alphas >= 0) & (alphas <= 1)
        inside = int(self.inside.sum())
        self.adaptive = adaptive and inside > FEW_ALPHAS
        self.most_nodes = most_nodes(inside)
        self.precision_error = 0.0

    def run(
        self, splits: Sequence[ObjectiveCurve], progress: Callable[[int, int | None], None] | None = None
    ) -> None:
        """All batches of all splits into their sums."""
        done, measured = 0, self.line.precision == "native"
        for step in self._steps(splits):
            with self.line.in_precision():
                if not measured:
                    self._measure_precision(*step[0])
                    measured = True
                for split, batch in step:
                    split.sums.count(batch.rows)
                if self.adaptive:
                    self._interpolate(step)
                else:
                    self._evaluate(step, np.arange(len(self.alphas)))
            done += sum(len(batch) for _, batch in step)
            if progress is not None:
                sizes = [split.batches.n_samples for split in splits]
                progress(done, None if None in sizes else sum(n for n in sizes if n is not None))

    def attributes(self, split: ObjectiveCurve) -> dict[str, Any]:
        """What a split took and what it is worth."""
        found = {
            "objective": self.objective.name,
            "method": "adaptive" if self.adaptive else "grid",
            "forward_passes": split.evaluations / split.sums.n,
            "estimated_loss_error": split.loss.loss_error(split.loss.n) if split.loss.n else 0.0,
            "nodes": split.nodes,
            "calibration_passes": self.line.calibration_passes,
            "samples_on_grid": split.unsettled if self.adaptive else split.sums.n,
            "n_rows": split.total_rows,
        }
        if split.sums.has_error:
            error, counts = split.error, self.objective.counts
            worst = 0.0
            if error.n:
                worst = error.class_error(split.total_rows) if counts else error.loss_error(error.n)
            found["estimated_error_error"] = worst
        if self.line.precision != "native":
            found["precision_error"] = self.precision_error
        return found

    def _interpolate(self, step: Sequence[tuple[ObjectiveCurve, _RowBatch]]) -> None:
        walks = [self._walk(split, batch) for split, batch in step]
        wanted = [next(walk) for _, walk in walks]
        ends: list[dict[float, Reading]] = [{} for _ in step]
        found: dict[int, RowLine] = {}
        while len(found) < len(step):
            answers: list[dict[float, torch.Tensor]] = [{} for _ in step]
            for alpha, i in sorted((alpha, i) for i, alphas in enumerate(wanted) for alpha in alphas):
                reading = self._read(*step[i], alpha)
                answers[i][alpha] = reading.values
                if alpha in (0.0, 1.0):
                    ends[i][alpha] = reading
            for i in set(range(len(step))) - set(found):
                try:
                    wanted[i] = walks[i][1].send([answers[i][alpha] for alpha in wanted[i]])
                except StopIteration as stop:
                    found[i], wanted[i] = stop.value, []
        unsettled, settled = [], []
        for i, (split, batch) in enumerate(step):
            line = found[i]
            split.nodes = max(split.nodes, len(line.nodes))
            if not line.settled:
                split.unsettled += len(batch)
                unsettled.append((split, batch))
                continue
            settled.append((split, batch))
            split.loss += line.loss
            split.error = split.error if line.error is None else split.error + line.error
            split.direct = split.direct | line.direct
            split.sums.add_line(line, walks[i][0], batch.rows, batch.first)
            for alpha, reading in ends[i].items():
                for place in np.flatnonzero(self.alphas == alpha):
                    split.sums.add_reading(int(place), reading, batch.rows, batch.first)
            inside = np.flatnonzero(self.inside)[line.direct]
            self._evaluate([(split, batch)], inside[~np.isin(self.alphas[inside], (0.0, 1.0))])
        self._evaluate(settled, np.flatnonzero(~self.inside))
        self._evaluate(unsettled, np.arange(len(self.alphas)))

    def _walk(self, split: ObjectiveCurve, batch: _RowBatch) -> tuple[RowSums, Steps]:
        def of_values(values: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
            targets = batch.rows.piece(rows)
            return self.objective.losses_and_margins(values, targets, direct=batch.direct)

        weight = float(batch.rows.weight.sum())
        sums = RowSums(of_values, batch.rows.by_sample, weight, self.objective.counts)
        steps = follow_rows(
            sums,
            self.alphas[self.inside],
            loss_tolerance=self.loss_tolerance,
            error_tolerance=self.error_tolerance,
            total_weight=split.total_weight,
            total_rows=split.total_rows,
            most_nodes=self.most_nodes,
        )
        return sums, steps

    def _evaluate(self, step: Sequence[tuple[ObjectiveCurve, _RowBatch]], where: NDArray[np.intp]) -> None:
        """The alphas as they are."""
        for i in where.tolist():
            for split, batch in step:
                reading = self._read(split, batch, float(self.alphas[i]))
                split.sums.add_reading(i, reading, batch.rows, batch.first)

    def _read(self, split: ObjectiveCurve, batch: _RowBatch, alpha: float) -> Reading:
        """What the network's outputs on a batch say at an alpha.

        Raises:
            ValueError: a loss that is not finite (alpha is named).
        """
        readings = []
        for part in batch.parts:
            output, placed = self.line.returned(alpha, part)
            readings.append(self.objective.read(output, placed, self.line.output))
            if split.watched is not None:
                split.watched.see(alpha, output, placed, self.line)
            del output  # of many classes it is the largest thing there is
        split.evaluations += len(batch)
        reading = Reading.joined(readings)
        batch.direct = reading.direct
        for numbers in (reading.losses, reading.values, reading.wrong):
            if numbers is not None and not torch.isfinite(numbers).all():
                what = "logits" if self.objective.tempered else "losses"
                raise NotFiniteError(f"the {what} are not finite at alpha = {alpha}")
        return reading

    def _measure_precision(self, split: ObjectiveCurve, batch: _RowBatch) -> None:
        """The worst change of a row's loss at three alphas."""
        alphas = (0.0, 0.5, 1.0)
        fast = [self._read(split, batch, alpha).losses for alpha in alphas]
        precision, self.line.precision = self.line.precision, "native"
        with torch.autocast(self.line.device.type, enabled=False), self.line.in_precision():
            exact = [self._read(split, batch, alpha).losses for alpha in alphas]
        self.line.precision = precision
        self.precision_error = max(float((a - b).abs().max()) for a, b in zip(fast, exact, strict=True))

    def _steps(self, splits: Sequence[ObjectiveCurve]) -> Iterator[list[tuple[ObjectiveCurve, _RowBatch]]]:
        """Batches of every split, as many as `STEP_NUMBERS` allow of rows' values and one at least."""
        sources = [(split, self._row_batches(split, STEP_NUMBERS // len(splits))) for split in splits]
        while sources:
            step = [(split, batch) for split, source in sources if (batch := next(source, None)) is not None]
            if step:
                yield step
            going_on = {id(split) for split, _ in step}
            sources = [(split, source) for split, source in sources if id(split) in going_on]

    def _row_batches(self, split: ObjectiveCurve, numbers: int) -> Iterator[_RowBatch]:
        parts: list[Batch] = []
        rows: list[Rows] = []
        first = 0
        for part in split.batches:
            of_part = self.objective.rows(part)
            if parts and self.objective.width * (sum(map(len, rows)) + len(of_part)) > numbers:
                yield _RowBatch(parts, first, rows)
                first += sum(map(len, parts))
                parts, rows = [], []
            parts.append(part)
            rows.append(of_part)
        if parts:
            yield _RowBatch(parts, first, rows)
