"""`mli` and `python -m mli`: the command line."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import TextIO

__all__ = ["main"]


def main() -> None:
    """Run the console command; the signals to end, TERM and HUP, do what Ctrl-C does."""
    for stream in (sys.stdout, sys.stderr):
        _print_any_path(stream)
    try:
        _end_like_ctrl_c()
        from mli.commands.application import app

        app()
    except KeyboardInterrupt:  # before or after the command, which says it by itself
        print("mli: interrupted", file=sys.stderr)
        sys.exit(1)


def _print_any_path(stream: TextIO) -> None:
    """Paths are bytes: what is no text in them is shown by its numbers, and is no error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _end_like_ctrl_c() -> None:
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # there is no HUP on Windows
        # One that is ignored (nohup) stays so.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
