"""How far some work is: a bar on a terminal; in a pipe or a file lines, one a minute at most."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["LINE_EVERY", "ProgressLines", "Tasks", "progress_bar"]

LINE_EVERY = 60.0
"""Seconds between two lines, and before the first: work that ends sooner says nothing in a pipe."""

T = TypeVar("T")


class Tasks(Protocol):
    """What a bar and lines share: a part of `rich.progress.Progress`. Use it with `with`."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        ...

    def add_task(self, description: str, *, total: float | None = None, completed: int = 0) -> TaskID:
        """A piece of work with so many steps, of which some are done."""
        ...

    def update(
        self,
        task_id: TaskID,
        *,
        total: float | None = None,
        completed: float | None = None,
        description: str | None = None,
    ) -> None:
        """Say how far it is, and where; `total` where it is known only now."""
        ...

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Say that steps were done."""
        ...

    def track(self, sequence: Iterable[T], *, total: float | None, description: str) -> Iterable[T]:
        """The items, each a step of a new task that is done when the next is asked for."""
        ...


class ProgressLines:
    """Tasks told on standard error in lines such as "runs: 3 of 12", not more often than `every` seconds.

    A line is written where something changes, so there is none while nothing does. `clock` gives seconds.
    """

    def __init__(self, every: float = LINE_EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._said_at = clock()
        self._tasks: list[tuple[str, float, float | None]] = []  # description, completed, total

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it: a command says itself what came of the work."""

    def add_task(self, description: str, *, total: float | None = None, completed: int = 0) -> TaskID:
        """A piece of work with so many steps, of which some are done."""
        self._tasks.append((description, completed, total))
        return TaskID(len(self._tasks) - 1)

    def update(
        self,
        task_id: TaskID,
        *,
        total: float | None = None,
        completed: float | None = None,
        description: str | None = None,
    ) -> None:
        """Say how far it is, and where; `total` where it is known only now."""
        words, done, of = self._tasks[task_id]
        done = done if completed is None else completed
        self._tasks[task_id] = (words if description is None else description, done, total or of)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Say that steps were done."""
        self.update(task_id, completed=self._tasks[task_id][1] + advance)

    def track(self, sequence: Iterable[T], *, total: float | None, description: str) -> Iterator[T]:
        """The items, each a step of a new task that is done when the next is asked for."""
        task = self.add_task(description, total=total)
        for item in sequence:
            yield item
            self.advance(task)

    def _say(self, task_id: TaskID) -> None:
        now = self._clock()
        if now - self._said_at < self._every:
            return
        self._said_at = now
        words, done, total = self._tasks[task_id]
        of = "" if total is None else f" of {total:g}"
        print(f"{words}: {done:g}{of}", file=sys.stderr, flush=True)


def progress_bar() -> Tasks:
    """A rich progress bar on standard error, lines where that is no terminal; use it with `with`."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return ProgressLines()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )
