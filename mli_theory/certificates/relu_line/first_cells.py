"""Which cells a search begins with: those that a few samples need.

Cells are halved where little of them is decided, and kept where much is. With p the share of a cell that is
decided at once on average, and K what its halves cost together, beginning with the cell costs 1 + (1 - p) K
evaluations, beginning with the halves K. The cheaper is taken, from the narrowest cells up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.enclosure import Enclosure

__all__ = ["UNIFORM", "good_edges"]

Array = NDArray[np.float64]
Node = tuple[int, int]

UNIFORM = np.linspace(0.0, 1.0, 33)
_PILOTS = 8
_FEWEST = 64  # of fewer samples the pilots cost more than they save
_DECIDED = 0.9  # a cell of which so much is decided is not halved
_DEEPEST = 12


def good_edges(enclosure: Enclosure, n_samples: int) -> Array:
    """Edges of the first cells, ascending from 0 to 1, found on eight samples; uniform ones for few samples.

    Args:
        enclosure: of the network at its n_samples inputs.
        n_samples: inputs.
    """
    if n_samples < _FEWEST:
        return UNIFORM
    shares = _decided_shares(enclosure, np.linspace(0, n_samples - 1, _PILOTS).astype(np.int64))
    _, cells = _cheapest((0, 0), shares)
    return np.array([*(place * 2.0**-depth for depth, place in cells), 1.0])


def _decided_shares(enclosure: Enclosure, pilots: NDArray[np.int64]) -> dict[Node, float]:
    """Of the cell [k, k + 1] / 2^depth, by (depth, k): the share that is decided at once, over the pilots."""
    found: dict[Node, float] = {}
    level = np.zeros(1, np.int64)
    for depth in range(_DEEPEST + 1):
        sample, lower = np.tile(pilots, len(level)), np.repeat(level * 2.0**-depth, len(pilots))
        decided = np.empty(len(sample))
        for at in range(0, len(sample), enclosure.block):
            some = slice(at, at + enclosure.block)
            ends = enclosure.leads(sample[some], lower[some], lower[some] + 2.0**-depth).ends
            decided[some] = np.minimum(ends.left + ends.right, 2.0) / 2.0
        shares = decided.reshape(len(level), -1).mean(axis=1)
        found |= {(depth, int(k)): float(share) for k, share in zip(level, shares, strict=True)}
        halved = level[shares < _DECIDED]
        level = np.stack([2 * halved, 2 * halved + 1], axis=1).ravel()
        if not len(level):
            break
    return found


def _cheapest(node: Node, shares: dict[Node, float]) -> tuple[float, list[Node]]:
    """Evaluations a sample on a cell, and the cells to begin with, from left to right."""
    depth, place = node
    halves = [(depth + 1, 2 * place), (depth + 1, 2 * place + 1)]
    if halves[0] not in shares:
        return 1.0 + 3.0 * (1.0 - shares[node]), [node]
    costs, cells = zip(*(_cheapest(half, shares) for half in halves), strict=True)
    both = sum(costs)
    whole = 1.0 + (1.0 - shares[node]) * both
    return (whole, [node]) if whole <= both else (both, [one for half in cells for one in half])
