"""What the power model's loss tends to, and by when it is below a given loss (T12b).

Signs of W^r are kept along the flow. Edge j -> i (i != j) iff W_jj(0)^r <= 0 <= W_ij(0)^r: sample j leans on
the biases alone against class i. psi(b) = sum_j pi_j log(1 + sum over edges j -> i of e^(b_i - b_j)), and the
loss decreases to L* = inf psi, from any start of degree r >= 3.

How L* is found: an edge that lies on no cycle costs nothing in the limit (the biases of one strongly
connected component are moved against the other's), so L* is the sum of the minima over the components. There
psi grows in every direction but the common one, and Newton's method in a trust region finds its minimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

from mli_theory.domain import DomainError, check_class_shares, check_degree, finite_array
from mli_theory.names_in_words import first_of
from mli_theory.power_model.flow_equations import loss

__all__ = ["checked_weights", "least_psi", "loss_limit", "sign_edges", "time_to_loss_bound"]

Array = NDArray[np.float64]
Edges = NDArray[np.bool_]

_STATEMENT = "T12b"


def loss_limit(weights: ArrayLike, degree: int, class_shares: ArrayLike | None = None) -> float:
    """L*, the limit of the training loss under gradient flow, from the signs of the initial weights (T12b).

    The loss is above L* at all times, unless all weights are 0; it is 0 iff the sign graph has no cycle.

    Args:
        weights: W(0) (k, k), row i the class's logit, column j the sample's class; zeros stay zeros.
        degree: r >= 3. The biases are trained, from any b(0).
        class_shares: pi (k,), positive, of sum 1; equal if None.

    Returns:
        L* in nats per sample, to a relative 1e-9; exactly 0.0 where there is no cycle.

    Raises:
        DomainError: naming T12b and the value: a degree below 3, weights that are not square or not finite,
            shares that are not positive or do not sum to 1.

    Source: T12b.

    Example:
        >>> import mli
        >>> mli.loss_limit([[0.2, 0.1], [0.1, 0.3]], degree=3)
        0.0
    """
    w, r = checked_weights(weights, degree)
    shares = check_class_shares(class_shares, len(w), statement=_STATEMENT)
    edges = sign_edges(w, r)
    _, component = connected_components(edges, directed=True, connection="strong")
    return float(
        sum(least_psi(edges[np.ix_(of, of)], shares[of])[0] for of in _groups(component) if len(of) > 1)
    )


def time_to_loss_bound(
    weights: ArrayLike,
    degree: int,
    final_loss: float,
    bias: ArrayLike | None = None,
    class_shares: ArrayLike | None = None,
) -> float:
    """A time by which the gradient flow's loss is at or below `final_loss`, from the start alone (T12b).

    Where all W_jj^r > 0, any shares: t min(pi) (1 - e^(-L/min pi)) <= sum_j Phi(W_jj(0)).
    Else equal shares and no cycle: t (1 - e^(-k L)) <= (1 + R) F + k |rho| sqrt(t L(0)), rho the centred
    levels of the graph, R their range, F = k times the sum of Phi over W_jj^r > 0 and over W_ij^r < 0 in the
    other columns.

    Args:
        weights: W(0) (k, k), as of `loss_limit`.
        degree: r >= 3.
        final_loss: eps > 0, nats per sample.
        bias: b(0) (k,), zeros if None; used where the graph has edges.
        class_shares: pi (k,), positive, of sum 1; equal if None.

    Returns:
        The time; 0.0 where the start's loss is not above `final_loss`, inf beyond float64.

    Raises:
        DomainError: naming T12b and the value: as `loss_limit`; a final loss that is not positive; a sign
            graph with a cycle, naming its L*; edges with unequal shares, for which no bound is proved.

    Source: T12b, time bound and corollary.
    """
    w, r = checked_weights(weights, degree)
    k = len(w)
    shares = check_class_shares(class_shares, k, statement=_STATEMENT)
    eps = float(finite_array("final_loss", final_loss, (), statement=_STATEMENT))
    if eps <= 0:
        raise DomainError(f"{_STATEMENT} needs final_loss > 0, got {eps}")
    start = np.zeros(k) if bias is None else finite_array("bias", bias, (k,), statement=_STATEMENT)
    start_loss = float(loss(w, start, r, shares))
    if start_loss <= eps:
        return 0.0
    edges, sign = sign_edges(w, r), _signs(w, r)
    with np.errstate(divide="ignore", over="ignore"):
        phi = np.abs(w) ** (2.0 - r) / (r * (r - 2))
    own = np.diag(sign) > 0
    if own.all():
        least = float(shares.min())
        return float(np.diag(phi).sum() / (least * -np.expm1(-eps / least)))
    limit = loss_limit(w, r, shares)
    if limit > 0:
        raise DomainError(
            f"{_STATEMENT}: the sign graph has a cycle, and the loss stays above L* = {limit:.6g}: "
            "there is no time bound"
        )
    if not np.allclose(shares, 1 / k, rtol=1e-9, atol=0):
        raise DomainError(
            f"{_STATEMENT}: a time bound is proved for equal class shares where a W_jj^r is not positive, "
            f"got class_shares = [{first_of(shares)}]"
        )
    separating = phi[:, ~own][sign[:, ~own] < 0]
    total = k * (np.diag(phi)[own].sum() + separating.sum())
    levels = _levels(edges)
    rho = levels - levels.mean()
    slope = -np.expm1(-k * eps)
    drift = k * np.linalg.norm(rho) * np.sqrt(start_loss)
    root = (drift + np.sqrt(drift**2 + 4 * slope * (1 + np.ptp(rho)) * total)) / (2 * slope)
    return float(root**2)


def checked_weights(weights: ArrayLike, degree: int, *, statement: str = _STATEMENT) -> tuple[Array, int]:
    """W(0) (k, k) and r >= 3, as the theorem `statement` needs them.

    Raises:
        DomainError: naming the theorem and the value.
    """
    r = check_degree(degree, least=3, statement=statement)
    w = finite_array("weights", weights, (None, None), statement=statement)
    if w.shape[0] != w.shape[1] or len(w) < 2:
        raise DomainError(f"{statement} needs square weights (k, k), k >= 2, got shape {w.shape}")
    return w, r


def _signs(w: Array, r: int) -> Array:
    """Signs of W^r: the power itself may underflow."""
    return np.asarray(np.sign(w) if r % 2 else np.abs(np.sign(w)))


def sign_edges(w: Array, r: int) -> Edges:
    """The sign graph of W (k, k) at degree r: entry (j, i) says whether j -> i."""
    sign = _signs(w, r)
    edges = (np.diag(sign) <= 0)[:, None] & (sign.T >= 0)
    np.fill_diagonal(edges, False)
    return np.asarray(edges)


def _groups(component: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    return [np.flatnonzero(component == one) for one in range(int(component.max()) + 1)]


def least_psi(edges: Edges, shares: Array) -> tuple[float, Array]:
    """The minimum of psi over one strongly connected component, and biases (k,) at which it is taken.

    Args:
        edges: (k, k) of `sign_edges`, strongly connected.
        shares: (k,) of the component's classes; they need not sum to 1.
    """

    def terms(free: Array) -> tuple[Array, Array]:
        b = np.concatenate([[0.0], free])  # psi does not change when all biases move alike
        rise = np.where(edges, b[None, :] - b[:, None], -np.inf)
        logs = np.logaddexp(0.0, np.logaddexp.reduce(rise, axis=1))
        return logs, np.exp(rise - logs[:, None])

    def value(free: Array) -> float:
        return float(shares @ terms(free)[0])

    def slope(free: Array) -> Array:
        p = shares[:, None] * terms(free)[1]
        return np.asarray((p.sum(axis=0) - p.sum(axis=1))[1:])

    def curvature(free: Array) -> Array:
        p = terms(free)[1]
        second = np.diag(shares @ p) - p.T @ (shares[:, None] * p)
        leaves = p.sum(axis=1)
        second += np.diag(shares * leaves) - np.diag(shares * leaves**2)
        cross = shares[:, None] * (leaves[:, None] * p - p)
        return np.asarray((second + cross + cross.T)[1:, 1:])

    found = minimize(
        value,
        np.zeros(len(shares) - 1),
        jac=slope,
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-12},
    )
    return value(found.x), np.concatenate([[0.0], found.x])


def _levels(edges: Edges) -> Array:
    """The longest path from each vertex of a graph without a cycle: it falls by at least 1 along an edge."""
    levels = np.zeros(len(edges))
    for _ in range(len(edges)):
        levels = np.where(edges, levels[None, :] + 1, 0.0).max(axis=1)
    return levels
