"""Classes that a start does not tell apart: what the flow must keep equal, and rounding can break.

A start that does not change when two classes change places has a flow that never tells them apart. While
both wait, U is 1e30 and one unit in its last place decides which of them is learned first: an error of no
size that tolerances see, and of several nats in b.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simulations.gradient_flow.accuracy import end_difference
from simulations.gradient_flow.problem import Problem
from simulations.gradient_flow.solver.run import FlowError

__all__ = ["check_exchangeable", "exchangeable_pairs"]

# Of b and W^r at the end, nats: the end error that `integrate` promises at its default tolerance.
_BROKEN = 1e-6


def exchangeable_pairs(
    weights: NDArray[np.float64], bias: NDArray[np.float64], shares: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Pairs a < b of classes whose exchange leaves weights (k, k), bias (k,) and shares (k,) as they are."""
    diagonal = np.diag(weights)
    same = (weights == weights.T) & (diagonal[:, None] == diagonal)
    same &= (bias[:, None] == bias) & (shares[:, None] == shares)
    pairs = []
    for a, b in np.argwhere(np.triu(same, 1)):
        swap = _exchange(a, b, len(bias))
        if (weights[np.ix_(swap, swap)] == weights).all():
            pairs.append((int(a), int(b)))
    return pairs


def _exchange(a: int, b: int, k: int) -> NDArray[np.int64]:
    """The k classes with a and b in each other's place."""
    order = np.arange(k)
    order[[a, b]] = b, a
    return order


def check_exchangeable(flow: xr.Dataset, problem: Problem) -> None:
    """Refuse a flow that ends with two classes apart that its start does not tell apart.

    Raises:
        FlowError: b or W^r of such a pair differ by more than 1e-6 nats.
    """
    ends = flow[["bias", "weights"]].isel(record=[-1])
    for run, (weights, bias) in enumerate(zip(problem.weights, problem.bias, strict=True)):
        for a, b in exchangeable_pairs(weights, bias, problem.shares):
            end, swap = ends.isel(seed=[run]), _exchange(a, b, len(bias))
            apart = float(end_difference(end, end.isel(class_index=swap, sample=swap))[0])
            if not apart <= _BROKEN:
                raise FlowError(
                    f"run {run}: its start does not tell classes {a} and {b} apart, but rounding did while "
                    f"they waited, and they end {apart:.3g} nats apart: the last bit of a weight decides. "
                    "Make their weights differ by more than rounding"
                )
