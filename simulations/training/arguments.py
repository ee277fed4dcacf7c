"""What a training is asked to do, checked before any work."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

__all__ = ["OPTIMIZERS", "SCHEDULES", "TRAINING_PRECISIONS", "TrainingArguments"]

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "step")
TRAINING_PRECISIONS = ("float32", "tf32", "bf16")


@dataclass(frozen=True, kw_only=True)
class TrainingArguments:
    """The numbers and names of one training; `simulations.training.train` says what each of them means.

    Raises:
        ValueError: when built with a value outside its range; the message shows it.
    """

    optimizer: str = "sgd"
    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    schedule: str = "constant"
    batch_size: int = 64
    target_loss: float | None = None
    max_epochs: int
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("precision", TRAINING_PRECISIONS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be a finite number > 0, got {self.learning_rate!r}")
        for name in ("momentum", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)!r}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be a finite number >= 0, got {self.weight_decay!r}")
        for name in ("target_loss", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be a finite number > 0 or None, got {value!r}")
        for name, least in (("batch_size", 1), ("max_epochs", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")

    def attributes(self) -> dict[str, str | int | float]:
        """As attributes of a Dataset: None as nan."""
        return {name: math.nan if value is None else value for name, value in asdict(self).items()}

    def verdict(self, epochs: int, loss: float) -> str:
        """What ends a run after so many epochs at this loss; "" where it goes on."""
        if self.target_loss is not None and loss <= self.target_loss:
            return "reached"
        if epochs >= self.max_epochs:
            return "reached" if self.target_loss is None else "stagnated"
        return ""
