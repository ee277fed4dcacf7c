"""What a training is asked to do, checked before any work."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from simulations.runtime.names_in_words import first_of

__all__ = ["OPTIMIZERS", "SCHEDULES", "TRAINING_PRECISIONS", "TrainingArguments"]

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "step")
# While the loss falls, it is lower after an epoch than in the mean over the epoch's steps. A larger factor
# evaluates more often, a smaller one may stop an epoch later.
NEAR_THE_TARGET = 2.0
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
    evaluate_every: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("precision", TRAINING_PRECISIONS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {first_of(allowed)}, got {getattr(self, name)!r}")
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
        for name, least in (("batch_size", 1), ("max_epochs", 0), ("evaluate_every", 1)):
            value = getattr(self, name)
            if name == "evaluate_every" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
        if self.evaluate_every is not None and self.label_smoothing > 0:
            raise ValueError(
                f"evaluate_every = {self.evaluate_every} needs label_smoothing 0, got "
                f"{self.label_smoothing!r}: the steps' loss is then another than the target's"
            )

    def attributes(self) -> dict[str, str | int | float]:
        """As attributes of a Dataset: None as nan."""
        return {name: math.nan if value is None else value for name, value in self.named().items()}

    def named(self) -> dict[str, str | int | float | None]:
        """The fields by name; without `evaluate_every` where it is None: older files do not have it."""
        fields = asdict(self)
        if self.evaluate_every is None:
            del fields["evaluate_every"]
        return fields

    def evaluation_is_due(self, epochs: int, since_last: int, running_loss: float) -> bool:
        """Whether all samples are to be evaluated after so many epochs.

        Args:
            epochs: done so far.
            since_last: of them, after the last evaluation.
            running_loss: mean loss of the last epoch's samples, each in its step, nats.
        """
        if self.evaluate_every is None or epochs >= self.max_epochs or since_last >= self.evaluate_every:
            return True
        return self.target_loss is not None and running_loss <= NEAR_THE_TARGET * self.target_loss

    def verdict(self, epochs: int, loss: float) -> str:
        """What ends a run after so many epochs at this loss; "" where it goes on."""
        if self.target_loss is not None and loss <= self.target_loss:
            return "reached"
        if epochs >= self.max_epochs:
            return "reached" if self.target_loss is None else "stagnated"
        return ""
