"""Gaussian starts of both signs (T12): which can reach the loss, what escapes first, and the bias order.

The share of starts that can reach a loss is counted on many draws from their signs alone; one start a seed is
solved, conditioned on that: a start whose sign graph has a cycle meets a floor above the final loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from simulations.gradient_flow import FlowError
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import ends, signal_one, solve
from simulations.power_model_experiments.starts import initial_weights
from simulations.runtime.random_streams import numpy_stream

__all__ = ["GROUPS", "VARIABLES", "can_reach_zero", "first_arrival", "measure"]

Array = NDArray[np.float64]

_DRAWS = 500

GROUPS = {
    "quick": tuple(
        Group(k, r, (1e-2,), (1e-4,), "gaussian") for k, r in ((2, 3), (3, 3), (4, 3), (10, 3), (4, 4))
    ),
    "full": tuple(
        Group(k, r, (1e-1, 1e-2, 1e-3), (1e-6,), "gaussian") for k in (2, 3, 4, 6, 10) for r in (3, 4, 5)
    ),
}

VARIABLES = {
    "draws": "starts drawn for the shares below",
    "draws_reaching": "of these, with a sign graph without a cycle (odd r; all for even r)",
    "draws_off_diagonal_first": "of these draws, where T12 has a negative off-diagonal weight escape first",
    "reachable": "1 where the start solved has a sign graph without a cycle",
    "reached": "1 where the solver reached the final loss (nan where not reachable: not tried)",
    "first_is_off_diagonal": "1 where the first weight to pass size 1 was off the diagonal",
    "first_off_diagonal_predicted": "1 where T12 expects that",
    "first_as_predicted": "1 where the first weight to pass size 1 was the one predicted",
    "last_has_largest_bias": "1 where the positive diagonal last (or never) to pass 1 has the largest bias",
    "bias_follows_diagonal": "1 where the largest bias belongs to the class of the smallest initial diagonal",
    "negative_diagonals": "number of negative W_jj at the start",
    "separated_by_bias_or_off_diagonals": "classes of diagonal signal below 1 at the final loss",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale; signs, and so reachability, are those of the draw at scale 1."""
    k, r = group.n_classes, group.degree
    draws = numpy_stream(seed, f"signs of {k} classes").standard_normal((_DRAWS, k, k))
    shares: dict[str, object] = {
        "draws": _DRAWS,
        "draws_reaching": sum(can_reach_zero(w, r) for w in draws),
        "draws_off_diagonal_first": sum(_off_diagonal(first_arrival(w, r)) for w in draws),
    }
    starts = initial_weights(group, seed)
    rows: list[Values] = []
    for start in starts:
        row = shares | {
            "reachable": can_reach_zero(start, r),
            "negative_diagonals": (np.diag(start) < 0).sum(),
            "first_off_diagonal_predicted": _off_diagonal(first_arrival(start, r)),
        }
        if row["reachable"]:
            row |= _solved(start, r, group.final_losses[0])
        rows.append(row)
    return rows


def can_reach_zero(weights: Array, degree: int) -> bool:
    """T12: no cycle in the graph with an edge j -> i for W_jj^r < 0 and W_ij^r > 0, i != j."""
    signal = np.sign(weights) if degree % 2 else np.abs(np.sign(weights))
    edges = ((signal > 0) & (np.diag(signal) < 0)[None, :]).T  # [j, i]; W_jj < 0 has no edge to itself
    n_components, _ = connected_components(edges, directed=True, connection="strong")
    return bool(n_components == len(weights))


def first_arrival(weights: Array, degree: int) -> tuple[int, int]:
    """The weight (i, j) that T12 has escape first from a small start.

    While every p_ij is 1/k, W_jj gains at (k-1)/k^2 and every W_ij, i != j, at -1/k^2: the growing ones are
    the positive diagonals, and the negative off-diagonals for odd r; for even r negative diagonals too.
    """
    k = len(weights)
    own = np.eye(k, dtype=bool)
    growing = np.where(own, weights > 0, weights < 0) if degree % 2 else own
    potential = np.abs(weights) ** (2.0 - degree) if degree > 2 else -np.log(np.abs(weights))
    wait = np.where(growing, np.where(own, potential / (k - 1), potential), np.inf)
    i, j = np.unravel_index(int(np.argmin(wait)), wait.shape)
    return int(i), int(j)


def _off_diagonal(place: tuple[int, int]) -> bool:
    return place[0] != place[1]


def _solved(start: Array, r: int, final_loss: float) -> dict[str, object]:
    try:
        flow = solve(start[None], r, final_loss)
    except FlowError:
        return {"reached": False}
    k = len(start)
    time, weights = flow["time"].to_numpy()[0], flow["weights"].to_numpy()[0]
    arrivals = np.array([[signal_one(weights[:, i, j], r, time) for j in range(k)] for i in range(k)])
    arrivals = np.where(np.isnan(arrivals), np.inf, arrivals)
    first = np.unravel_index(int(np.argmin(arrivals)), arrivals.shape)
    place = (int(first[0]), int(first[1]))
    end_weights, end_bias = (end[0] for end in ends(flow))
    diagonal = np.diag(start) if r % 2 else np.abs(np.diag(start))
    own = np.where(diagonal > 0, np.diag(arrivals), -np.inf)
    # Several that never pass 1: the smallest of them would have been last.
    last = int(np.lexsort((-diagonal, own))[-1])
    held = int(np.argmax(end_bias))
    return {
        "reached": True,
        "first_is_off_diagonal": _off_diagonal(place),
        "first_as_predicted": place == first_arrival(start, r),
        "last_has_largest_bias": held == last if (diagonal > 0).any() else np.nan,
        "bias_follows_diagonal": held == int(np.argmin(diagonal)),
        "separated_by_bias_or_off_diagonals": (np.diag(end_weights) ** r < 1).sum(),
    }
