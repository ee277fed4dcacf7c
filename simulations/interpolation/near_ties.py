"""At which alphas many samples so nearly tie that their interpolated classes may be wrong together.

Where all logits pass through one point (start = -end, a start near zero, no unit active), they are far
smaller than elsewhere, and so are the gaps between classes; an interpolant's error is not. Between two points
of `CHECK_GRID` all samples may then change their class and back, and no level tells: these alphas are
evaluated as they are instead.

A sample is in doubt at alpha where its gap is below what the last levels changed its logits by there. So are
samples about to change their class on every line; what is told here is where they are many more than the
estimate allows for. The constants were tuned on lines of seed 8000 of tests/.../nasty_lines.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.interpolation.error_estimate import SHARE
from simulations.interpolation.interpolant import BLOCK, interpolated

__all__ = ["doubts", "in_doubt", "looked_at_first"]

FORGOTTEN = 0.25  # of a level's change, at each later level at which the sample was evaluated
ROUNDING = 4.0  # times the precision of the largest logit
ALWAYS_NODES = 9  # points at which every sample is evaluated
OPEN = 0.5  # a margin below so much of the error leaves it open whether the label leads
MANY = 4.0  # times what the estimate allows for
ORDINARY = 0.02  # of the samples, in doubt at one alpha without a common cause
WATCHED = 256  # samples looked at first; all where too many of these are in doubt
PROBES = 1025  # alphas looked at first


def doubts(
    nodes: NDArray[Any],
    logits: torch.Tensor,
    labels: torch.Tensor,
    evaluated: Sequence[torch.Tensor],
    alphas: NDArray[Any],
    share: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Whether the label's correctness, and the predicted class, is in doubt: two of (alphas, n).

    Args:
        nodes: (m,).
        logits: (m, k, n).
        labels: (n,).
        evaluated: of each level after the first, coarsest first, whether a sample was evaluated at each of
            its new nodes (new, n).
        alphas: (A,).
        share: of the last change of the logits, what may remain.
    """
    size = max(1, BLOCK // (len(alphas) * logits.shape[1]))
    pieces = torch.split(torch.arange(len(labels)), size)
    found = [
        _of_piece(nodes, logits[:, :, p], labels[p], [level[:, p] for level in evaluated], alphas, share)
        for p in pieces
    ]
    correct, predicted = (torch.cat(column, dim=1) for column in zip(*found, strict=True))
    at_node = torch.from_numpy(np.isin(alphas, chebyshev_nodes(ALWAYS_NODES)))
    return correct & ~at_node[:, None], predicted & ~at_node[:, None]


def _of_piece(
    nodes: NDArray[Any],
    logits: torch.Tensor,
    labels: torch.Tensor,
    evaluated: Sequence[torch.Tensor],
    alphas: NDArray[Any],
    share: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    finest = values = interpolated(nodes, logits, alphas)
    largest = logits.abs().amax(dim=(0, 1))
    error = torch.zeros(len(alphas), len(labels))
    near = [_nearest(level, alphas) for level in evaluated]
    # What the last level left as it was was last changed by an older one, and less is known of the rest.
    kept = torch.where(near[-1], share, SHARE[1])
    for i, of_level in enumerate(reversed([None, *near])):
        every = 2 ** (i + 1)  # the first level has two halves as well: 9 points and 5
        coarser = interpolated(nodes[::every], logits[::every], alphas)
        error = torch.maximum(error, kept * (finest - coarser).abs().amax(dim=1))
        finest = coarser
        kept = kept if of_level is None else torch.where(of_level, FORGOTTEN * kept, kept)
    error += ROUNDING * torch.finfo(logits.dtype).eps * largest
    two = values.topk(2, dim=1).values if values.shape[1] > 1 else None
    own = values.gather(1, labels.expand(len(alphas), 1, -1))[:, 0]
    values.scatter_(1, labels.expand(len(alphas), 1, -1), -torch.inf)
    margin = (own - values.amax(dim=1)).abs()
    predicted = torch.zeros_like(margin, dtype=torch.bool) if two is None else two[:, 0] - two[:, 1] < error
    return margin < OPEN * error, predicted


def _nearest(evaluated: torch.Tensor, alphas: NDArray[Any]) -> torch.Tensor:
    """Whether a sample (alphas, n) was evaluated at the level's new node nearest to alpha."""
    new = chebyshev_nodes(2 * len(evaluated) + 1)[1::2]
    return evaluated[np.searchsorted((new[1:] + new[:-1]) / 2, alphas)]


def looked_at_first(n: int, n_alphas: int) -> tuple[torch.Tensor, NDArray[Any]]:
    """Places of at most `WATCHED` of n samples, and of at most `PROBES` alphas, both evenly spread."""
    some = torch.arange(min(n, WATCHED)) * n // min(n, WATCHED)
    return some, np.unique(np.linspace(0, n_alphas - 1, min(n_alphas, PROBES)).astype(int))


def in_doubt(
    nodes: NDArray[Any],
    logits: torch.Tensor,
    labels: torch.Tensor,
    evaluated: Sequence[torch.Tensor],
    alphas: NDArray[Any],
    share: float,
    *,
    allowed: float,
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Which alphas (A,) to evaluate as they are, and the samples (A,) whose class is in doubt at the others.

    Args:
        nodes: (m,).
        logits: (m, k, n).
        labels: (n,).
        evaluated: as of `doubts`.
        alphas: (A,).
        share: as of `doubts`.
        allowed: samples whose correctness may be wrong by the estimate; so many times `MANY` are too many.
    """
    n = len(labels)
    some, probes = looked_at_first(n, len(alphas))
    history = [level[:, some] for level in evaluated]
    found = doubts(nodes, logits[:, :, some], labels[some], history, alphas[probes], share)
    correct, predicted = (part.sum(dim=1).numpy() * (n / len(some)) for part in found)
    places = np.arange(len(alphas))
    classes = np.interp(places, probes, predicted)
    suspected = correct > MANY * allowed + ORDINARY * n
    # Between two probes lies what either says.
    near = np.interp(places, probes, suspected.astype(float)) > 0
    if len(some) < n and near.any():
        found = doubts(nodes, logits, labels, evaluated, alphas[near], share)
        correct, predicted = (part.sum(dim=1).numpy() for part in found)
        classes[near] = predicted
        near[near] = correct > MANY * allowed + ORDINARY * n
    return near, np.where(near, 0.0, classes)
