"""Nested Chebyshev points on [0, 1] and the polynomial through values at them.

m points, both ends included: x_j = sin^2(pi j / (2 (m - 1))). Those of m = 2^p + 1 hold those of 2^(p-1) + 1,
    bit for
bit, so a finer level costs only its new points. Barycentric form throughout: stable for any m.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["chebyshev_nodes", "differentiation_matrix", "interpolation_matrix"]


def chebyshev_nodes(m: int) -> NDArray[np.float64]:
    """The m points (m,), ascending from exactly 0 to exactly 1; m - 1 a power of two up to 4096.

    Raises:
        ValueError: another m.
    """
    if isinstance(m, bool) or not isinstance(m, int) or not 2 <= m <= 4097 or (m - 1) & (m - 2):
        raise ValueError(f"the number of nested Chebyshev points must be 2^p + 1, 2 .. 4097, got {m!r}")
    finest = np.sin(np.pi * np.arange(2049) / 8192) ** 2  # the left half of 4097 points
    points = np.concatenate([finest, 1.0 - finest[-2::-1]])
    points[2048] = 0.5
    return points[:: 4096 // (m - 1)]


def interpolation_matrix(nodes: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Rows (points, m) that take values at `nodes` to the interpolating polynomial's values at `points`.

    `nodes` (m,) are `chebyshev_nodes(m)`. A point that is a node gives a row of the identity: the
    value there comes back bit for bit.
    """
    nodes, points = np.asarray(nodes, dtype=np.float64), np.asarray(points, dtype=np.float64)
    distance = points[:, None] - nodes[None, :]
    at_node = np.abs(distance) < 1e-290  # its reciprocal would overflow
    distance[at_node] = 1.0
    rows: NDArray[np.float64] = _weights(len(nodes)) / distance
    rows /= rows.sum(axis=1, keepdims=True)
    on_node = at_node.any(axis=1)
    rows[on_node] = at_node[on_node]
    return rows


def differentiation_matrix(nodes: ArrayLike) -> NDArray[np.float64]:
    """The matrix (m, m) that takes values at `nodes` to the interpolating polynomial's derivative at them.

    `nodes` (m,) are `chebyshev_nodes(m)`. Rows sum to 0 exactly enough that a constant has derivative 0 to
    rounding.
    """
    nodes = np.asarray(nodes, dtype=np.float64)
    weights = _weights(len(nodes))
    distance = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(distance, 1.0)
    matrix: NDArray[np.float64] = weights[None, :] / weights[:, None] / distance
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def _weights(m: int) -> NDArray[np.float64]:
    weights = np.where(np.arange(m) % 2, -1.0, 1.0)
    weights[[0, -1]] /= 2
    return weights
