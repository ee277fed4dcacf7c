"""The command line: one sub-command a verb, each a thin call."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import typer

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"mli {version('mli-plateau')}")
        except PackageNotFoundError:
            typer.echo("mli (not installed: run from its source folder)")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """The plateau in monotonic linear interpolation: theory beside trained networks."""


def _refuse_shadowed_packages() -> None:
    """Stop where another folder's package would be imported in place of ours (`python -m mli` elsewhere)."""
    ours = Path(__file__).resolve().parent
    for name in ("mli_theory", "simulations", "validation", "paper_figures"):
        found = find_spec(name)
        origin = Path(found.origin).resolve() if found and found.origin else None
        if origin is None or not origin.is_relative_to(ours / name):
            sys.exit(
                f"mli: {origin or f'a folder {name}/'} is imported in place of {ours / name}: "
                "run the console command `mli` instead, or work in another folder"
            )


def main() -> None:
    """The console command."""
    _refuse_shadowed_packages()
    app()


if __name__ == "__main__":
    main()
