"""One batch along the whole line from few forward passes: logits interpolated between Chebyshev points.

m nodes · k classes · n samples of the batch · logits (m, k, n). theory.md T7: away from a change of a ReLU's
sign the logits are a polynomial in alpha of the network's degree, so they, not the loss, are what to
interpolate.

Levels of 5, 9, 17, 33, ... nested points; the first forward passes are the 9. From then on a sample is
evaluated at a new node only where its class or loss is still open near it: everywhere else the coarser
polynomial's value stands in. At 17 points that costs about 3 passes instead of 8, with the same error: what
decides the curves at alpha are the samples whose class changes near alpha, and those are few. When to stop is
decided by `simulations.interpolation.error_estimate`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.interpolation.class_changes import label_margins
from simulations.interpolation.error_estimate import SHARE, ErrorEstimate, drift_between, pooled, share_left
from simulations.interpolation.interpolant import (
    CHECK_POINTS,
    LOSS_POINTS,
    Interpolant,
    interpolated,
    sample_losses,
)
from simulations.interpolation.near_ties import in_doubt

__all__ = ["BatchLine", "Request", "follow_batch"]

FIRST_LEVEL = 9
PILOT_LEVEL = 17  # pilots are evaluated at every node up to this level, then where others would be
MARGIN = 0.25  # of the local drift of the logits: a margin below it leaves the class open
OPEN_LOSS = 20.0  # times loss_tolerance: a sample whose loss drifted more at a node is evaluated there
PILOTS = 128  # samples evaluated at every new node, to measure what standing in costs
FEWEST_PILOTS = 16

Request = tuple[float, torch.Tensor | None]
"""An alpha, and the samples whose logits (k, chosen) are wanted there; None: of all."""
Steps = Generator[list[Request], Sequence[torch.Tensor], "BatchLine"]


@dataclass
class BatchLine:
    """A batch's line.

    Attributes:
        nodes: (m,).
        logits: (m, k, n).
        grid: (g,) ascending from 0 to 1, of `states`.
        states: (g, n) of `simulations.interpolation.class_changes.class_states`.
        loss_grid: (l,) likewise, of `losses`.
        losses: (l, n) float64.
        drift: what the estimate is made of.
        evaluations: samples times nodes that went through the network.
        settled: the tolerances were met.
        direct: (A,) alphas to be evaluated as they are, since too many samples nearly tie there.
        class_doubts: (A,) samples whose predicted class is in doubt at the others.
    """

    nodes: NDArray[Any]
    logits: torch.Tensor
    grid: NDArray[Any]
    states: torch.Tensor
    loss_grid: NDArray[Any]
    losses: torch.Tensor
    drift: ErrorEstimate
    evaluations: int
    settled: bool
    direct: NDArray[np.bool_]
    class_doubts: NDArray[Any]


def follow_batch(
    labels: torch.Tensor,
    alphas: NDArray[Any],
    *,
    loss_tolerance: float,
    class_tolerance: float,
    total: int,
    most_nodes: int,
    whole_batches: bool = False,
) -> Steps:
    """Ask for nested levels until the estimate is inside both tolerances, or at `most_nodes`.

    A generator: it yields lists of requests and is sent their logits, so that who evaluates can serve
    several batches at one alpha; it returns the line.

    Args:
        labels: (n,).
        alphas: (A,) in [0, 1], at which the curve is asked for.
        loss_tolerance: nats, of the mean over all data.
        class_tolerance: share, of the error rate over all data; one sample of them where it is less.
        total: samples of all data, of which this batch is a part: random errors of batches partly cancel.
        most_nodes: 2^p + 1, at least 17.
        whole_batches: a sample's logits depend on its batch: all samples get all nodes.
    """
    n = len(labels)
    total = max(total, n)
    n_pilots = n if whole_batches else min(n, PILOTS, max(FEWEST_PILOTS, n // 8))
    pilots = torch.arange(n_pilots) * n // n_pilots
    first = yield [(alpha, None) for alpha in chebyshev_nodes(FIRST_LEVEL).tolist()]
    batch = _Batch(torch.stack(list(first)), labels, pilots, OPEN_LOSS * loss_tolerance)
    while True:
        yield from batch.double()
        while True:
            drift = batch.drift()
            if drift.between_points > n * loss_tolerance / 4 and batch.refine_losses():
                drift = batch.drift()
            standing_in = drift.stand_in_error(total) > loss_tolerance / 2
            if not (standing_in and drift.loss_error(total) > loss_tolerance):
                break
            if not (yield from batch.evaluate_more()):
                break
        settled = drift.loss_error(total) <= loss_tolerance and (
            drift.class_error(total) <= max(class_tolerance, 1 / total)
        )
        most = 2 * len(batch.nodes) - 1 > most_nodes
        if settled:
            level, states = batch.final_states(drift)
            direct, class_doubts = batch.in_doubt(alphas, drift, total)
            if most or direct.sum() <= len(batch.nodes):
                break
        if most:
            level, states = batch.final_states(drift)
            direct, class_doubts = np.zeros(len(alphas), dtype=bool), np.zeros(len(alphas))
            break
    return BatchLine(
        batch.nodes,
        batch.logits,
        level.grid,
        states,
        level.loss_grid,
        level.losses.double(),
        drift,
        batch.evaluations,
        settled and direct.sum() <= len(alphas) / 2,
        direct,
        class_doubts,
    )


class _Batch:
    """Logits of one batch at the nodes of the current level, evaluated or standing in.

    The pilots' logits are kept twice: as the other samples' are, and without the coarser values that stand
    in up to `PILOT_LEVEL`, where they cost most.
    """

    def __init__(
        self, first: torch.Tensor, labels: torch.Tensor, pilots: torch.Tensor, open_loss: float
    ) -> None:
        self.labels, self.pilots, self.open_loss = labels, pilots, open_loss
        n = len(labels)
        self.is_pilot = torch.zeros(n, dtype=torch.bool)
        self.is_pilot[pilots] = True
        self.nodes, self.logits = chebyshev_nodes(FIRST_LEVEL), first.contiguous()
        self.exact = self.logits[:, :, pilots]
        self.exact_level: Interpolant | None = None
        self.evaluations = n * FIRST_LEVEL
        # Of a value that stands in: the drift of its loss, with its sign.
        self.doubt = torch.zeros(FIRST_LEVEL, n)
        self.evaluated: list[torch.Tensor] = []  # by level after the first: at which new nodes
        self.level = self.coarse = Interpolant(self.nodes, self.logits, labels)
        at_new = sample_losses(interpolated(self.nodes[::2], self.logits[::2], self.nodes[1::2]), labels)
        moved = sample_losses(self.logits[1::2], labels) - at_new
        self.moved, self.ratio = float(moved.square().mean(dim=1).max()), 1.0

    def double(self) -> Generator[list[Request], Sequence[torch.Tensor], None]:
        """To the next level."""
        nodes, n = chebyshev_nodes(2 * len(self.nodes) - 1), len(self.labels)
        new = nodes[1::2]
        fill = interpolated(self.nodes, self.logits, new)
        if len(self.pilots) == n:
            asked, doubt = torch.ones(len(new), n, dtype=torch.bool), torch.zeros(len(new), n)
        else:
            asked, doubt = self._open(interpolated(self.nodes[::2], self.logits[::2], new), fill)
        wanted = asked | self.is_pilot if len(nodes) <= PILOT_LEVEL else asked
        chosen = [torch.nonzero(row)[:, 0] for row in wanted]
        found = yield from self._evaluate(new, chosen)
        values = torch.empty(len(nodes), *fill.shape[1:], dtype=fill.dtype)
        values[::2], values[1::2] = self.logits, fill
        exact = self.exact.new_empty(len(nodes), *self.exact.shape[1:])
        exact[::2], exact[1::2] = self.exact, interpolated(self.nodes, self.exact, new)
        place = self.is_pilot.cumsum(dim=0) - 1
        for j, samples in enumerate(chosen):
            use, pilots = asked[j, samples], self.is_pilot[samples]
            values[2 * j + 1][:, samples[use]] = found[j][:, use]
            exact[2 * j + 1][:, place[samples[pilots]]] = found[j][:, pilots]
        self.exact, self.exact_level = exact, None
        doubts = torch.zeros(len(nodes), n)
        doubts[::2], doubts[1::2] = self.doubt, doubt.masked_fill(asked, 0.0)
        self.nodes, self.logits, self.doubt = nodes, values, doubts
        self.evaluated.append(asked.clone())
        self.coarse = self.level.on_grids(len(nodes), len(nodes))
        changed = torch.nonzero(asked.any(dim=0))[:, 0]
        self.level = Interpolant(nodes, values, self.labels, before=self.coarse, changed=changed)
        change = self.level.losses[:, changed] - self.coarse.losses[:, changed]
        moved = float(change.square().sum(dim=1).max()) / n
        self.ratio, self.moved = float(np.sqrt(moved / max(self.moved, 1e-30))), moved

    def evaluate_more(self) -> Generator[list[Request], Sequence[torch.Tensor], bool]:
        """Evaluate what stands in, down to a quarter of the doubt; False when nothing stands in."""
        self.open_loss /= 4
        asked = self.doubt.abs() > self.open_loss
        if not asked.any():
            return bool((self.doubt != 0).any())
        where = np.flatnonzero(asked.any(dim=1).numpy())
        chosen = [torch.nonzero(asked[j])[:, 0] for j in where]
        found = yield from self._evaluate(self.nodes[where], chosen)
        for j, samples, logits in zip(where, chosen, found, strict=True):
            self.logits[j][:, samples] = logits
        self.doubt[asked] = 0.0
        changed = torch.zeros(len(self.labels), dtype=torch.bool)
        changed[self.level.changed], changed[asked.any(dim=0)] = True, True
        changed = torch.nonzero(changed)[:, 0]
        self.level = Interpolant(self.nodes, self.logits, self.labels, before=self.coarse, changed=changed)
        return True

    def refine_losses(self) -> bool:
        """Take the loss at all points of the grid; False where it is."""
        points = len(self.level.grid)
        if len(self.level.loss_grid) == points:
            return False
        changed = self.level.changed
        self.coarse = self.coarse.on_grids(points, points)
        self.level = Interpolant(self.nodes, self.logits, self.labels, before=self.coarse, changed=changed)
        return True

    def drift(self) -> ErrorEstimate:
        """What may be wrong at the current level."""
        drift = drift_between(self.coarse, self.level, self.ratio)
        if len(self.pilots) < len(self.labels):
            if self.exact_level is None:
                nodes = chebyshev_nodes(len(self.exact))
                self.exact_level = Interpolant(nodes, self.exact, self.labels[self.pilots])
            self.exact_level = self.exact_level.on_grids(len(self.level.grid), len(self.level.loss_grid))
            change = (self.level.losses[:, self.pilots] - self.exact_level.losses).double()
            n = len(self.labels)
            variance = change.var(dim=1, correction=1).numpy() / change.shape[1]
            drift.stand_in = n * pooled(change.mean(dim=1).numpy(), LOSS_POINTS)
            drift.stand_in_variance = n**2 * pooled(variance, LOSS_POINTS)
            if len(self.nodes) > PILOT_LEVEL:
                unseen = self._unseen_stand_in()
                drift.stand_in = np.where(unseen > np.abs(drift.stand_in), unseen, drift.stand_in)
        return drift

    def final_states(self, drift: ErrorEstimate) -> tuple[Interpolant, torch.Tensor]:
        """The level on a grid at least twice as fine as its nodes, and its states there.

        Between nodes a class may change and change back. What the last level changed of the predicted classes
        is added to `drift`.
        """
        level, finer = self.level, 2 * len(self.nodes) - 1
        states = level.states()
        changed, k = level.changed, self.logits.shape[1]
        before = self.coarse.states(changed) % k
        now = states[:, changed] % k
        drift.class_flips = pooled((before != now).sum(dim=1).double().numpy(), CHECK_POINTS)
        counts = [_shares(each, k) for each in (now, before)]
        drift.net_class_flips = pooled(np.abs(counts[0] - counts[1]).max(axis=1), CHECK_POINTS)
        if len(level.grid) < finer:
            level = Interpolant(self.nodes, self.logits, self.labels, points=finer, loss_points=finer)
            states = level.states()
        return level, states

    def in_doubt(
        self, alphas: NDArray[Any], drift: ErrorEstimate, total: int
    ) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Alphas at which too many samples nearly tie, and samples in doubt at the others."""
        n = len(self.labels)
        return in_doubt(
            self.nodes,
            self.logits,
            self.labels,
            self.evaluated,
            alphas,
            share_left(self.ratio),
            allowed=n * drift.class_error(total),
        )

    def _unseen_stand_in(self) -> NDArray[Any]:
        """What standing in may cost beyond the pilots' last level, at `LOSS_POINTS`: drifts of one sign.

        Each is small, but where a kink or a tie is common to all samples they add up.
        """
        later = torch.ones(len(self.nodes), dtype=torch.bool)
        later[:: (len(self.nodes) - 1) // (PILOT_LEVEL - 1)] = False
        systematic = SHARE[1] * (self.doubt.sum(dim=1) * later).abs().double().numpy()
        return pooled(systematic, LOSS_POINTS)

    def _evaluate(
        self, alphas: NDArray[Any], chosen: list[torch.Tensor]
    ) -> Generator[list[Request], Sequence[torch.Tensor], list[torch.Tensor]]:
        """Logits (k, chosen) at each alpha; nothing is asked where no sample is chosen."""
        n = len(self.labels)
        self.evaluations += sum(map(len, chosen))
        found = yield [
            (float(alpha), None if len(samples) == n else samples)
            for alpha, samples in zip(alphas, chosen, strict=True)
            if len(samples)
        ]
        answers = iter(found)
        none = self.logits.new_empty(self.logits.shape[1], 0)
        return [next(answers) if len(samples) else none for samples in chosen]

    def _open(self, coarse: torch.Tensor, fill: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which samples (m - 1, n) to evaluate at the new nodes, and the drift of their losses there."""
        labels = self.labels
        drift = (fill - coarse).abs().amax(dim=1)
        loss_drift = sample_losses(fill, labels) - sample_losses(coarse, labels)
        margin, coarse_margin, own = (_margins(z, labels) for z in (fill, coarse, self.logits))
        right, between = own > 0, margin > 0
        near = (margin.abs() < MARGIN * drift) | (loss_drift.abs() > self.open_loss)
        near |= (right[1:] != right[:-1]) | (between != right[1:]) | (between != (coarse_margin > 0))
        asked = near.clone()
        if len(self.nodes) == FIRST_LEVEL:  # a coarse value is felt as far as the next node
            asked[1:] |= near[:-1]
            asked[:-1] |= near[1:]
        return asked, loss_drift


def _shares(predicted: torch.Tensor, k: int) -> NDArray[np.int64]:
    """Samples of each predicted class (g, k) of classes (g, n)."""
    place = torch.arange(len(predicted))[:, None] * k + predicted
    return torch.bincount(place.flatten(), minlength=len(predicted) * k).view(-1, k).numpy()


def _margins(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The label's logit minus the largest other (m, n) of logits (m, k, n)."""
    own, others = label_margins(logits.clone(), labels)
    return own - others
