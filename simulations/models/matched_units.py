"""Hidden units of a fully connected network in the order of another's: the same function, nearer weights.

Layer l has weights W_l (out, in) and perhaps a bias; P_l permutes its outputs. A permutation of hidden units
changes no output of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

__all__ = ["matched_units"]

MOST_ROUNDS = 100
"""Each round brings the networks nearer, or is the last; in practice there are fewer than ten."""


def matched_units(
    state: Mapping[str, torch.Tensor], like: Mapping[str, torch.Tensor], layers: list[str]
) -> dict[str, torch.Tensor]:
    """The state with its hidden units permuted so that its weights agree best with `like`'s.

    Layer by layer in turn, the units of a layer are assigned so that the sum of products of matched weights
    (incoming, bias and outgoing, the other layers as they are) is largest, until no layer changes: a local
    optimum, exact for one hidden layer.

    Args:
        state: of a fully connected network.
        like: of one of the same sizes.
        layers: names of its linear layers from the input to the output: "1", say, with weight "1.weight".

    Source: Ainsworth, Hayase, Srinivasa, Git Re-Basin, ICLR 2023 (matching weights).
    """
    found = {name: tensor.clone() for name, tensor in state.items()}
    for _ in range(MOST_ROUNDS):
        changed = False
        for layer, after in pairwise(layers):
            order = _assignment(found, like, layer, after)
            if not torch.equal(order, torch.arange(len(order))):
                changed = True
                for name in (f"{layer}.weight", f"{layer}.bias"):
                    if name in found:
                        found[name] = found[name][order]
                found[f"{after}.weight"] = found[f"{after}.weight"][:, order]
        if not changed:
            break
    return found


def _assignment(
    state: Mapping[str, torch.Tensor], like: Mapping[str, torch.Tensor], layer: str, after: str
) -> torch.Tensor:
    """For each unit of `like` (in order) the unit of the state that takes its place; its own at a tie."""
    gain = _products(like[f"{layer}.weight"], state[f"{layer}.weight"])
    gain += _products(like[f"{after}.weight"].T, state[f"{after}.weight"].T)
    if f"{layer}.bias" in state:
        gain += _products(like[f"{layer}.bias"][:, None], state[f"{layer}.bias"][:, None])
    rows, columns = linear_sum_assignment(gain, maximize=True)
    better = gain[rows, columns].sum() - np.trace(gain)
    if not better > 1e-12 * np.abs(gain).max() * len(gain):
        return torch.arange(len(gain))
    return torch.from_numpy(columns)


def _products(ours: torch.Tensor, theirs: torch.Tensor) -> np.ndarray:
    found: np.ndarray = (ours.cpu().double() @ theirs.cpu().double().T).numpy()
    return found
