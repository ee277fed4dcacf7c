"""What is proved about the mean cross-entropy on a line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.certificates.relu_line.loss import LOSS_CELLS, LossSums
from mli_theory.domain import finite_array

__all__ = ["CertifiedLoss"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CertifiedLoss:
    """Lower and upper bounds of the mean cross-entropy, in nats, at every real alpha of [0, 1].

    Attributes:
        sums: of all samples, on equal cells.
    """

    sums: LossSums

    def __repr__(self) -> str:
        """In one line: the start, and how far it rises above it."""
        (low, high), (least, most) = self.start, self.largest_rise
        return (
            f"CertifiedLoss({low:.6g} to {high:.6g} at the start, at most {least:.3g} to {most:.3g} above it)"
        )

    @property
    def edges(self) -> Array:
        """(cells + 1,): the cells' ends, 0 to 1."""
        return np.linspace(0.0, 1.0, LOSS_CELLS + 1)

    @cached_property
    def lower(self) -> Array:
        """(cells,): at no alpha of the closed cell is the loss below this."""
        return self.sums.means[0]

    @cached_property
    def upper(self) -> Array:
        """(cells,): nor above this; inf where nothing is known."""
        return self.sums.means[1]

    @property
    def start(self) -> tuple[float, float]:
        """Lower and upper bound at alpha = 0."""
        return self.sums.start_means

    def bounds(self, alphas: ArrayLike) -> tuple[Array, Array]:
        """Lower and upper bound at each alpha.

        Args:
            alphas: real numbers in [0, 1], any shape.

        Raises:
            ValueError: an alpha outside [0, 1] or not finite.
        """
        given = np.asarray(alphas)
        asked = finite_array("alphas", given.reshape(-1), (None,), statement="T15")
        outside = (asked < 0) | (asked > 1)
        if outside.any():
            raise ValueError(f"alphas must lie in [0, 1], got {asked[outside][0]}")
        place = asked * LOSS_CELLS  # exact: a power of two
        right = np.minimum(np.floor(place).astype(int), LOSS_CELLS - 1)
        left = np.maximum(np.ceil(place).astype(int) - 1, 0)
        lower = np.maximum(self.lower[left], self.lower[right])
        upper = np.minimum(self.upper[left], self.upper[right])
        return lower.reshape(given.shape), upper.reshape(given.shape)

    @property
    def largest_rise(self) -> tuple[float, float]:
        """Lower and upper bound of the loss's largest rise above its value at 0, in nats, at least 0."""
        low, high = self.start
        least, most = float(self.lower.max()) - high, float(self.upper.max()) - low
        # One subtraction each: u of its result.
        return max(least, 0.0) * (1.0 - 2.0**-52), max(most, 0.0) * (1.0 + 2.0**-52)

    def rises(self, margin: float = 0.0) -> bool | None:
        """Whether the loss is somewhere more than `margin` above its value at alpha = 0.

        True: proved. False: refuted. None: open. A margin of 0 is never refuted: just right of 0 the bounds
        cannot tell a loss that rises from one that falls.

        Args:
            margin: nats, at least 0.

        Raises:
            ValueError: a margin below 0 or nan.
        """
        if not margin >= 0.0:
            raise ValueError(f"margin must be at least 0, got {margin}")
        least, most = self.largest_rise
        if least > margin:
            return True
        return False if most <= margin < inf else None
