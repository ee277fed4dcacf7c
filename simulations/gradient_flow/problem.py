"""The checked start of a flow: what `integrate` and `descend` accept and what they refuse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory import power_model
from mli_theory.domain import DomainError, check_class_shares, check_degree, finite_array
from simulations.gradient_flow.solver.reachability import check_reachable

__all__ = ["Problem"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A batch of starts: weights (m, k, k), bias (m, k), shares (k,); batched if the caller gave a batch."""

    weights: Array
    bias: Array
    degree: int
    shares: Array
    batched: bool

    @classmethod
    def checked(
        cls, weights: ArrayLike, degree: int, bias: ArrayLike | None, class_shares: ArrayLike | None
    ) -> Problem:
        """From the caller's arguments.

        Raises:
            DomainError: see `integrate`.
        """
        degree = check_degree(degree, statement="the power model")
        batched = np.ndim(weights) == 3
        array = finite_array("weights", weights, (None,) * (3 if batched else 2))
        if array.shape[-1] != array.shape[-2] or array.shape[-1] < 2:
            raise DomainError(f"weights must be square, (k, k) with k >= 2, got shape {array.shape}")
        array = array.reshape(-1, *array.shape[-2:])
        m, k, _ = array.shape
        _refuse_zeros(array, batched)
        with np.errstate(over="ignore", divide="ignore"):
            large = ~np.isfinite(np.abs(array) ** (2.0 - degree))
        if (large & (array != 0)).any():
            value = array[large & (array != 0)][0]
            raise DomainError(
                f"a weight of {value} to the power {2 - degree} is beyond float64: use larger weights"
            )
        if bias is None:
            biases = np.zeros((m, k))
        elif np.ndim(bias) == 1:
            biases = np.tile(finite_array("bias", bias, (k,)), (m, 1))
        else:
            biases = finite_array("bias", bias, (m, k))
        shares = check_class_shares(class_shares, k, statement="the gradient flow of the power model")
        return cls(array, biases, degree, shares, batched)

    def start_loss(self) -> Array:
        """Training loss (m,) in nats."""
        return power_model.loss(self.weights, self.bias, self.degree, self.shares)

    def check_final_loss(self, final_loss: float, train_bias: bool) -> None:
        """Refuse a loss that is not below the start's and log k, or proved out of reach (T12)."""
        start = self.start_loss()
        largest = min(float(start.min()), float(np.log(self.weights.shape[-1])))
        if not 0 < final_loss < largest:
            raise DomainError(
                f"final_loss must lie in (0, {largest:.6g}), below log k and the loss of every start, "
                f"got {final_loss}"
            )
        signs = np.sign(self.weights) if self.degree % 2 else np.abs(np.sign(self.weights))
        for run, sign in enumerate(signs):
            check_reachable(sign, self.shares, self.bias[run], train_bias, final_loss, run)


def _refuse_zeros(array: Array, batched: bool) -> None:
    diagonal_start = (array[:, ~np.eye(array.shape[-1], dtype=bool)] == 0).all(axis=1)
    bad = (array == 0) & ~diagonal_start[:, None, None]
    if bad.any():
        run, i, j = (int(n) for n in np.argwhere(bad)[0])
        place = f"weights[{run}, {i}, {j}]" if batched else f"weights[{i}, {j}]"
        raise DomainError(
            f"{place} = 0: a zero weight never moves (T8). Give it a value, or set every off-diagonal "
            "weight to 0 for a diagonal start"
        )
