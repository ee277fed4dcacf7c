"""One batch along the whole line from few forward passes: logits interpolated between Chebyshev points.

m nodes · k classes · n samples of the batch · logits (m, k, n). theory.md T7: away from a change of a ReLU's
sign the logits are a
polynomial in alpha of the network's degree, so they, not the loss, are what to interpolate.

Levels of 5, 9, 17, 33, ... nested points; the first forward passes are the 9. From then on a sample is
evaluated at a new
node only where its class or loss is still open near it: everywhere else the coarser polynomial's value stands
    in. At 17
points that costs about 3 passes instead of 8, with the same error: what decides the curves at alpha are the
    samples whose
class changes near alpha, and those are few.

The estimate. What level m changed against the level before is the error *that* level had, sample by sample;
the new one's is
a share of it (`SHARE`). Kinks of different samples lie at different places, so their errors have random signs
and the mean's
error is SPREAD standard deviations of their sum, plus the share of what was systematic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.chebyshev import chebyshev_nodes, interpolation_matrix
from simulations.class_changes import class_states

__all__ = ["CHECK_GRID", "BatchLine", "Drift", "follow_batch", "sample_losses"]

FIRST_LEVEL = 9
CHECK_GRID = chebyshev_nodes(65)  # the drift between levels is measured here, for every batch alike
SPREAD = 2.5
FLIP_SPREAD = 2.0
SHARE = (0.1, 0.5)  # of the last drift, what the next may be: the loss's ratio of drifts, kept inside
SMOOTH = 0.05  # a smaller ratio of two levels' drifts: no kinks yet to be seen
FLIP_SHARE = 0.4
FEW_FLIPS = 3  # counts scatter: where none was seen among all samples, some are still to be expected
MARGIN = 0.25  # of the local drift of the logits: a margin below it leaves the class open
OPEN_LOSS = 20.0  # times loss_tolerance: a sample whose loss drifted more at a node is evaluated there
BETWEEN = 0.2  # of the error that half the points of `CHECK_GRID` make, what all of them make
PILOTS = 128  # samples evaluated at every new node, to measure what standing in costs
BLOCK = 2**22  # numbers in an intermediate array

Evaluate = Callable[[float, torch.Tensor | None], torch.Tensor]


@dataclass
class Drift:
    """What may be wrong: the share that may remain of what the last level changed, summed over samples.

    At `CHECK_GRID` (g,). Batches add up. In the order of the fields: change of the sample losses that is
    systematic (nats), variance of the rest; the same of correctness (samples); what standing in costs,
    measured on pilots (nats), and its variance; error of the mean loss between its own points and rounding
    of the logits, times n; n.
    """

    loss: NDArray[Any]
    loss_variance: NDArray[Any]
    flips: NDArray[Any]
    flip_variance: NDArray[Any]
    stand_in: NDArray[Any]
    stand_in_variance: NDArray[Any]
    between_points: float
    n: int

    @classmethod
    def none(cls) -> Drift:
        """Of no sample at all."""
        zero = np.zeros(len(CHECK_GRID))
        return cls(zero, zero, zero, zero, zero, zero, 0.0, 0)  # sums make new arrays

    def __add__(self, other: Drift) -> Drift:
        return Drift(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def loss_error(self, slack: float = 1.0) -> float:
        """The estimated worst error of the mean loss over alpha, nats; its random part over `slack`."""
        random = SPREAD * np.sqrt(self.loss_variance + self.stand_in_variance) / slack
        worst = float(np.max(np.hypot(self.loss, self.stand_in) + random))
        return (worst + self.between_points) / max(self.n, 1)

    def stand_in_error(self, slack: float = 1.0) -> float:
        """The part of it that comes from values that stand in."""
        worst = float(np.max(np.abs(self.stand_in) + SPREAD * np.sqrt(self.stand_in_variance) / slack))
        return worst / max(self.n, 1)

    def class_error(self, slack: float = 1.0) -> float:
        """The estimated worst error of the error rate over alpha; never below 1/n."""
        worst = float(np.max(self.flips + FLIP_SPREAD * np.sqrt(self.flip_variance) / slack))
        return max(1, int(worst)) / max(self.n, 1)  # samples are whole


@dataclass
class BatchLine:
    """A batch's line.

    Attributes:
        nodes: (m,).
        logits: (m, k, n).
        grid: (g,) ascending from 0 to 1, `states` and `losses` are given there.
        states: (g, n) of `class_states`.
        losses: (g, n) float64.
        drift: what the estimate is made of.
        evaluations: samples times nodes that went through the network.
        settled: the tolerances were met.
    """

    nodes: NDArray[Any]
    logits: torch.Tensor
    grid: NDArray[Any]
    states: torch.Tensor
    losses: torch.Tensor
    drift: Drift
    evaluations: int
    settled: bool


def sample_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (m, n) of logits (m, k, n), nats, in the logits' precision."""
    largest = logits.amax(dim=1, keepdim=True)
    total = (logits - largest).exp_().sum(dim=1).log_() + largest[:, 0]
    return total - logits.gather(1, labels.expand(len(logits), 1, -1))[:, 0]


