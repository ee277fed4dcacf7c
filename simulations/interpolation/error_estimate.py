"""What may be wrong with an interpolated curve, estimated from what its last level changed.

Level m against the level before is the error *that* level had, sample by sample; the new one's is a share of
it. Two errors are estimated, at the points of `CHECK_GRID` (g,), summed over samples.

Loss. Kinks of different samples lie at different places, so their errors have random signs: the mean's error
is SPREAD standard deviations of their sum, plus the share of what was systematic, plus what it costs that
coarser values stand in for new ones, measured on pilots.

Error rate. Between two levels some samples change sides (*flips*), as many to the right side as to the wrong
one where signs are random. A share of as many is still to come: their number at alpha is a Poisson number,
the error of the count is the difference of two halves of it (Skellam's law), and the estimate is the least
number of samples that the worst alpha exceeds with probability MISSED at most. Where none was seen some must
still be expected: the law's rate is never below UNSEEN flips spread over all points. The constants were tuned
on development seeds, never on the list of cases that tests the coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import skellam

from simulations.interpolation.chebyshev import interpolation_matrix
from simulations.interpolation.interpolant import CHECK_POINTS, LOSS_POINTS, Interpolant

__all__ = ["SHARE", "ErrorEstimate", "drift_between", "pooled", "share_left"]

SPREAD = 2.5
SHARE = (0.1, 0.5)  # of the last change of the loss, what the next may be: the ratio of changes, kept inside
SMOOTH = 0.05  # a smaller ratio of two levels' changes: no kinks yet to be seen
FLIP_SHARE = 0.6
UNSEEN = 6.0  # twice the upper 95 % limit of a Poisson number of which none was seen
NEIGHBOURS = 9  # points over which flips are averaged
MISSED = 0.05
PERSISTENCE = 2  # neighbouring points that one flip covers
BETWEEN = 0.2  # of the error that half the points of the loss make, what all of them make


@dataclass
class ErrorEstimate:
    """What the last levels changed, of which a share may remain. Batches add up.

    In the order of the fields, along the line: change of the sample losses that is systematic (nats),
    variance of the rest; samples that changed sides, and those that became correct less those that became
    wrong; samples whose predicted class changed, and the most that one class won or lost by it (both once the
    level is the last); what standing in costs (nats), and its variance; error of the mean loss between its
    own points and rounding of the logits, times n; n (of weighted rows, the sum of their weights).
    """

    loss: NDArray[Any]
    loss_variance: NDArray[Any]
    flips: NDArray[Any]
    net_flips: NDArray[Any]
    class_flips: NDArray[Any]
    net_class_flips: NDArray[Any]
    stand_in: NDArray[Any]
    stand_in_variance: NDArray[Any]
    between_points: float
    n: float

    @classmethod
    def none(cls) -> ErrorEstimate:
        """Of no sample at all."""
        loss, flips = np.zeros(LOSS_POINTS), np.zeros(CHECK_POINTS)
        return cls(loss, loss, flips, flips, flips, flips, loss, loss, 0.0, 0)  # sums make new arrays

    def __add__(self, other: ErrorEstimate) -> ErrorEstimate:
        return ErrorEstimate(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def loss_error(self, total: float) -> float:
        """The estimated worst error over alpha of the mean loss of `total` samples like these, nats."""
        # Random parts of B equal batches add up to sqrt(B) times one's, their mean to 1/sqrt(B) of it.
        random = SPREAD * np.sqrt((self.loss_variance + self.stand_in_variance) * self.n / total)
        worst = float(np.max(np.hypot(self.loss, self.stand_in) + random))
        return (worst + self.between_points) / self.n

    def stand_in_error(self, total: float) -> float:
        """The part of it that comes from values that stand in."""
        random = SPREAD * np.sqrt(self.stand_in_variance * self.n / total)
        return float(np.max(np.abs(self.stand_in) + random)) / self.n

    def class_error(self, total: float) -> float:
        """The estimated worst error over alpha of the error rate of `total` samples like these."""
        return self._count_error(self.flips, self.net_flips, total)

    def class_share_error(self, total: float) -> float:
        """Likewise of the share of samples that are predicted as one class, of the worst class."""
        return self._count_error(self.class_flips, self.net_class_flips, total)

    def _count_error(self, flips: NDArray[Any], net_flips: NDArray[Any], total: float) -> float:
        more = total / self.n
        window = np.ones(NEIGHBOURS)
        points = np.convolve(np.ones(len(flips)), window, "same")
        seen = np.convolve(flips, window, "same") / points * more
        rate = FLIP_SHARE * (seen + UNSEEN / len(seen))
        # Beyond twice its standard deviation a difference of random signs is not random.
        systematic = FLIP_SHARE * more * np.maximum(0.0, np.abs(net_flips) - 2 * np.sqrt(flips))
        low, high = 0, 2 + int(np.ceil(np.max(systematic) + 20 * np.sqrt(np.max(rate)) + 20))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _missed(middle, rate, systematic) <= MISSED else (middle, high)
        return min(high, total) / total


def _missed(samples: int, rate: NDArray[Any], systematic: NDArray[Any]) -> float:
    """An upper bound of the probability that the count is off by more than `samples` at any alpha."""
    room = np.floor(samples - systematic)
    beyond = np.where(room < 0, 1.0, np.minimum(1.0, 2 * skellam.sf(room, rate / 2, rate / 2)))
    return float(beyond.sum()) / PERSISTENCE


def drift_between(coarse: Interpolant, level: Interpolant, ratio: float) -> ErrorEstimate:
    """What may remain at `level`; `ratio` is that of the root mean squares of the last two changes.

    What standing in costs is added by who measures it.
    """
    changed = level.changed
    change = (level.losses[:, changed] - coarse.losses[:, changed]).double()
    share = share_left(ratio)
    now, before = level.correct[:, changed], coarse.correct[:, changed]
    net = now.sum(dim=1) - before.sum(dim=1)
    mean = level.losses.double().sum(dim=1).numpy()
    half = interpolation_matrix(level.loss_grid[::2], level.loss_grid[1::2]) @ mean[::2]
    rounding = torch.finfo(level.logits.dtype).eps * float(level.logits.abs().amax(dim=(0, 1)).sum()) / 4
    none = np.zeros(LOSS_POINTS)
    return ErrorEstimate(
        # Kinks common to all samples (of units that their biases drive) have one sign and fall slowly.
        (share if ratio < SMOOTH else SHARE[1]) * pooled(change.sum(dim=1).abs().numpy(), LOSS_POINTS),
        share**2 * pooled(change.square().sum(dim=1).numpy(), LOSS_POINTS),
        pooled((now != before).sum(dim=1).double().numpy(), CHECK_POINTS),
        pooled(net.double().numpy(), CHECK_POINTS),
        np.zeros(CHECK_POINTS),
        np.zeros(CHECK_POINTS),
        none,
        none,
        BETWEEN * float(np.abs(half - mean[1::2]).max()) + rounding,
        len(level.labels),
    )


def share_left(ratio: float) -> float:
    """Of a level's last change, what the next may be; `ratio` is that of the last two."""
    # Kinks slow the fall down in the end: the next ratio is nearer to 1 than the last.
    return float(np.clip(np.sqrt(ratio), *SHARE))


def pooled(values: NDArray[Any], points: int) -> NDArray[Any]:
    """Of values on a finer nested grid, for each of `points` the largest in size around it, with its sign."""
    every = (len(values) - 1) // (points - 1)
    if every == 1:
        return values
    near = [np.roll(values, shift) for shift in range(-(every // 2), every // 2 + 1)]
    around = np.stack(near)[:, ::every]  # the two ends wrap: nodes of every level, where nothing changes
    largest: NDArray[Any] = np.take_along_axis(around, np.abs(around).argmax(axis=0)[None], axis=0)[0]
    return largest
