"""The loss at the best temperature: logits z / T, T the same for all rows, where their mean loss is least.

The mean loss is a convex, smooth function of 1/T. Sums over batches are kept at `LADDER` values of 1/T,
Chebyshev points of its logarithm, whose polynomial is then minimised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from simulations.interpolation.chebyshev import chebyshev_nodes, interpolation_matrix

__all__ = ["LADDER", "best_temperature"]

WIDEST = 2.0**10
"""Temperatures are looked for between 1 over it and it; beyond the upper one lies T = inf, looked at too."""

_NODES = chebyshev_nodes(65)
LADDER = torch.from_numpy(np.append(0.0, np.exp((2 * _NODES - 1) * np.log(WIDEST))))
"""Values (66,) of 1/T: 0, which is T = inf, and `1 / WIDEST` to `WIDEST`."""


def best_temperature(losses: NDArray[Any]) -> tuple[float, float]:
    """The least mean loss, and its temperature.

    Args:
        losses: (66,) mean losses at `LADDER`.
    """
    at = int(np.argmin(losses[1:]))

    def mean_loss(place: float) -> float:
        return float((interpolation_matrix(_NODES, [place]) @ losses[1:])[0])

    low, high = _NODES[max(at - 1, 0)], _NODES[min(at + 1, len(_NODES) - 1)]
    found = minimize_scalar(mean_loss, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    # The points themselves are exact: where the least lies at one (at an end of the range) it is taken.
    place, least = (found.x, float(found.fun)) if found.fun < losses[1 + at] else (_NODES[at], losses[1 + at])
    if losses[0] <= least:
        return float(losses[0]), float("inf")
    return float(least), float(np.exp(-(2 * place - 1) * np.log(WIDEST)))
