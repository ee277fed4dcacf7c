"""Where along the line each sample's predicted class changes.

m nodes · k classes · n samples. Logits lie as (m, k, n). A *state* is the predicted class, plus k where it is
the label only
by a tie: that counts as an error (a sample is correct where its label's logit is strictly the largest).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.interpolation.chebyshev import interpolation_matrix

__all__ = ["Changes", "class_states", "find_changes", "label_margins"]

ROOT_STEPS = 16  # a bisection, then Illinois steps; most crossings need three of them
ROOT_TOLERANCE = 1e-6  # in alpha: the last step of a crossing's search, below any tolerance on the error
FEW_CLASSES = 32
NESTED_CHANGES = 6  # a third class inside an interval splits it; more splits than this are left as they are


@dataclass(frozen=True)
class Changes:
    """Changes of state, in no order: sample (t,), alpha (t,), the state before and after (t,)."""

    sample: NDArray[np.int64]
    alpha: NDArray[np.float64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]


def label_margins(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The label's logit (m, n) and the largest other (m, n) of logits (m, k, n), contiguous.

    The logits are overwritten: the labels' are -inf afterwards. The caller's copy, or none.
    """
    m, _, n = logits.shape
    flat, place = logits.view(m, -1), labels * n + torch.arange(n)
    own = flat.index_select(1, place)
    flat.index_fill_(1, place, -torch.inf)
    return own, logits.amax(dim=1)


def class_states(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """States (m, n) of logits (m, k, n)."""
    n_classes = logits.shape[1]
    logits = logits.clone(memory_format=torch.contiguous_format)
    own, largest = label_margins(logits, labels)
    if n_classes <= FEW_CLASSES:  # torch's max with indices takes ten times as long as without
        other = torch.zeros(largest.shape, dtype=torch.int64)
        for c in range(n_classes - 1, -1, -1):
            other.masked_fill_(logits[:, c] == largest, c)
    else:
        other = logits.max(dim=1).indices
    states = torch.where(own > largest, labels, other)
    tied = own == largest
    if tied.any():  # of tied classes the first is predicted; the label so is not correct
        states = torch.where(tied, torch.where(labels < other, labels + n_classes, other), states)
    return states


def find_changes(
    logits: torch.Tensor, nodes: NDArray[Any], labels: torch.Tensor, grid: NDArray[Any], states: torch.Tensor
) -> Changes:
    """The changes between the points of a grid, located on the interpolant.

    Args:
        logits: (m, k, n) at `nodes`.
        nodes: (m,) of `chebyshev_nodes`.
        labels: (n,).
        grid: (g,) ascending.
        states: (g, n) of the interpolant at the grid.
    """
    interval, sample = torch.nonzero(states[1:] != states[:-1], as_tuple=True)
    before, after = states[interval, sample], states[interval + 1, sample]
    edges = torch.from_numpy(grid)
    low, high = edges[interval], edges[interval + 1]
    found: list[tuple[torch.Tensor, ...]] = []
    for _ in range(NESTED_CHANGES):
        if not len(sample):
            break
        root = _roots(logits, nodes, sample, before, after, low, high)
        root = _ends_of_ties(root, before, after, low, high, logits.shape[1])
        top = _top_class(logits, nodes, labels, sample, root)
        n_classes = logits.shape[1]
        plain = (top % n_classes == before % n_classes) | (top % n_classes == after % n_classes)
        found.append(tuple(x[plain] for x in (sample, root, before, after)))
        split = ~plain
        sample, before, after, top, low, root, high = (
            x[split] for x in (sample, before, after, top, low, root, high)
        )
        sample, before, after = sample.repeat(2), torch.cat([before, top]), torch.cat([top, after])
        low, high = torch.cat([low, root]), torch.cat([root, high])
    if len(sample):
        found.append((sample, (low + high) / 2, before, after))
    if not found:
        empty = np.empty(0, dtype=np.int64)
        return Changes(empty, np.empty(0), empty, empty)
    parts = [torch.cat(column).numpy() for column in zip(*found, strict=True)]
    return Changes(parts[0], parts[1].astype(np.float64), parts[2], parts[3])


def _ends_of_ties(
    root: torch.Tensor,
    before: torch.Tensor,
    after: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
    n_classes: int,
) -> torch.Tensor:
    """A tie holds at its point of the grid alone: the label leads up to it, or at once after it.

    So does every state of the grid hold at its point: a change comes after it.
    """
    only_tied = before % n_classes == after % n_classes
    at_once = torch.from_numpy(np.nextafter(low.numpy(), 1.0))
    root = torch.where(only_tied, torch.where(before >= n_classes, at_once, high), root)
    return torch.maximum(root, at_once)


def _roots(
    logits: torch.Tensor,
    nodes: NDArray[Any],
    sample: torch.Tensor,
    before: torch.Tensor,
    after: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
) -> torch.Tensor:
    """Where the logits of the two classes cross, by the Illinois method in all brackets at once."""
    n_classes = logits.shape[1]
    gap = (logits[:, before % n_classes, sample] - logits[:, after % n_classes, sample]).double().numpy()
    a, b = low.numpy().copy(), high.numpy().copy()

    def value(x: NDArray[Any]) -> NDArray[Any]:
        values: NDArray[Any] = np.einsum("tm,mt->t", interpolation_matrix(nodes, x), gap)
        return values

    fa, fb = value(a), value(b)
    root, last, open_ = (a + b) / 2, np.zeros(len(a)), np.arange(len(a))
    for step in range(ROOT_STEPS):
        bracketed = fa * fb < 0
        # A bisection first: the secant of a steep end creeps.
        secant = a + (b - a) * fa / np.where(bracketed, fa - fb, 1.0)
        x = np.where(bracketed & (step >= 1), np.clip(secant, a, b), (a + b) / 2)
        f = value(x)
        left = np.where(bracketed, f * fb < 0, f > 0)
        # An end that stays twice counts half: else it would stay for good.
        fa, fb = (
            np.where(left, f, np.where(last == -1, fa / 2, fa)),
            np.where(left, np.where(last == 1, fb / 2, fb), f),
        )
        a, b, last = np.where(left, x, a), np.where(left, b, x), np.where(left, 1, -1)
        far = np.abs(x - root[open_]) > ROOT_TOLERANCE
        root[open_] = x
        if step >= 2:
            if not far.any():
                break
            a, b, fa, fb, last, open_ = (each[far] for each in (a, b, fa, fb, last, open_))
            gap = gap[:, far]
    return torch.from_numpy(root)


def _top_class(
    logits: torch.Tensor, nodes: NDArray[Any], labels: torch.Tensor, sample: torch.Tensor, alpha: torch.Tensor
) -> torch.Tensor:
    """The state at one alpha for each of the listed samples."""
    rows = torch.from_numpy(interpolation_matrix(nodes, alpha.numpy())).to(logits.dtype)
    block = max(1, 2**21 // (logits.shape[0] * logits.shape[1]))
    return torch.cat(
        [
            class_states(
                torch.einsum("tm,mkt->kt", rows[i : i + block], logits[:, :, sample[i : i + block]])[None],
                labels[sample[i : i + block]],
            )[0]
            for i in range(0, len(sample), block)
        ]
    )
