"""Batches along the line into sums: adaptively or alpha by alpha, of several splits at once.

A *step* is a few thousand samples of every split. Within a step the weights are moved once to each alpha, for
all its batches; then the step is turned into sums and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.curves.accumulator import CurveSums
from simulations.curves.watched import Watched
from simulations.interpolation.adaptive import BatchLine, Steps, follow_batch
from simulations.interpolation.class_changes import class_states
from simulations.interpolation.error_estimate import ErrorEstimate
from simulations.line.moved_network import Line
from simulations.line.step_batches import AnyLine, LineBatch, grouped
from simulations.models.evaluation import BATCH
from simulations.models.running_statistics import uses_batch_statistics
from simulations.user_data.data_passes import Batches

__all__ = ["Engine", "SplitCurve", "most_nodes"]

MOST_NODES = 513
FEW_ALPHAS = 13  # what the first two levels cost: fewer alphas are evaluated as they are
STEP_NUMBERS = 2**17  # samples times classes of a step, unless one batch has more


class SplitCurve:
    """One split's sums, and what they took.

    Curves of one `Batches` object are given the same batches, one after the other at each alpha.

    Args:
        batches: of the split.
        sums: of the curve.
        line: what evaluates on a grid, None: the engine's own line, which interpolation always asks.

    Attributes:
        watched: what else is summed of every output, None: nothing.
    """

    def __init__(self, batches: Batches, sums: CurveSums, line: AnyLine | None = None) -> None:
        self.batches, self.sums, self.line = batches, sums, line
        self.watched: Watched | None = None
        self.drift, self.evaluations, self.nodes, self.unsettled = ErrorEstimate.none(), 0, 0, 0
        self.class_doubts: NDArray[Any] = np.zeros(1)  # samples, by alpha
        self.direct: NDArray[np.bool_] = np.zeros(1, dtype=bool)  # alphas evaluated as they are for any batch


class Engine:
    """The line's curves from its splits' batches.

    Args:
        line: what evaluates.
        alphas: (A,) ascending.
        adaptive: interpolate logits where there are enough alphas.
        loss_tolerance: nats.
        error_tolerance: share.
        at_once: alphas of one vectorised pass.
    """

    def __init__(
        self,
        line: Line,
        alphas: NDArray[Any],
        *,
        adaptive: bool,
        loss_tolerance: float,
        error_tolerance: float,
        at_once: int,
    ) -> None:
        self.line, self.alphas, self.at_once = line, alphas, at_once
        self.loss_tolerance, self.error_tolerance = loss_tolerance, error_tolerance
        self.inside = (alphas >= 0) & (alphas <= 1)
        inside = int(self.inside.sum())
        self.adaptive = adaptive and inside > FEW_ALPHAS
        self.most_nodes = most_nodes(inside)
        self.whole_batches = uses_batch_statistics(line.model)
        self.precision_error = 0.0

    def run(
        self, splits: Sequence[SplitCurve], progress: Callable[[int, int | None], None] | None = None
    ) -> None:
        """All batches of all splits into their sums."""
        done, measured = 0, self.line.precision == "native"
        for step in _steps(splits):
            with self.line.in_precision():
                if not measured:
                    self._measure_precision(*step[0])
                    measured = True
                if self.adaptive:
                    self._interpolate(step)
                else:
                    self._evaluate(step, np.arange(len(self.alphas)), counted=False)
            done += sum(len(batch) for _, batch in step)
            if progress is not None:
                sizes = [split.batches.n_samples for split in splits]
                progress(done, None if None in sizes else sum(n for n in sizes if n is not None))

    def attributes(self, split: SplitCurve) -> dict[str, Any]:
        """What a split took and what it is worth."""
        n = split.sums.n
        found = {
            "method": "adaptive" if self.adaptive else "grid",
            "forward_passes": split.evaluations / n,
            "estimated_loss_error": split.drift.loss_error(split.drift.n) if split.drift.n else 0.0,
            "estimated_error_error": split.drift.class_error(split.drift.n) if split.drift.n else 0.0,
            "estimated_class_share_error": self._class_share_error(split),
            "nodes": split.nodes,
            "calibration_passes": self.line.calibration_passes,
            "samples_on_grid": split.unsettled if self.adaptive else n,
        }
        if self.line.precision != "native":
            found["precision_error"] = self.precision_error
        return found

    def _class_share_error(self, split: SplitCurve) -> float:
        """By what the last level changed, and by how many samples are in doubt at any alpha."""
        n = split.drift.n
        if not n:
            return 0.0
        return max(split.drift.class_share_error(n), float(np.max(split.class_doubts)) / 2 / n)

    def _interpolate(self, step: Sequence[tuple[SplitCurve, LineBatch]]) -> None:
        walks = []
        for split, batch in step:
            if not batch.first and not self.whole_batches:
                split.evaluations += batch.check_rows(self.line)
            total = max(split.batches.n_samples or 0, len(batch))
            steps = follow_batch(
                batch.labels,
                alphas=self.alphas[self.inside],
                loss_tolerance=self.loss_tolerance,
                class_tolerance=max(self.error_tolerance, 1 / total),
                total=total,
                most_nodes=self.most_nodes,
                whole_batches=self.whole_batches,
            )
            walks.append((batch, steps))
        unsettled, settled = [], []
        for (split, batch), line in zip(step, self._follow(walks), strict=True):
            split.evaluations += line.evaluations
            split.nodes = max(split.nodes, len(line.nodes))
            split.sums.count(batch.labels, line.logits.shape[1])
            if line.settled:
                split.drift += line.drift
                split.class_doubts = split.class_doubts + line.class_doubts
                split.direct = split.direct | line.direct
                split.sums.add_line(line, batch.labels, batch.first)
                settled.append((split, batch))
                if line.direct.any():
                    where = np.flatnonzero(self.inside)[line.direct]
                    self._evaluate([(split, batch)], where, with_exits=False)
            else:
                split.unsettled += len(batch)
                unsettled.append((split, batch))
        self._evaluate(settled, np.flatnonzero(~self.inside), with_exits=False)
        self._evaluate(unsettled, np.arange(len(self.alphas)))

    def _follow(self, walks: Sequence[tuple[LineBatch, Steps]]) -> list[BatchLine]:
        """Serve all batches' requests, in the order of alpha."""
        found: dict[int, BatchLine] = {}
        wanted = {i: next(steps) for i, (_, steps) in enumerate(walks)}
        while wanted:
            answers: dict[tuple[int, int], torch.Tensor] = {}
            for i, requests in wanted.items():
                if self.at_once > 1 and all(chosen is None for _, chosen in requests):
                    batch = walks[i][0]
                    outputs = batch.together(self.line, [alpha for alpha, _ in requests], self.at_once)
                    answers |= {(i, j): logits.T for j, logits in enumerate(outputs)}
            order = [(alpha, i, j) for i, requests in wanted.items() for j, (alpha, _) in enumerate(requests)]
            for alpha, i, j in sorted(order):
                if (i, j) not in answers:
                    answers[i, j] = walks[i][0].logits(self.line, alpha, wanted[i][j][1]).T
            following = {}
            for i, requests in wanted.items():
                try:
                    following[i] = walks[i][1].send([answers[i, j] for j in range(len(requests))])
                except StopIteration as stop:
                    found[i] = stop.value
            wanted = following
        return [found[i] for i in range(len(walks))]

    def _evaluate(
        self,
        step: Sequence[tuple[SplitCurve, LineBatch]],
        where: NDArray[np.intp],
        *,
        counted: bool = True,
        with_exits: bool = True,
    ) -> None:
        """The alphas as they are."""
        states: list[list[torch.Tensor]] = [[] for _ in step]
        for group in np.split(where, range(self.at_once, len(where), self.at_once)):
            for (split, batch), kept in zip(step, states, strict=True):
                line = split.line or self.line
                outputs = batch.together(line, [float(self.alphas[i]) for i in group], self.at_once)
                if not counted and not kept and group[0] == where[0]:
                    split.sums.count(batch.labels, outputs[0].shape[1])
                for i, logits in zip(group, outputs, strict=True):
                    split.sums.add_direct({int(i): logits}, batch.labels, batch.first)
                    if split.sums.exits_from is not None:
                        kept.append(class_states(logits.T[None], batch.labels)[0])
                split.evaluations += len(batch) * len(group)
        for (split, batch), kept in zip(step, states, strict=True):
            if kept and with_exits:
                split.sums.add_exits_of_grid(torch.stack(kept), batch.labels, self.alphas, batch.first)

    def _measure_precision(self, split: SplitCurve, batch: LineBatch) -> None:
        fast = [batch.logits(self.line, alpha, None) for alpha in (0.0, 0.5, 1.0)]
        precision, self.line.precision = self.line.precision, "native"
        exact_device = torch.autocast(self.line.device.type, enabled=False)
        with exact_device, self.line.in_precision():
            exact = [batch.logits(self.line, alpha, None) for alpha in (0.0, 0.5, 1.0)]
        self.line.precision = precision
        self.precision_error = max(float((a - b).abs().max()) for a, b in zip(fast, exact, strict=True))
        split.evaluations += 6 * len(batch)


def most_nodes(inside: int) -> int:
    """The finest level of nodes, 2^p + 1, for so many alphas in [0, 1]: 17, or no more than they."""
    nodes = 17
    while 2 * nodes - 1 <= min(MOST_NODES, inside):
        nodes = 2 * nodes - 1
    return nodes


def _steps(splits: Sequence[SplitCurve]) -> Iterator[list[tuple[SplitCurve, LineBatch]]]:
    """Batches of every split, as many as `STEP_NUMBERS` allow and one at least."""
    curves: dict[int, list[SplitCurve]] = {}
    for split in splits:
        curves.setdefault(id(split.batches), []).append(split)
    sources = [(of_data, iter(grouped(of_data[0].batches, BATCH))) for of_data in curves.values()]
    while sources:
        step, going_on = [], []
        for of_data, source in sources:
            numbers = 0
            for batch in source:
                step += [(split, batch) for split in of_data]
                numbers += len(batch) * (int(batch.labels.max()) + 1)
                if numbers + BATCH * (int(batch.labels.max()) + 1) > STEP_NUMBERS // len(sources):
                    going_on.append((of_data, source))
                    break
        if step:
            yield step
        sources = going_on
