"""How much the path of the logits turns (Lucas et al. 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from simulations.interpolation.chebyshev import chebyshev_nodes, differentiation_matrix, interpolation_matrix

__all__ = ["gauss_length"]

POINTS = (
    257  # of the integral: the integrand is smooth between kinks, its own error is below 1e-3 relative there
)
STRAIGHT = 64  # rounding units of the logits: a turn below it is rounding


def gauss_length(nodes: ArrayLike, logits: ArrayLike) -> float:
    """Mean over samples of the turning of the logit path, integral of |u' - <u, u'> u| d alpha, radians.

    u = z'/|z'|: the integrand is |z'' - <z'', u> u| / |z'|, from derivatives of the polynomial through
    logits. Exactly 0 on a straight path (every direction constant), whatever the speed; a sample that does
    not move at all counts 0.

    Args:
        nodes: (m,) `chebyshev_nodes(m)`, ascending from 0 to 1, m >= 3.
        logits: (m, n, k), `simulations.curves.logit_paths.logit_path`'s.

    Raises:
        ValueError: other nodes, shapes that disagree, values that are not finite.
    """
    nodes = np.asarray(nodes, dtype=np.float64)
    eps = np.finfo(np.asarray(logits).dtype).eps if np.asarray(logits).dtype.kind == "f" else 0.0
    z = np.asarray(logits, dtype=np.float64)
    if nodes.ndim != 1 or len(nodes) < 3 or not np.array_equal(nodes, chebyshev_nodes(len(nodes))):
        raise ValueError(f"nodes must be chebyshev_nodes(m), m >= 3, got {nodes!r}")
    if z.ndim != 3 or len(z) != len(nodes):
        raise ValueError(f"logits must have shape ({len(nodes)}, n, k), got {z.shape}")
    if not np.isfinite(z).all():
        node, sample, output = np.argwhere(~np.isfinite(z))[0]
        raise ValueError(f"logits[{node}, {sample}, {output}] = {z[node, sample, output]} is not finite")
    # A straight path's remainder off its chord is rounding, which two derivatives would blow up.
    chord = z[-1] - z[0]
    length = np.linalg.norm(chord, axis=-1, keepdims=True)
    unit = np.divide(chord, length, out=np.zeros_like(chord), where=length > 0)
    off = z - z[0] - ((z - z[0]) * unit).sum(axis=-1, keepdims=True) * unit
    size = np.abs(z).max(axis=(0, 2))
    turning = np.abs(off).max(axis=(0, 2)) > STRAIGHT * eps * size
    if not turning.any():
        return 0.0
    derivative = differentiation_matrix(nodes)
    # Gauss-Legendre needs no ends, where a path may stand still.
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    rows = interpolation_matrix(nodes, (points + 1) / 2)
    velocity = np.einsum("pm,mnk->pnk", rows @ derivative, z[:, turning])
    acceleration = np.einsum("pm,mnk->pnk", rows @ derivative @ derivative, z[:, turning])
    speed = np.linalg.norm(velocity, axis=-1, keepdims=True)
    tangent = np.divide(velocity, speed, out=np.zeros_like(velocity), where=speed > 0)
    normal = acceleration - (acceleration * tangent).sum(axis=-1, keepdims=True) * tangent
    turn = np.divide(
        np.linalg.norm(normal, axis=-1), speed[..., 0], out=np.zeros(speed.shape[:2]), where=speed[..., 0] > 0
    )
    return float((weights / 2 @ turn).sum() / z.shape[1])
