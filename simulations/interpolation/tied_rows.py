"""At which alphas many rows so nearly tie that their interpolated margins may have the wrong sign together.

As `simulations.interpolation.near_ties`, of rows that were all evaluated at every node.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.interpolation.interpolant import interpolated
from simulations.interpolation.near_ties import (
    ALWAYS_NODES,
    FORGOTTEN,
    MANY,
    OPEN,
    ORDINARY,
    ROUNDING,
    looked_at_first,
)

__all__ = ["tied_alphas"]


def tied_alphas(
    nodes: NDArray[Any],
    values: torch.Tensor,
    of_values: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]],
    alphas: NDArray[Any],
    share: float,
    *,
    allowed: float,
) -> NDArray[np.bool_]:
    """Which alphas (A,) to evaluate as they are.

    Args:
        nodes: (m,).
        values: (m, f, R).
        of_values: losses and margins (g, r) of values (g, f, r) of the rows (r,).
        alphas: (A,).
        share: of the last change of the margins, what may remain.
        allowed: rows that may be wrong by the estimate; so many times `MANY` are too many.
    """
    n = values.shape[2]
    some, probes = looked_at_first(n, len(alphas))
    watched, where = values[:, :, some], alphas[probes]
    levels = []
    every = 1
    while (len(nodes) - 1) // every >= ALWAYS_NODES // 2:
        _, margins = of_values(interpolated(nodes[::every], watched[::every], where), some)
        assert margins is not None
        levels.append(margins)
        every *= 2
    error, kept = torch.zeros_like(levels[0]), share
    for finer, coarser in pairwise(levels):
        error = torch.maximum(error, kept * (finer - coarser).abs())
        kept *= FORGOTTEN
    error += ROUNDING * torch.finfo(values.dtype).eps * watched.abs().amax(dim=(0, 1))
    doubtful = (levels[0].abs() < OPEN * error).double().mean(dim=1).numpy() * n
    doubtful[np.isin(where, chebyshev_nodes(ALWAYS_NODES))] = 0.0
    suspected = doubtful > MANY * allowed + ORDINARY * n
    # Between two probes lies what either says.
    near: NDArray[np.bool_] = np.interp(np.arange(len(alphas)), probes, suspected.astype(float)) > 0
    return near
