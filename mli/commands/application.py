"""The verbs put together, in the order of `mli --help`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import typer

from mli.commands.certify_line import certify_line
from mli.commands.curve import curve
from mli.commands.diagnose import diagnose
from mli.commands.figures import figures
from mli.commands.messages import OneLineRefusals
from mli.commands.report import report
from mli.commands.runs import runs
from mli.commands.simulate import simulate
from mli.commands.sweep import sweep
from mli.commands.theory import theory
from mli.commands.train import train
from mli.commands.validate import validate

__all__ = ["app"]

app = typer.Typer(
    cls=OneLineRefusals,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},  # of every verb, too
)


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


for verb in (validate, figures, report, sweep, train, theory, diagnose, curve, certify_line):
    app.command()(verb)
app.add_typer(runs, name="runs")
app.add_typer(simulate, name="simulate")
