"""The power model: logits W_ij^r + b_i on k orthogonal inputs x_j = e_j, one per class (theorem T8).

weights W (..., k, k): W_ij scales class i on the sample of class j; bias b (..., k). Leading axes are a
batch (records of a trajectory, seeds). degree r >= 2. pi_j = share of class j, 1/k unless given. With p_ij
the softmax over i and G_ij = pi_j (1[i = j] - p_ij), gradient flow is dW_ij/dt = r W_ij^(r-1) G_ij and
db_i/dt = sum_j G_ij. Losses in nats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.cross_entropy import loss_from_log_odds
from mli_theory.domain import DomainError, check_class_shares, check_degree, finite_array

__all__ = ["conserved_quantities", "gradient", "logits", "loss"]

Floats = NDArray[np.float64]


def logits(weights: ArrayLike, bias: ArrayLike, degree: int) -> NDArray[np.float64]:
    """The logits z[..., j, i] = W_ij^r + b_i, samples before classes as everywhere: (..., k, k).

    Note the transpose: weights are (class, sample), logits (sample, class). W_ij^r of the trained model,
    `logits(weights, 0 * bias, degree)`, is the signal of `mli_theory.predict_curves`, with labels 0 .. k - 1.

    Raises:
        DomainError: shapes that disagree, fewer than 2 classes, non-finite input, degree < 2, or a logit
            above the range of float64.
    """
    return np.swapaxes(_class_by_sample(*_checked(weights, bias, degree)), -1, -2).copy()


def loss(
    weights: ArrayLike, bias: ArrayLike, degree: int, class_shares: ArrayLike | None = None
) -> NDArray[np.float64]:
    """The mean cross-entropy sum_j pi_j (-log p_jj) in nats: shape (...), a 0-d array without a batch.

    Args:
        weights: (..., k, k), k >= 2, finite, any signs.
        bias: (..., k), finite.
        degree: r >= 2.
        class_shares: pi (k,), non-negative, sum 1 to 1e-9; 1/k each when None.

    Accuracy: relative error about 2^-52 (5 + (r + 1) times the size of the logits), also far below 1e-16.

    Raises: as `logits`, and DomainError for bad shares.
    """
    w, b, r = _checked(weights, bias, degree)
    shares = _shares(class_shares, w)
    return np.asarray((loss_from_log_odds(_log_odds(_class_by_sample(w, b, r))) * shares).sum(axis=-1))


def gradient(
    weights: ArrayLike, bias: ArrayLike, degree: int, class_shares: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The gradient of `loss`: (dL/dW (..., k, k), dL/db (..., k)). Gradient *flow* moves along minus this.

    dL/dW_ij = -r W_ij^(r-1) G_ij and dL/db_i = -sum_j G_ij. Arguments as `loss`.

    Accuracy: 1 - p_jj is the sum of the other classes' p_ij, never a difference from 1, so every entry of
    dL/dW keeps its relative accuracy, about 2^-52 (5 + (r + 1) times the size of the logits), also late in
    training when 1 - p_jj is far below 1e-16. dL/db sums k terms of both signs: the same bound relative to
    the largest of them. sum_i dL/db_i = 0 to the same rounding.

    Raises: as `loss`; DomainError also where r W^(r-1) is above the range of float64.
    """
    w, b, r = _checked(weights, bias, degree)
    pull = _pull(w, b, r, _shares(class_shares, w))
    with np.errstate(over="ignore", under="ignore"):
        slope = r * w ** (r - 1)
    _refuse_overflow("r W^(r-1)", slope, w)
    return -slope * pull, -pull.sum(axis=-1)


