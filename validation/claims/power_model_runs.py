"""The power model's runs that the claims see."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["START_STREAM", "PowerModelRuns"]

START_STREAM = "simple model"
"""The random stream of the initial weights. Its name decides the numbers: it keeps the model's first name."""


@dataclass(frozen=True)
class PowerModelRuns:
    """The power model's runs: full n_classes x n_classes starts scale * U(0.5, 1), to final_loss (nats)."""

    n_classes: int = 4
    degree: int = 3
    scale: float = 1e-2
    final_loss: float = 1e-6
