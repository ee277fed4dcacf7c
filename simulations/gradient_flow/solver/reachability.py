"""Starts that can never reach a loss, told from their signs (theory.md T12), with the floor they meet.

Signs are kept along the flow. With V = W^r: sample j leans on the biases alone against class i
when V_jj <= 0 and V_ij >= 0, an edge j -> i; then its margin over i is at most b_j - b_i at all times.

Trained bias (floor proved, any degree): sample j's loss is at least log(1 + sum over its edges of
e^(b_i - b_j)), so the loss is above L*, the infimum of the shares' mean of these over all biases (T12b,
`mli_theory.loss_limit`, which asks for the signs alone). L* is 0 iff the graph has no cycle. That the loss
goes to L* is proved for r >= 3 (T12b), and measured on all 440 sign patterns of k = 2 and 3 without a cycle.

Biases held (proved both ways): the samples are separate gradient flows. With an edge j -> i, l_j >=
log(1 + sum over edges of e^(b_i - b_j)). Without one, V_jj > 0 or all V_ij < 0: then for r >= 3 the
integral of 1 - p_jj is at most sum |phi(W_ij(0))| / pi_j, and since l_j never rises it tends to 0; at
r = 2 an infinite integral would carry V to infinity, and the loss to 0 too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mli_theory.domain import DomainError
from mli_theory.power_model.loss_limit import loss_limit
from simulations.runtime.names_in_words import first_of

__all__ = ["check_reachable", "cycle_names", "disjoint_cycles", "sign_cycle"]

Array = NDArray[np.float64]


def sign_cycle(sign: Array) -> list[int] | None:
    """A cycle of edges j -> i as its list of classes, None when there is none; sign (k, k) is that of W^r."""
    leaning = np.flatnonzero(np.diag(sign) <= 0)
    edges = {int(j): [int(i) for i in leaning if i != j and sign[i, j] >= 0] for j in leaning}
    done: set[int] = set()
    for root in edges:
        path: list[int] = []
        pending = [(root, iter(edges[root]))] if root not in done else []
        path.extend(node for node, _ in pending)
        while pending:
            node, targets = pending[-1]
            target = next((t for t in targets if t not in done), None)
            if target is None:
                done.add(node)
                pending.pop()
                path.pop()
            elif target in path:
                return path[path.index(target) :]
            else:
                path.append(target)
                pending.append((target, iter(edges[target])))
    return None


def disjoint_cycles(sign: Array) -> list[list[int]]:
    """Cycles of edges j -> i without a common class, one after the other until none is left."""
    left = np.arange(len(sign))
    found: list[list[int]] = []
    while (cycle := sign_cycle(sign[np.ix_(left, left)])) is not None:
        found.append([int(j) for j in left[cycle]])
        left = np.delete(left, cycle)
    return found


def cycle_names(cycles: list[list[int]]) -> str:
    """The sentence that names the cycles."""
    names = first_of(first_of([*cycle, cycle[0]], between=" -> ") for cycle in cycles)
    noun = "cycle" if len(cycles) == 1 else "cycles"
    return f"the sign graph (edge j -> i: W_jj^r <= 0 and W_ij^r >= 0) has the {noun} {names} (T12)"


def check_reachable(
    sign: Array, shares: Array, bias: Array, train_bias: bool, final_loss: float, run: int
) -> None:
    """Refuse a start whose loss stays above final_loss; sign (k, k) of W^r, bias (k,) the start's.

    Raises:
        DomainError: naming the cycles, or the sample where the biases are held, and the floor.
    """
    if train_bias:
        cycles = disjoint_cycles(sign)
        if not cycles:
            return
        floor = loss_limit(sign, 3, shares)  # of any odd degree: it keeps the signs
        why = cycle_names(cycles)
    else:
        leans = (sign >= 0) & (np.diag(sign) <= 0) & ~np.eye(len(sign), dtype=bool)
        with np.errstate(divide="ignore"):
            rivals = np.where(leans, bias[:, None] - bias[None, :], -np.inf)
        losses = shares * np.logaddexp(0.0, np.logaddexp.reduce(rivals, axis=0))
        floor = float(losses.sum())
        sample = int(losses.argmax())
        against = first_of(np.flatnonzero(leans[:, sample]))
        why = (
            f"with the biases held, sample {sample} has W_jj^r <= 0 and nothing pushes down class {against} "
            "(W_ij^r >= 0)"
        )
    if final_loss <= floor:
        raise DomainError(
            f"final_loss {final_loss} is out of reach of run {run}: {why}, so the loss stays "
            f"above {floor:.6g}"
        )
