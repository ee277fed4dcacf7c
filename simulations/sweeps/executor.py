"""What a sweep asks of an executor, whatever the engine."""

from __future__ import annotations

from collections.abc import Callable, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

__all__ = ["Executor", "extra_missing"]


@dataclass(frozen=True, eq=False)
class Executor:
    """How to start work somewhere and how to wait for it.

    Attributes:
        submit: (function, *arguments) -> future.
        first_done: futures -> those that are done, at least one; waits.
        slots: how many futures may be under way at once, None for any number.
        batch: a context for many submits at once.
        lost: errors of it or of its futures that mean the executor, not the function, has failed.
    """

    submit: Callable[..., Any]
    first_done: Callable[[Set[Any]], Set[Any]]
    slots: int | None = None
    batch: Callable[[], AbstractContextManager[Any]] = nullcontext
    lost: tuple[type[BaseException], ...] = ()


def extra_missing(library: str) -> ModuleNotFoundError:
    """The error that says how to install a library of the extra `cluster`."""
    return ModuleNotFoundError(f"{library} is not installed: pip install 'mli-plateau[cluster]'")
