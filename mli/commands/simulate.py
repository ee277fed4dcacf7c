"""`mli simulate`: raw numbers per seed, no verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from mli.commands.messages import expected_errors, input_errors

__all__ = ["simulate"]

simulate = typer.Typer(
    no_args_is_help=True, help="Simulate the power model. Writes raw numbers per seed as NetCDF, no verdicts."
)


class _ListsExperiments(TyperCommand):
    """Help that ends in the list of experiments, read when asked for: our packages may be shadowed."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from simulations.power_model_experiments.catalogue import CATALOGUE

        self.epilog = "\n\n".join(
            ["Experiments:", *(f"{name}: {shows}" for name, shows in CATALOGUE.items())]
        )
        super().format_help(ctx, formatter)


@simulate.command("power-model", cls=_ListsExperiments)
def power_model(
    experiment: Annotated[str, typer.Option(help="The name of one, from the list below, or all.")] = "all",
    seeds: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many initial weights: seeds 0, 1, ...")
    ] = 10,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for one NetCDF file each; results/power-model (-full) by default."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes, of one thread each.")] = 2,
    full: bool = typer.Option(False, "--full", help="All cases: hours in place of minutes."),
) -> None:
    """The power model (theory.md section 3): its flow beside T8 to T14. Writes one NetCDF file each."""
    from simulations.power_model_experiments.catalogue import CATALOGUE

    if experiment != "all" and experiment not in CATALOGUE:
        raise typer.BadParameter(
            f"{experiment!r} is not an experiment: choose from {', '.join(CATALOGUE)}, or all",
            param_hint="--experiment",
        )
    from simulations.power_model_experiments.runner import run_experiments

    size = "full" if full else "quick"
    folder = output or Path("results", "power-model-full" if full else "power-model")
    names = tuple(CATALOGUE) if experiment == "all" else (experiment,)
    with expected_errors(goes_on=True), input_errors():
        for path in run_experiments(folder, names, seeds=seeds, size=size, processes=processes):
            typer.echo(path)
