"""What else is asked of every output on a grid: the user's metrics, and the loss at the best temperature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from simulations.curves.ratio_sums import RatioSums
from simulations.line.moved_network import Line
from simulations.models.last_layer import logits_of
from simulations.objectives.objective import Objective
from simulations.objectives.own_loss import by_sample
from simulations.objectives.temperature import LADDER, best_temperature
from simulations.user_data.batch import Batch

__all__ = ["Metrics", "Watched", "WatchedLine", "check_watched"]

Metrics = Mapping[str, Callable[[Any, Batch], Any]]
TAKEN = frozenset(
    (
        *("split", "sample", "label", "predicted_class", "alpha", "loss", "error", "class_share"),
        *("class_error", "loss_standard_error", "error_standard_error", "bias_exit", "correct_from"),
        *("sample_loss", "sample_correct", "calibrated_loss", "temperature"),
    )
)
"""Names of a curve's own variables and dimensions."""


def check_watched(metrics: Metrics | None, calibrated: bool, objective: Objective) -> None:
    """Refuse what is no metric, and a temperature of an objective without one.

    Raises:
        ValueError: naming it.
    """
    if calibrated and not objective.tempered:
        raise ValueError(
            f"calibrated=True divides logits by a temperature; objective {objective.name!r} has no logits: "
            "leave it out"
        )
    if metrics is not None and not isinstance(metrics, Mapping):
        raise ValueError(f"metrics must be a mapping of names to callables, got {type(metrics).__name__}")
    for name, metric in (metrics or {}).items():
        if not isinstance(name, str) or not name.isidentifier() or name in TAKEN:
            raise ValueError(f"a metric's name must be a new identifier, got {name!r}: choose another")
        if not callable(metric):
            raise ValueError(
                f"metrics[{name!r}] must be a callable (output, batch) -> (n,), got {type(metric).__name__}"
            )


class Watched:
    """Sums over batches, at alphas (A,).

    Args:
        alphas: (A,).
        metrics: by name.
        calibrated: whose loss is also taken at the best temperature; None: of none.
    """

    def __init__(self, alphas: NDArray[Any], metrics: Metrics | None, calibrated: Objective | None) -> None:
        self._places = {float(alpha): i for i, alpha in enumerate(alphas)}
        self._metrics, self._objective = metrics or {}, calibrated
        self._sums = {name: RatioSums(alphas) for name in self._metrics}
        self._ladder = np.zeros((len(alphas), len(LADDER)))
        self._weight = np.zeros(len(alphas))

    def __bool__(self) -> bool:
        return bool(self._metrics) or self._objective is not None

    def see(self, alpha: float, output: Any, batch: Batch, line: Line) -> None:
        """Add what the network returned for a batch on the line's device."""
        place, n = self._places.get(alpha), len(batch)
        if place is None:
            return
        beside = replace(batch, labels=batch.labels.to(line.device))
        for name, metric in self._metrics.items():
            found = by_sample(metric(output, beside), n, f"metrics[{name!r}]")
            if not torch.isfinite(found).all():
                raise ValueError(f"metrics[{name!r}] is not finite at alpha = {alpha}")
            if not place:
                self._sums[name].count(torch.ones(n, dtype=torch.float64))
            self._sums[name].add(place, found, torch.ones(n, dtype=torch.float64))
        if self._objective is not None:
            self._ladder[place] += self._objective.tempered_losses(output, batch, line.output, LADDER).numpy()
            self._weight[place] += float(self._objective.rows(batch).weight.sum())

    def add_to(self, curve: xr.Dataset) -> xr.Dataset:
        """The curve with them."""
        for name, sums in self._sums.items():
            curve[name] = ("alpha", sums.mean())
        if self._objective is not None:
            best = [
                best_temperature(row / weight) for row, weight in zip(self._ladder, self._weight, strict=True)
            ]
            curve["calibrated_loss"] = ("alpha", np.array([loss for loss, _ in best]), {"units": "nats"})
            curve["temperature"] = ("alpha", np.array([temperature for _, temperature in best]))
        return curve


class WatchedLine:
    """A line whose outputs are also seen, as `Line.logits`.

    Args:
        line: what evaluates.
        watched: sees each output.
    """

    def __init__(self, line: Line, watched: Watched) -> None:
        self._line, self._watched = line, watched

    def logits(self, alpha: float, batch: Batch) -> torch.Tensor:
        """As `Line.logits`."""
        output, placed = self._line.returned(alpha, batch)
        self._watched.see(alpha, output, placed, self._line)
        return self._line.checked(logits_of(output, self._line.output), alpha, batch)
