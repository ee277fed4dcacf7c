"""What the initial weights allow the biases to become, and what that does to the plateau (T10b, T11')."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.power_model.learning_schedule import potential
from mli_theory.short_repr import short_repr

__all__ = ["BiasGapBounds", "bias_gap_bounds"]


@dataclass(frozen=True)
class BiasGapBounds:
    """Bounds at training loss eps that hold whatever happened on the way there.

    Attributes:
        bias: (k,) strict upper bounds of b_i at all times: Phi_ii(0), nats.
        gap: strict upper bound of every b_i - b_j at all times, nats. inf where it is beyond float64: still
            a bound, from which `beta` and `plateau_end` are 1, which every plateau satisfies.
        margin: lower bound -log(e^(k eps) - 1) > 0 of b_l + W_ll^r - b_i - W_il^r for all i != l (T10b).
        beta: upper bound of every (b_{i*} - b_j) / (W_jj^r - W_{i*j}^r), j != i*.
        plateau_end: upper bound of alpha_2; it tends to 0 with eps.
    """

    bias: NDArray[np.float64]
    gap: float
    margin: float
    beta: float
    plateau_end: float

    __repr__ = short_repr


def bias_gap_bounds(weights: ArrayLike, degree: int, final_loss: float) -> BiasGapBounds:
    """T10b and T11': bounded biases, so at fixed initial weights the plateau vanishes as the loss goes to 0.

    With Phi_ii(0) = W_ii^(2-r) / (r (r-2)): b_i(t) < Phi_ii(0), and the biases sum to 0, so
    b_i - b_j < Phi_ii(0) + sum_{m != j} Phi_mm(0); beta <= gap / (gap + margin). Proved for the gradient flow
    of the power model from b(0) = 0, k equal classes.

    Args:
        weights: (k, k) initial weights W_ij, all > 0, or diagonal with a positive diagonal.
        degree: r >= 3.
        final_loss: eps with 0 < k eps < log 2, in nats per sample.

    Raises:
        DomainError: naming T11' (or T10b for the loss) and the value.
    """
    r = check_degree(degree, least=3, statement="T11'")
    w = finite_array("weights", weights, (None, None), statement="T11'")
    if w.shape[0] != w.shape[1]:
        raise DomainError(f"T11' needs square weights (k, k), got shape {w.shape}")
    spent = potential(np.diag(w), r, statement="T11'")
    off_diagonal = w[~np.eye(len(w), dtype=bool)]
    if (off_diagonal != 0).any() and not (off_diagonal > 0).all():
        bad = np.argwhere((w <= 0) & ~np.eye(len(w), dtype=bool))[0]
        raise DomainError(
            f"T11' needs all weights positive, or all off-diagonal ones 0, but weights[{bad[0]}, {bad[1]}] = "
            f"{w[tuple(bad)]}"
        )
    k, eps = len(w), float(finite_array("final_loss", final_loss, (), statement="T10b"))
    if not 0 < k * eps < np.log(2):
        raise DomainError(
            f"T10b needs 0 < k eps < log 2, got final_loss = {eps} at k = {k}: k eps = {k * eps}"
        )
    # The largest over i and j of Phi_ii + sum_{m != j} Phi_mm.
    with np.errstate(over="ignore"):
        gap = float(spent.max() + np.sort(spent)[1:].sum())
    margin = max(float(-np.log(np.expm1(k * eps))), 0.0)
    beta = 1 / (1 + margin / gap)
    return BiasGapBounds(spent, gap, margin, beta, float(beta ** (1 / (r - 1))))
