"""The interpolant of a batch's logits through one level of nodes, and what it says along the line.

m nodes · k classes · n samples of the batch · g points of a grid · logits (m, k, n).
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from simulations.interpolation.chebyshev import chebyshev_nodes, interpolation_matrix
from simulations.interpolation.class_changes import class_states, label_margins

__all__ = ["CHECK_POINTS", "LOSS_POINTS", "Interpolant", "interpolated", "sample_losses"]

CHECK_POINTS = 65  # of a grid for classes; more where the level has more nodes
LOSS_POINTS = 33  # of those for the loss, which is smooth in the mean
BLOCK = 2**22  # numbers in an intermediate array


def interpolated(nodes: NDArray[Any], logits: torch.Tensor, alphas: NDArray[Any]) -> torch.Tensor:
    """Logits (alphas, k, n) of the polynomials through logits (m, k, n) at nodes (m,)."""
    rows = torch.from_numpy(interpolation_matrix(nodes, alphas)).to(logits.dtype)
    return (rows @ logits.reshape(len(logits), -1)).view(len(rows), *logits.shape[1:])


def sample_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (m, n) of logits (m, k, n), nats, in the logits' precision."""
    largest = logits.amax(dim=1)
    own = logits.gather(1, labels.expand(len(logits), 1, -1))[:, 0]
    return (logits - largest[:, None]).exp_().sum(dim=1).log_() + largest - own


class Interpolant:
    """A level on its grid, all of which its own nodes are part of.

    Args:
        nodes: (m,).
        logits: (m, k, n).
        labels: (n,).
        points: nested Chebyshev points of the grid, at least.
        loss_points: of the loss's grid, at least.
        before: a level on the same grids whose polynomials differ for `changed` (c,) alone; None: no such.

    Attributes:
        grid: (g,), of `correct`.
        loss_grid: (l,), part of it, of `losses`.
        correct: (g, n) whether the label's logit is strictly the largest.
        losses: (l, n) nats, in the logits' precision.
        changed: (c,) samples that differ from `before`, all without one.
    """

    def __init__(
        self,
        nodes: NDArray[Any],
        logits: torch.Tensor,
        labels: torch.Tensor,
        *,
        points: int = CHECK_POINTS,
        loss_points: int = LOSS_POINTS,
        before: Interpolant | None = None,
        changed: torch.Tensor | None = None,
    ) -> None:
        self.nodes, self.logits, self.labels = nodes, logits, labels
        self.grid = chebyshev_nodes(max(points, len(nodes)))
        self.loss_grid = chebyshev_nodes(max(loss_points, len(nodes)))
        if before is not None:
            self.grid, self.loss_grid = before.grid, before.loss_grid
        if before is None or changed is None:
            self.changed = torch.arange(len(labels))
            self.losses = torch.empty(len(self.loss_grid), len(labels), dtype=logits.dtype)
            self.correct = torch.empty(len(self.grid), len(labels), dtype=torch.bool)
        else:
            self.changed, self.losses, self.correct = changed, before.losses.clone(), before.correct.clone()
        every = (len(self.grid) - 1) // (len(self.loss_grid) - 1)
        for piece in self._pieces(self.changed):
            values, own = self.at(self.grid, piece), labels[piece]
            label, others = label_margins(values, own)  # leaves -inf at the labels
            self.correct[:, piece] = label > others
            label = label[::every]
            largest = torch.maximum(label, others[::every])
            total = (values[::every] - largest[:, None]).exp_().sum(dim=1) + (label - largest).exp_()
            self.losses[:, piece] = total.log_() + largest - label

    def on_grids(self, points: int, loss_points: int) -> Interpolant:
        """This level on grids of at least so many points."""
        if points <= len(self.grid) and loss_points <= len(self.loss_grid):
            return self
        points, loss_points = max(points, len(self.grid)), max(loss_points, len(self.loss_grid))
        return Interpolant(self.nodes, self.logits, self.labels, points=points, loss_points=loss_points)

    def at(self, alphas: NDArray[Any], samples: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (alphas, k, samples)."""
        return interpolated(
            self.nodes, self.logits if samples is None else self.logits[:, :, samples], alphas
        )

    def states(self, samples: torch.Tensor | None = None) -> torch.Tensor:
        """States (g, samples) of `class_states` on the grid; None: of all samples."""
        pieces = self._pieces(torch.arange(len(self.labels)) if samples is None else samples)
        if not pieces:
            return torch.empty(len(self.grid), 0, dtype=torch.int64)
        return torch.cat([class_states(self.at(self.grid, p), self.labels[p]) for p in pieces], dim=1)

    def _pieces(self, samples: torch.Tensor) -> list[torch.Tensor]:
        size = max(1, BLOCK // (len(self.grid) * self.logits.shape[1]))
        return list(torch.split(samples, size)) if len(samples) else []
