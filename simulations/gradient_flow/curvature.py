"""The curvature that decides how large a step of gradient descent may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory import power_model

__all__ = ["largest_curvature"]

Array = NDArray[np.float64]


def largest_curvature(
    weights: ArrayLike, bias: ArrayLike, degree: int, class_shares: ArrayLike | None = None
) -> Array:
    """Largest eigenvalue (...) of the loss's Hessian in all k^2 + k parameters, biases trained.

    Gradient descent is stable at a state to first order while its learning rate is below 2 over this. Dense:
    (k^2 + k)^2 numbers a state, so for k up to some 20.

    Args:
        weights: (..., k, k); a leading axis may be the records of a flow.
        bias: (..., k).
        degree: r >= 2.
        class_shares: pi (k,), equal by default.

    Raises:
        DomainError: as `mli_theory.power_model.flow_equations.logits`.
    """
    z = np.swapaxes(power_model.logits(weights, bias, degree), -1, -2)  # refuses what is not a state
    w, k, r = np.asarray(weights, dtype=np.float64), z.shape[-1], degree
    shares = np.full(k, 1.0 / k) if class_shares is None else np.asarray(class_shares, dtype=np.float64)
    p = np.exp(z - z.max(axis=-2, keepdims=True))
    p /= p.sum(axis=-2, keepdims=True)
    wrong = np.where(np.eye(k, dtype=bool), 0.0, p)
    pull = shares * np.where(np.eye(k, dtype=bool), wrong.sum(axis=-2, keepdims=True), -wrong)
    slope = r * w ** (r - 1)
    hessian = np.zeros((*w.shape[:-2], k * k + k, k * k + k))
    everyone = np.arange(k)
    for j in range(k):  # the logits of sample j meet W_.j and b
        column = p[..., j]
        of_logits = shares[j] * (
            column[..., :, None] * np.eye(k) - column[..., :, None] * column[..., None, :]
        )
        cells = everyone * k + j
        by_weight = of_logits * slope[..., :, None, j]
        hessian[..., cells[:, None], cells] = by_weight * slope[..., None, :, j]
        hessian[..., cells[:, None], k * k + everyone] = by_weight
        hessian[..., k * k + everyone[:, None], cells] = np.swapaxes(by_weight, -1, -2)
        hessian[..., k * k :, k * k :] += of_logits
    bend = r * (r - 1) * w ** (r - 2) * -pull
    diagonal = np.arange(k * k)
    hessian[..., diagonal, diagonal] += bend.reshape(*w.shape[:-2], k * k)
    largest: Array = np.linalg.eigvalsh(hessian)[..., -1]
    return largest
