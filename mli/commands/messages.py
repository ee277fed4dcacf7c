"""What a command says besides its results: errors as one line, and what it is doing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["expected_errors", "input_errors", "said_on_a_terminal"]


@contextmanager
def expected_errors() -> Iterator[None]:
    """One line, no traceback, for what a user can mend; anything else is a defect and shows itself."""
    try:
        yield
    except OSError as error:
        sys.exit(f"mli: {error}")
    except KeyboardInterrupt:
        sys.exit("mli: interrupted; finished runs are kept, the same command goes on from there")


@contextmanager
def input_errors() -> Iterator[None]:
    """One line for input that a check of ours refused; warnings as one line each."""
    import warnings

    def show(message: Warning | str, *_: object, **__: object) -> None:
        typer.echo(f"mli: warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        try:
            yield
        except (ValueError, ModuleNotFoundError) as error:
            sys.exit(f"mli: {error}")


@contextmanager
def said_on_a_terminal(doing: str) -> Iterator[None]:
    """A line on a terminal's error stream while something runs, wiped afterwards; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(f"{doing} ...")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
