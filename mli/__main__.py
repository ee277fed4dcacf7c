"""The console command `mli`: the verbs of `commands`, once it is sure that our own packages are found."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["app", "main"]

_OURS = ("mli_theory", "simulations", "validation", "paper_figures", "commands")


def _refuse_shadowed_packages() -> None:
    """Stop where another folder's package would be imported in place of ours."""
    ours = Path(__file__).resolve().parent
    for name in _OURS:
        found = find_spec(name)
        origin = Path(found.origin).resolve() if found and found.origin else None
        if origin is None or not origin.is_relative_to(ours / name):
            sys.exit(
                f"mli: {origin or f'a folder {name}/'} is imported in place of {ours / name}: "
                "run the console command `mli` instead, or work in another folder"
            )


_refuse_shadowed_packages()  # before the first import that a shadow would answer

from mli.commands.application import app  # noqa: E402


def main() -> None:
    """The console command."""
    app()


if __name__ == "__main__":
    main()
