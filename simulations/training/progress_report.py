"""How far a training is: for a callback, or as a bar on a terminal and lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from simulations.runtime.progress import progress_bar
from simulations.training.history import TrainingHistory

__all__ = ["EpochClock", "ProgressCallback", "TrainingProgress", "reporter", "training_bar"]


@dataclass(frozen=True)
class TrainingProgress:
    """After an epoch.

    Attributes:
        epoch: epochs done, those before an interruption too.
        max_epochs: at most so many.
        steps: optimiser steps so far, likewise.
        loss: nats, on all samples; of an ensemble the mean over its members, like the error.
        error: likewise, a share.
        seconds_left: if all epochs are needed and each takes as long as the mean one of this call did.
        status: "" while it goes on, else the verdict (see `simulations.training.TrainingResult`), or
            "ended" for an ensemble.
    """

    epoch: int
    max_epochs: int
    steps: int
    loss: float
    error: float
    seconds_left: float
    status: str


class EpochClock:
    """Says how far a training is, and how long the rest may take."""

    def __init__(self, epochs_before: int) -> None:
        self._before = epochs_before
        self._begun = time.monotonic()

    def progress(
        self, histories: Sequence[TrainingHistory], epoch: int, max_epochs: int, status: str
    ) -> TrainingProgress:
        """After an epoch, of one training or of several that go together."""
        left = 0 if status else max_epochs - epoch
        return TrainingProgress(
            epoch=epoch,
            max_epochs=max_epochs,
            steps=max(history.steps[-1] for history in histories),
            loss=sum(history.losses[-1] for history in histories) / len(histories),
            error=sum(history.errors[-1] for history in histories) / len(histories),
            seconds_left=left * (time.monotonic() - self._begun) / max(epoch - self._before, 1),
            status=status,
        )


ProgressCallback = Callable[[TrainingProgress], None]


@contextmanager
def reporter(progress: ProgressCallback | str | None, max_epochs: int) -> Iterator[ProgressCallback]:
    """What to call after each epoch; with "bar", that of `training_bar`.

    Raises:
        ValueError: neither None, "bar" nor something to call.
    """
    if progress == "bar":
        with training_bar(max_epochs) as draw:
            yield draw
    elif progress is None:
        yield lambda now: None  # noqa: ARG005
    elif callable(progress):
        yield progress
    else:
        raise ValueError(f"progress must be None, 'bar' or a function, got {progress!r}")


@contextmanager
def training_bar(max_epochs: int, name: str = "training") -> Iterator[ProgressCallback]:
    """What draws a bar over epochs on a terminal, and says so in lines elsewhere: name, loss and error.

    Args:
        max_epochs: the bar's length.
        name: of the training.
    """
    with progress_bar() as bar:
        task = bar.add_task(name, total=max_epochs)

        def draw(now: TrainingProgress) -> None:
            words = f"{name}, loss {now.loss:.3g}, error {now.error:.1%}"
            bar.update(task, completed=now.epoch, description=words)

        yield draw
