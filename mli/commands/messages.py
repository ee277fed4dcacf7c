"""What a command says besides its results: errors as one line with an exit code, and what it is doing.

The exit code is 2 for what the user wrote (an option, a name, a file that is not there, data that a check
refuses), 1 for what went wrong (a run that failed, a damaged store, a folder that cannot be written, Ctrl-C),
and 0 else. A defect of ours keeps its traceback; Python's exit code is then 1, too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, cast

import typer
from typer.core import TyperGroup

__all__ = [
    "WENT_WRONG",
    "WRITTEN_WRONG",
    "OneLineRefusals",
    "expected_errors",
    "input_errors",
    "said_on_a_terminal",
    "stop",
]

WRITTEN_WRONG = 2
WENT_WRONG = 1

# What click's parser refuses: typer carries a click of its own, of which it shows only this kind.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])


def stop(*why: object, code: int) -> NoReturn:
    """End the command; each reason is one line of standard error behind "mli: "."""
    for reason in why:
        typer.echo(f"mli: {' '.join(str(reason).split())}", err=True)
    sys.exit(code)


def _stop_interrupted(kept: str = "") -> NoReturn:
    """End the command after Ctrl-C: one line, and exit code 1 wherever it was."""
    # An object that Ctrl-C left half made may fail when it is removed; Python would show its traceback.
    sys.unraisablehook = lambda _: None
    # Where Ctrl-C passed through the exec of a string (an import of dataclasses), CPython would end by the
    # signal in spite of our exit code, unless another exec comes after it.
    exec("")
    stop(f"interrupted{kept}", code=WENT_WRONG)


class OneLineRefusals(TyperGroup):
    """The verbs; what the parser of options refuses is one line, too, and names the help to read."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,  # noqa: ARG002 - `python -m mli` is `mli`, too
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and end with its exit code (the base class says what the arguments are)."""
        options = {"complete_var": complete_var, "windows_expand_args": windows_expand_args, **extra}
        run = partial(super().main, args, "mli", standalone_mode=False, **options)
        if not standalone_mode:
            return run()
        try:
            code = run()
        except _UsageError as error:
            context = getattr(error, "ctx", None)
            if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
                typer.echo(context.get_help())
                sys.exit(WRITTEN_WRONG)
            path = context.command_path if context is not None else "mli"
            said = error.format_message().replace("Value error, ", "").rstrip(".")
            stop(f"{said} (see `{path} --help`)", code=WRITTEN_WRONG)
        except typer.Abort:
            _stop_interrupted()
        if code == 130:  # what typer makes of Ctrl-C
            _stop_interrupted()
        sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def expected_errors(*, goes_on: bool = False) -> Iterator[None]:
    """One line, no traceback, for what a user can mend; anything else is a defect and shows itself.

    Args:
        goes_on: what was finished before Ctrl-C is kept, and the same command makes the rest.
    """
    try:
        yield
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        raise
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        stop(error, code=WRITTEN_WRONG)
    except OSError as error:
        stop(error, code=WENT_WRONG)
    except (MemoryError, RuntimeError) as error:  # torch's own for too little memory is a RuntimeError
        if (words := _too_little_memory(error)) is None:
            raise
        stop(words, code=WENT_WRONG)
    except KeyboardInterrupt:
        _stop_interrupted("; finished runs are kept, the same command goes on from there" if goes_on else "")


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
        except ModuleNotFoundError as error:  # an extra that is not installed
            stop(error, code=WENT_WRONG)
        except ValueError as error:
            stop(error, code=WENT_WRONG if _is_damage(error) else WRITTEN_WRONG)


_OF_DAMAGE = {
    "simulations.runs.provenance_file": "StoreFormatError",
    "simulations.runs.verified_files": "DamagedRunError",
    "simulations.runtime.sealed_files": "DamagedFileError",
}


def _is_damage(error: ValueError) -> bool:
    """Whether a file of the store is not what was written: nobody wrote that on the command line."""
    # Whoever raised one has imported it: importing them here would load torch to refuse a word.
    loaded = ((sys.modules.get(module), name) for module, name in _OF_DAMAGE.items())
    return any(module is not None and isinstance(error, getattr(module, name)) for module, name in loaded)


def _too_little_memory(error: MemoryError | RuntimeError) -> str | None:
    """What was asked for, where memory is what was wanting; None for another error."""
    asked = re.search(r"allocate ([\d.]+ ?[KMGTPE]?i?(?:B|bytes)\b)", str(error))
    if isinstance(error, MemoryError) or (asked and "memory" in str(error)):
        how_much = f": {asked.group(1)} were asked for at once" if asked else ""
        return f"the memory does not suffice{how_much}"
    return None


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
