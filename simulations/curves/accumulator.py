"""Sums over batches that become a curve's Dataset; of single samples only what is asked for is kept.

A requested alphas · k classes · n samples. Batches may come in any order: each says how many samples come
before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from simulations.interpolation.adaptive import BatchLine
from simulations.interpolation.chebyshev import interpolation_matrix
from simulations.interpolation.class_changes import Changes, class_states, find_changes

__all__ = ["CurveSums"]


class CurveSums:
    """Loss, correctness and predictions at the requested alphas (ascending), batch after batch.

    Args:
        alphas: (A,).
        exits_from: the class whose exit is recorded for every sample, None for no exits.
        samples: keep every sample's loss and correctness at every alpha.
    """

    def __init__(self, alphas: NDArray[Any], exits_from: int | None = None, *, samples: bool = False) -> None:
        self.alphas, self.exits_from, self.n = alphas, exits_from, 0
        self._samples: dict[int, tuple[NDArray[Any], NDArray[Any]]] | None = {} if samples else None
        self._loss, self._square = np.zeros(len(alphas)), np.zeros(len(alphas))
        self._shares = self._correct = np.zeros((0, 0))
        self._counts = np.zeros(0)
        self._end_losses: dict[int, dict[int, torch.Tensor]] = {}
        self._exits: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}

    def add_direct(self, logits_at: dict[int, torch.Tensor], labels: torch.Tensor, first: int) -> None:
        """A batch's logits (n, k) evaluated at requested alphas, by the alpha's index."""
        for i, logits in logits_at.items():
            losses = _losses(logits, labels)
            self._loss[i] += float(losses.sum())
            self._square[i] += float(losses.square().sum())
            self._keep_end(i, losses, first)
            states = class_states(logits.T[None], labels)[0]
            self._add_states(slice(i, i + 1), states.numpy(), labels.numpy(), logits.shape[1])
            if self._samples is not None:
                losses_kept, correct_kept = self._kept(len(labels), first)
                losses_kept[i], correct_kept[i] = losses.numpy(), (states == labels).numpy()

    def add_exits_of_grid(
        self, states: torch.Tensor, labels: torch.Tensor, alphas: NDArray[Any], first: int
    ) -> None:
        """Exits from states (A', n) at alphas (A',) alone, accurate to their spacing."""
        step, sample = torch.nonzero(states[1:] != states[:-1], as_tuple=True)
        changes = Changes(
            sample.numpy(),
            alphas[step.numpy() + 1],
            states[step, sample].numpy(),
            states[step + 1, sample].numpy(),
        )
        self._add_exits(changes, states[0].numpy(), states[-1].numpy(), labels.numpy(), first)

    def add_line(self, line: BatchLine, labels: torch.Tensor, first: int) -> None:
        """A batch's line at the requested alphas in [0, 1], but for `line.direct`; its two ends are exact."""
        inside = np.flatnonzero((self.alphas >= 0) & (self.alphas <= 1))[~line.direct]
        alphas, own, k = self.alphas[inside], labels.numpy(), line.logits.shape[1]
        rows = interpolation_matrix(line.loss_grid, alphas)
        self._loss[inside] += rows @ line.losses.sum(dim=1).numpy()
        self._square[inside] += np.maximum(0.0, rows @ line.losses.square().sum(dim=1).numpy())
        changes = find_changes(line.logits, line.nodes, labels, line.grid, line.states)
        begin, end = line.states[0].numpy(), line.states[-1].numpy()
        self._add_states(inside, begin, own, k)
        at = np.searchsorted(alphas, changes.alpha)
        # The first state holds at 0 itself, whatever happens at once after it.
        at += (at < len(alphas)) & (alphas[np.minimum(at, len(alphas) - 1)] == 0)
        shares, correct = np.zeros((len(alphas) + 1, k)), np.zeros((len(alphas) + 1, k))
        label = own[changes.sample]
        np.add.at(shares, (at, changes.after % k), 1)
        np.add.at(shares, (at, changes.before % k), -1)
        np.add.at(correct, (at, label), (changes.after == label).astype(float) - (changes.before == label))
        self._shares[inside] += shares.cumsum(axis=0)[:-1]
        self._correct[inside] += correct.cumsum(axis=0)[:-1]
        for i, logits in ((0, line.logits[0]), (len(alphas) - 1, line.logits[-1])):
            if len(alphas) and alphas[i] in (0.0, 1.0):
                losses = _losses(logits.T, labels)
                self._keep_end(int(inside[i]), losses, first)
        self._add_exits(changes, begin, end, own, first)
        if self._samples is not None:
            losses_kept, correct_kept = self._kept(len(own), first)
            losses_kept[inside] = rows @ line.losses.numpy()
            turns = np.zeros((len(alphas) + 1, len(own)), dtype=np.int8)
            np.add.at(turns, (at, changes.sample), (changes.after == label) * 1 - (changes.before == label))
            correct_kept[inside] = (begin == own) + turns.cumsum(axis=0)[:-1] > 0

    def dataset(self) -> xr.Dataset:
        """The curves; see `simulations.curves.interpolation_curves`."""
        n, k = self.n, self._shares.shape[1]
        loss = self._loss / n
        for i, parts in self._end_losses.items():
            loss[i] = float(torch.cat([parts[first] for first in sorted(parts)]).mean())
        spread = np.maximum(0.0, self._square / n - loss**2)
        right = self._correct.sum(axis=1)
        error = (n - right) / n
        counts = self._counts
        with np.errstate(invalid="ignore"):
            by_class = np.where(counts > 0, (counts - self._correct) / np.maximum(counts, 1), np.nan)
        dataset = xr.Dataset(
            {
                "loss": ("alpha", loss, {"units": "nats"}),
                "loss_standard_error": ("alpha", np.sqrt(spread / n), {"units": "nats"}),
                "error": ("alpha", error),
                "error_standard_error": ("alpha", np.sqrt(error * (1 - error) / n)),
                "class_share": (("alpha", "predicted_class"), self._shares / n),
                "class_error": (("alpha", "label"), by_class),
            },
            coords={"alpha": self.alphas, "predicted_class": np.arange(k), "label": np.arange(k)},
        )
        if self.exits_from is not None:
            bias_exit, correct_from = _in_order(self._exits, axis=0)
            dataset["bias_exit"] = ("sample", bias_exit)
            dataset["correct_from"] = ("sample", correct_from)
        if self._samples is not None:
            sample_loss, sample_correct = _in_order(self._samples, axis=1)
            dataset["sample_loss"] = (("alpha", "sample"), sample_loss, {"units": "nats"})
            dataset["sample_correct"] = (("alpha", "sample"), sample_correct)
        return dataset

    def count(self, labels: torch.Tensor, n_classes: int) -> None:
        """Once for every batch, before what is added of it."""
        if not self.n:
            self._shares = np.zeros((len(self.alphas), n_classes))
            self._correct, self._counts = self._shares.copy(), np.zeros(n_classes)
        elif n_classes != self._shares.shape[1]:
            raise ValueError(f"the network returned {self._shares.shape[1]} logits, then {n_classes}")
        self.n += len(labels)
        self._counts += np.bincount(labels.numpy(), minlength=n_classes)

    def _add_states(
        self, where: slice | NDArray[np.intp], states: NDArray[Any], labels: NDArray[Any], k: int
    ) -> None:
        self._shares[where] += np.bincount(states % k, minlength=k)
        self._correct[where] += np.bincount(labels[states == labels], minlength=k)

    def _keep_end(self, i: int, losses: torch.Tensor, first: int) -> None:
        # One mean over all samples, as an evaluation of the checkpoint alone takes it: the same bits.
        if self.alphas[i] in (0.0, 1.0):
            self._end_losses.setdefault(i, {})[first] = losses

    def _kept(self, n: int, first: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """A batch's losses (A, n) and correctness (A, n), to be filled."""
        assert self._samples is not None
        empty = (
            np.full((len(self.alphas), n), np.nan, dtype=np.float32),
            np.zeros((len(self.alphas), n), bool),
        )
        return self._samples.setdefault(first, empty)

    def _add_exits(
        self,
        changes: Changes,
        begin: NDArray[Any],
        end: NDArray[Any],
        labels: NDArray[Any],
        first: int,
    ) -> None:
        if self.exits_from is None:
            return
        n, held = len(labels), self.exits_from
        bias_exit, correct_from = np.full(n, np.nan), np.full(n, np.inf)
        k = self._shares.shape[1]
        bias_exit[(end % k == held) | (begin % k == held)] = np.inf
        entered = changes.after % k == held
        bias_exit[changes.sample[entered]] = np.inf
        left = (changes.before % k == held) & (changes.after % k != held)
        np.fmin.at(bias_exit, changes.sample[left], changes.alpha[left])
        became = changes.after == labels[changes.sample]
        np.minimum.at(correct_from, changes.sample[became], changes.alpha[became])
        correct_from[begin == labels] = 0.0
        self._exits[first] = bias_exit, correct_from


def _in_order(
    parts: dict[int, tuple[NDArray[Any], NDArray[Any]]], axis: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays of all samples from those of batches, by how many samples come before each."""
    firsts, seconds = zip(*(parts[first] for first in sorted(parts)), strict=True)
    return np.concatenate(firsts, axis=axis), np.concatenate(seconds, axis=axis)


def _losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """float64 (n,), as `simulations.models.evaluation.Scores` computes them."""
    return -torch.log_softmax(logits.double(), dim=1).gather(1, labels[:, None])[:, 0]
