"""What a training is asked to do, checked before any work."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from simulations.runtime.names_in_words import shortened
from simulations.specs.run_fields import LEAST, check_value

__all__ = ["TrainingArguments"]

# While the loss falls, it is lower after an epoch than in the mean over the epoch's steps. A larger factor
# evaluates more often, a smaller one may stop an epoch later.
NEAR_THE_TARGET = 2.0


_MAY_BE_NONE = ("clip_norm", "target_loss", "evaluate_every", "objective")


@dataclass(frozen=True, kw_only=True)
class TrainingArguments:
    """The numbers and names of one training; `simulations.training.train` says what each of them means.

    Defaults are said here alone: `train`, `train_many` and `RunSpec` take theirs from this class. Ranges are
    those of a run's fields (`simulations.specs.run_fields`).

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
    objective: str | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is None and name in _MAY_BE_NONE:
                continue
            if name in LEAST and (isinstance(value, bool) or not isinstance(value, int)):
                raise ValueError(f"{name} must be an integer >= {LEAST[name]}, got {shortened(value)}")
            check_value(name, value)
        if self.objective is not None and self.label_smoothing > 0:
            raise ValueError(
                f"label_smoothing is of cross-entropy, not of objective {self.objective!r}, got "
                f"{self.label_smoothing!r}"
            )
        if self.evaluate_every is not None and self.label_smoothing > 0:
            raise ValueError(
                f"evaluate_every = {self.evaluate_every} needs label_smoothing 0, got "
                f"{self.label_smoothing!r}: the steps' loss is then another than the target's"
            )

    def attributes(self) -> dict[str, str | int | float]:
        """As attributes of a Dataset: None as nan."""
        return {name: math.nan if value is None else value for name, value in self.named().items()}

    def named(self) -> dict[str, str | int | float | None]:
        """The fields by name; without `evaluate_every` and `objective` where they are None."""
        later = ("evaluate_every", "objective")
        return {name: value for name, value in asdict(self).items() if value is not None or name not in later}

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