def conserved_quantities(
    weights: ArrayLike, bias: ArrayLike, degree: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What gradient flow keeps constant: (rows (..., k), columns (..., k)), in nats.

    rows_i = b_i - sum_j phi(W_ij) and columns_j = sum_i phi(W_ij), where phi(w) = w^(2-r)/(r(2-r)), or
    log|w|/2 at r = 2. Their total, sum_i rows_i + sum_j columns_j = sum_i b_i, is the third law. They hold
    for any signs and any class shares (shares do not enter). phi grows like W^(2-r): the terms may be many
    orders larger than a change of b that matters, so quote a drift in nats; rounding is 2^-53 of the
    largest phi.

    Args:
        weights: (..., k, k), k >= 2, finite, every entry non-zero.
        bias: (..., k), finite.
        degree: r >= 2.

    Raises:
        DomainError: as `logits`; a zero weight (for a diagonal start only sum_i b_i is conserved); phi above
            the range of float64.

    Source: T8.
    """
    w, b, r = _checked(weights, bias, degree)
    if (w == 0).any():
        first = _first_index(w == 0)
        raise DomainError(
            f"T8 needs every weight non-zero, but weights{first} = 0: "
            "a zero weight never moves, and for a diagonal start only sum_i b_i is conserved"
        )
    if r == 2:
        phi = np.log(np.abs(w)) / 2
    else:
        with np.errstate(over="ignore", under="ignore"):
            phi = w ** (2.0 - r) / (r * (2 - r))
        _refuse_overflow("phi", phi, w)
    return b - phi.sum(axis=-1), phi.sum(axis=-2)


def _checked(weights: ArrayLike, bias: ArrayLike, degree: int) -> tuple[Floats, Floats, int]:
    try:
        n_dims = max(np.ndim(weights), 2)
    except ValueError:  # rows of different lengths: refused below, by name
        n_dims = 2
    w = finite_array("weights", weights, (None,) * n_dims, statement="T8")
    if w.shape[-1] != w.shape[-2] or w.shape[-1] < 2:
        raise DomainError(f"weights must have shape (..., k, k) with k >= 2, got {w.shape}")
    b = finite_array("bias", bias, w.shape[:-1], statement="T8")
    return w, b, check_degree(degree, statement="T8")


def _shares(class_shares: ArrayLike | None, w: Floats) -> Floats:
    return check_class_shares(class_shares, w.shape[-1], statement="T8", empty_classes=True)


def _class_by_sample(w: Floats, b: Floats, r: int) -> Floats:
    """W_ij^r + b_i, (..., class i, sample j)."""
    with np.errstate(over="ignore", under="ignore"):
        z = w**r + b[..., None]
    _refuse_overflow("the logit", z, w)
    return np.asarray(z)


def _log_odds(z: Floats) -> Floats:
    """z_ij - z_jj over the k - 1 classes i != j: (k - 1, ..., k samples)."""
    k = z.shape[-1]
    sample = np.arange(k)
    others = np.arange(k - 1)[:, None] + (np.arange(k - 1)[:, None] >= sample)
    with np.errstate(over="ignore"):
        return np.asarray(np.moveaxis(z[..., others, sample] - z[..., sample, sample][..., None, :], -2, 0))


def _pull(w: Floats, b: Floats, r: int, shares: Floats) -> Floats:
    """G_ij = pi_j (1[i = j] - p_ij), (..., class i, sample j), its diagonal summed over the other classes."""
    z = _class_by_sample(w, b, r)
    sample = np.arange(z.shape[-1])
    with np.errstate(over="ignore", under="ignore"):
        odds = np.exp(z - z.max(axis=-2, keepdims=True))
        p = odds / odds.sum(axis=-2, keepdims=True)
    p[..., sample, sample] = 0.0
    pull = -p
    pull[..., sample, sample] = p.sum(axis=-2)
    return np.asarray(pull * shares)


def _refuse_overflow(what: str, values: Floats, w: Floats) -> None:
    if not np.isfinite(values).all():
        first = _first_index(~np.isfinite(values))
        raise DomainError(f"{what} is outside the range of float64 at weights{first} = {w[tuple(first)]}")


def _first_index(where: NDArray[np.bool_]) -> list[int]:
    return [int(index) for index in np.argwhere(where)[0]]
