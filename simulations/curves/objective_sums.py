"""A curve of any objective from its batches: sums by sample of losses and errors.

A requested alphas · n samples · R rows of a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from simulations.curves.ratio_sums import RatioSums
from simulations.interpolation.adaptive_rows import RowLine, RowSums
from simulations.objectives.objective import Objective, Reading, Rows

__all__ = ["ObjectiveSums"]


class ObjectiveSums:
    """Loss and error at the requested alphas (ascending), batch after batch.

    Args:
        alphas: (A,).
        objective: of which they are.
        samples: keep every sample's mean loss at every alpha.

    Attributes:
        has_error: an error was among what was added.
    """

    def __init__(self, alphas: NDArray[Any], objective: Objective, *, samples: bool = False) -> None:
        self.alphas, self.objective, self.n = alphas, objective, 0
        self._loss, self._error = RatioSums(alphas), RatioSums(alphas)
        self._samples: dict[int, NDArray[Any]] | None = {} if samples else None
        self.has_error = False

    def count(self, rows: Rows) -> None:
        """Once for every batch, before what is added of it."""
        self.n += rows.n
        self._loss.count(rows.by_sample(rows.weight))
        self._error.count(rows.by_sample(torch.ones_like(rows.weight)))

    def add_reading(self, i: int, reading: Reading, rows: Rows, first: int) -> None:
        """A batch's output evaluated at the alpha of index i; `first` samples come before it."""
        self._add_losses(np.array([i]), rows.by_sample(reading.losses)[None], rows, first)
        if reading.wrong is not None:
            self._add_errors(np.array([i]), reading.wrong[None], rows, first)

    def add_line(self, line: RowLine, sums: RowSums, rows: Rows, first: int) -> None:
        """A batch's line at the requested alphas in (0, 1), but for `line.direct`; its ends are readings."""
        inside = np.flatnonzero((self.alphas >= 0) & (self.alphas <= 1))
        wanted = inside[~line.direct & ~np.isin(self.alphas[inside], (0.0, 1.0))]
        for some, losses, margins in sums.at(line.nodes, line.values, self.alphas[wanted]):
            self._add_losses(wanted[some], losses.double(), rows, first)
            if margins is not None:
                wrong = (margins <= 0).double() if sums.counts else margins.double()
                self._add_errors(wanted[some], wrong, rows, first)

    def dataset(self) -> xr.Dataset:
        """The curves; see `simulations.curves.interpolation_curves`."""
        units = {"units": self.objective.units} if self.objective.units else {}
        curve = xr.Dataset(
            {
                "loss": ("alpha", self._loss.mean(), units),
                "loss_standard_error": ("alpha", self._loss.standard_error(), units),
            },
            coords={"alpha": self.alphas},
        )
        if self.has_error:
            curve["error"] = ("alpha", self._error.mean())
            curve["error_standard_error"] = ("alpha", self._error.standard_error())
        if self._samples is not None:
            ordered = [self._samples[first] for first in sorted(self._samples)]
            curve["sample_loss"] = (("alpha", "sample"), np.concatenate(ordered, axis=1), units)
        return curve

    def _add_losses(self, where: NDArray[np.intp], losses: torch.Tensor, rows: Rows, first: int) -> None:
        weights = rows.by_sample(rows.weight)
        self._loss.add(where, losses, weights, first)
        if self._samples is not None:
            kept = self._samples.setdefault(
                first, np.full((len(self.alphas), rows.n), np.nan, dtype=np.float32)
            )
            # A sample of which no row counts has no loss.
            kept[where] = torch.where(weights > 0, losses / weights, torch.nan).numpy()

    def _add_errors(self, where: NDArray[np.intp], wrong: torch.Tensor, rows: Rows, first: int) -> None:
        self.has_error = True
        self._error.add(where, rows.by_sample(wrong), rows.by_sample(torch.ones_like(rows.weight)), first)
