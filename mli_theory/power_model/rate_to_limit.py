"""How far the power model's loss is above its limit at a given time, where every class leans on every other.

W_jj(0)^r <= 0 <= W_ij(0)^r for all i != j: the sign graph of T12b has every edge, its cycles keep the loss
above L* > 0, and every weight shrinks. With Lam = L(0)/min pi and b* the biases at which psi is least (T12c):

    t (L(t) - L*) <= |b(0) - b*|^2/2 + e^(2 Lam) |W(0)|^2/(2r)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mli_theory.domain import DomainError, check_class_shares, finite_array
from mli_theory.power_model.flow_equations import loss
from mli_theory.power_model.loss_limit import checked_weights, least_psi, sign_edges

__all__ = ["loss_above_limit_bound"]

_STATEMENT = "T12c"


def loss_above_limit_bound(
    weights: ArrayLike,
    degree: int,
    time: float,
    bias: ArrayLike | None = None,
    class_shares: ArrayLike | None = None,
) -> float:
    """A bound of L(t) - L* under gradient flow, where every class leans on every other (T12c; proved).

    `loss_limit` gives L*. The bound falls like 1/t.

    Args:
        weights: W(0) (k, k), row i the class's logit, column j the sample's class: W_jj^r <= 0 <= W_ij^r.
        degree: r >= 3.
        time: t > 0, of the flow on the loss averaged over samples.
        bias: b(0) (k,), zeros if None.
        class_shares: pi (k,), positive, of sum 1; equal if None.

    Returns:
        Nats per sample; inf beyond float64. Rounded up by a relative 1e-9.

    Raises:
        DomainError: naming T12c and the value: a degree below 3; weights that are not square or not finite; a
            pair of classes without an edge; a time that is not positive; shares that are not positive or do
            not sum to 1.

    Source: T12c.

    Example:
        >>> import mli
        >>> weights = [[-0.3, 0.05], [0.05, -0.2]]
        >>> round(mli.loss_limit(weights, degree=3), 4), round(mli.loss_above_limit_bound(weights, 3, 1e3), 6)
        (0.6931, 0.000373)
    """
    w, r = checked_weights(weights, degree, statement=_STATEMENT)
    k = len(w)
    shares = check_class_shares(class_shares, k, statement=_STATEMENT)
    t = float(finite_array("time", time, (), statement=_STATEMENT))
    if t <= 0:
        raise DomainError(f"{_STATEMENT} needs time > 0, got {t}")
    start = np.zeros(k) if bias is None else finite_array("bias", bias, (k,), statement=_STATEMENT)
    missing = np.argwhere(~sign_edges(w, r) & ~np.eye(k, dtype=bool))
    if len(missing):
        j, i = missing[0].tolist()
        raise DomainError(
            f"{_STATEMENT} needs W_jj^r <= 0 <= W_ij^r for every pair, but W[{j}, {j}] = {w[j, j]} and "
            f"W[{i}, {j}] = {w[i, j]} at degree {r}: no rate is proved there"
        )
    best = least_psi(sign_edges(w, r), shares)[1]
    apart = start - start.mean() - (best - best.mean())
    with np.errstate(over="ignore"):
        spread = np.exp(2 * float(loss(w, start, r, shares)) / shares.min())
        return float((apart @ apart / 2 + spread * (w**2).sum() / (2 * r)) / t * (1 + 1e-9))