def follow_batch(
    evaluate: Evaluate,
    labels: torch.Tensor,
    *,
    loss_tolerance: float,
    class_tolerance: float,
    total: int,
    most_nodes: int,
    whole_batches: bool = False,
    several: Callable[[list[float]], list[torch.Tensor]] | None = None,
) -> BatchLine:
    """Evaluate nested levels until the estimate is inside both tolerances, or at `most_nodes`.

    Args:
        evaluate: alpha and the samples' indices (None: all) to logits (n, k).
        labels: (n,).
        loss_tolerance: nats, of the mean over all data.
        class_tolerance: share, of the error rate over all data; two samples where it is less.
        total: samples of all data, of which this batch is a part: random errors of batches partly cancel.
        most_nodes: 2^p + 1, at least 17.
        whole_batches: a sample's logits depend on its batch: all samples get all nodes.
        several: all samples' logits at several alphas at once, for the first level; None: one after the
            other.
    """
    n = len(labels)
    # Random parts of B equal batches add up to sqrt(B) times one's, their mean to 1/sqrt(B) of it.
    slack = np.sqrt(max(1.0, total / n))
    n_pilots = n if whole_batches else min(PILOTS, max(1, n // 8))
    pilots = torch.arange(n_pilots) * n // n_pilots
    alphas = chebyshev_nodes(FIRST_LEVEL).tolist()
    first = [evaluate(alpha, None) for alpha in alphas] if several is None else several(alphas)
    batch = _Batch(evaluate, torch.stack([z.T for z in first]), labels, pilots, OPEN_LOSS * loss_tolerance)
    while True:
        batch.double()
        while True:
            drift = batch.drift(max(total, n))
            standing_in = drift.stand_in_error(slack) > loss_tolerance / 2
            if not (standing_in and drift.loss_error(slack) > loss_tolerance and batch.evaluate_more()):
                break
        settled = bool(
            drift.loss_error(slack) <= loss_tolerance
            and drift.class_error(slack) <= max(class_tolerance, 2 / n)
        )
        if settled or 2 * len(batch.nodes) - 1 > most_nodes:
            break
    grid = chebyshev_nodes(max(len(CHECK_GRID), 2 * len(batch.nodes) - 1))
    level = batch.level if len(grid) == len(CHECK_GRID) else _Level(batch.nodes, batch.logits, labels, grid)
    return BatchLine(
        batch.nodes,
        batch.logits,
        grid,
        level.states(),
        level.losses.double(),
        drift,
        batch.evaluations,
        settled,
    )


class _Batch:
    """Logits of one batch at the nodes of the current level, evaluated or standing in.

    The pilots' logits are kept twice: as the other samples' are, and evaluated everywhere.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        first: torch.Tensor,
        labels: torch.Tensor,
        pilots: torch.Tensor,
        open_loss: float,
    ) -> None:
        self.evaluate, self.labels, self.pilots, self.open_loss = evaluate, labels, pilots, open_loss
        n = len(labels)
        self.nodes = chebyshev_nodes(FIRST_LEVEL)
        self.logits = first.contiguous()
        self.exact = self.logits[:, :, pilots]
        self.evaluations = n * FIRST_LEVEL
        self.doubt = torch.zeros(FIRST_LEVEL, n)  # of a value that stands in: the drift of its loss
        self.level = _Level(self.nodes, self.logits, labels)
        self.coarse = _Level(self.nodes[::2], self.logits[::2], labels, self.nodes[1::2])
        first = sample_losses(self.logits[1::2], labels) - self.coarse.losses
        self.moved, self.ratio = float(first.square().mean(dim=1).max()), 1.0

    def double(self) -> None:
        """To the next level."""
        nodes, n = chebyshev_nodes(2 * len(self.nodes) - 1), len(self.labels)
        new = nodes[1::2]
        fill = self.level.at(new)
        if len(self.pilots) == n:
            asked, doubt = torch.ones(len(new), n, dtype=torch.bool), torch.zeros(len(new), n)
        else:
            asked, doubt = self._open(self.coarse.at(new), fill)
        values = torch.empty(len(nodes), *fill.shape[1:], dtype=fill.dtype)
        values[::2], values[1::2] = self.logits, fill
        doubts, exact = torch.zeros(len(nodes), n), self.exact.new_empty(len(nodes), *self.exact.shape[1:])
        doubts[::2], doubts[1::2], exact[::2] = self.doubt, doubt.masked_fill(asked, 0.0), self.exact
        is_pilot = torch.zeros(n, dtype=torch.bool)
        is_pilot[self.pilots] = True
        for j, alpha in enumerate(new):
            chosen = torch.nonzero(asked[j] | is_pilot)[:, 0]
            found = self._evaluate(float(alpha), chosen)
            use = asked[j, chosen]
            values[2 * j + 1][:, chosen[use]] = found[:, use]
            exact[2 * j + 1] = found[:, is_pilot[chosen]]
        self.nodes, self.logits, self.doubt, self.exact = nodes, values, doubts, exact
        self.coarse, self.level = self.level, _Level(nodes, values, self.labels)
        moved = float((self.level.losses - self.coarse.losses).square().mean(dim=1).max())
        self.ratio, self.moved = float(np.sqrt(moved / max(self.moved, 1e-30))), moved

    def evaluate_more(self) -> bool:
        """Evaluate what stands in, down to a quarter of the doubt; False when nothing stands in."""
        self.open_loss /= 4
        asked = self.doubt > self.open_loss
        if not asked.any():
            return bool((self.doubt > 0).any())
        for j, alpha in enumerate(self.nodes):
            chosen = torch.nonzero(asked[j])[:, 0]
            if len(chosen):
                self.logits[j][:, chosen] = self._evaluate(float(alpha), chosen)
        self.doubt[asked] = 0.0
        self.level = _Level(self.nodes, self.logits, self.labels)
        return True

    def drift(self, total: int) -> Drift:
        """What may be wrong at the current level."""
        drift = _drift(self.coarse, self.level, self.ratio, total)
        if len(self.pilots) < len(self.labels):
            exact = _Level(self.nodes, self.exact, self.labels[self.pilots])
            change = (self.level.losses[:, self.pilots] - exact.losses).double()
            n = len(self.labels)
            drift.stand_in += n * change.mean(dim=1).numpy()
            drift.stand_in_variance += n**2 * change.var(dim=1, correction=1).numpy() / change.shape[1]
        return drift

    def _evaluate(self, alpha: float, chosen: torch.Tensor) -> torch.Tensor:
        self.evaluations += len(chosen)
        return self.evaluate(alpha, None if len(chosen) == len(self.labels) else chosen).T

    def _open(self, coarse: torch.Tensor, fill: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which samples (m - 1, n) to evaluate at the new nodes, and the drift of their losses there."""
        labels = self.labels
        drift = (fill - coarse).abs().amax(dim=1)
        margin = _margins(fill, labels)
        loss_drift = (sample_losses(fill, labels) - sample_losses(coarse, labels)).abs()
        right, between = _margins(self.logits, labels) > 0, margin > 0
        near = (margin.abs() < MARGIN * drift) | (loss_drift > self.open_loss)
        near |= (
            (right[1:] != right[:-1]) | (between != right[1:]) | (between != (_margins(coarse, labels) > 0))
        )
        asked = near.clone()
        if len(self.nodes) == FIRST_LEVEL:  # a coarse value is felt as far as the next node
            asked[1:] |= near[:-1]
            asked[:-1] |= near[1:]
        return asked, loss_drift


def _margins(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The label's logit minus the largest other (m, n) of logits (m, k, n)."""
    own = labels.expand(len(logits), 1, -1)
    return logits.gather(1, own)[:, 0] - logits.scatter(1, own, -torch.inf).amax(dim=1)


class _Level:
    """The interpolant through one level, and what it says on a grid: `losses` and `correct` (g, n)."""

    def __init__(
        self, nodes: NDArray[Any], logits: torch.Tensor, labels: torch.Tensor, grid: NDArray[Any] = CHECK_GRID
    ) -> None:
        self.nodes, self.logits, self.labels, self.grid = nodes, logits, labels, grid
        self.losses = torch.empty(len(grid), len(labels), dtype=logits.dtype)
        self.correct = torch.empty(len(grid), len(labels), dtype=torch.bool)
        for piece in self._pieces():
            values, own = self.at(grid, piece), labels[piece].expand(len(grid), 1, -1)
            label = values.gather(1, own)
            self.correct[:, piece] = (label > values.scatter(1, own, -torch.inf).amax(dim=1, keepdim=True))[
                :, 0
            ]
            largest = values.amax(dim=1, keepdim=True)
            self.losses[:, piece] = (
                (values - largest).exp_().sum(dim=1, keepdim=True).log_() + largest - label
            )[:, 0]

    def at(self, alphas: NDArray[Any], piece: slice = slice(None)) -> torch.Tensor:
        """Logits (alphas, k, piece)."""
        rows = torch.from_numpy(interpolation_matrix(self.nodes, alphas)).to(self.logits.dtype)
        values = self.logits[:, :, piece]
        return (rows @ values.reshape(len(values), -1)).view(len(rows), *values.shape[1:])

    def states(self) -> torch.Tensor:
        """States (g, n) of `class_states`."""
        pieces = [class_states(self.at(self.grid, piece), self.labels[piece]) for piece in self._pieces()]
        return torch.cat(pieces, dim=1)

    def _pieces(self) -> list[slice]:
        size = max(1, BLOCK // (len(self.grid) * self.logits.shape[1]))
        return [slice(i, i + size) for i in range(0, len(self.labels), size)]


def _drift(coarse: _Level, level: _Level, ratio: float, total: int) -> Drift:
    """What may remain at `level`; `ratio` is that of the root mean squares of the last two changes."""
    grid, n = level.losses.shape
    change = (level.losses - coarse.losses).double()
    signed, squares = change.sum(dim=1).abs().numpy(), change.square().sum(dim=1).numpy()
    # Kinks slow the fall down in the end: the next ratio is nearer to 1 than the last.
    share = float(np.clip(np.sqrt(ratio), *SHARE))
    flipped = level.correct != coarse.correct
    flips = flipped.sum(dim=1).numpy().astype(np.float64)
    net = np.abs((level.correct.sum(dim=1) - coarse.correct.sum(dim=1)).numpy())
    mean = level.losses.double().sum(dim=1).numpy()
    half = interpolation_matrix(level.grid[::2], level.grid[1::2]) @ mean[::2]
    rounding = torch.finfo(level.logits.dtype).eps * float(level.logits.abs().amax(dim=(0, 1)).sum()) / 4
    return Drift(
        # Kinks common to all samples (of units that their biases drive) have one sign and fall slowly.
        (share if ratio < SMOOTH else SHARE[1]) * signed,
        share**2 * squares,
        # Beyond twice its standard deviation a sum of random signs is not random.
        FLIP_SHARE * np.maximum(0.0, net - 2 * np.sqrt(flips)),
        FLIP_SHARE * (flips + FEW_FLIPS * n / total),
        np.zeros(grid),
        np.zeros(grid),
        BETWEEN * float(np.abs(half - mean[1::2]).max()) + rounding,
        n,
    )
