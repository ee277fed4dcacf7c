"""`mli validate`: the main job."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mli.commands.messages import WENT_WRONG, expected_errors, input_errors, said_on_a_terminal, stop
from mli.commands.run_options import STORE
from simulations.runtime.names_in_words import first_of

if TYPE_CHECKING:
    from validation.job.profiles import Job

__all__ = ["validate"]


class _Profile(StrEnum):
    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"
    RECORDED = "recorded"


def validate(
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for report and figures; results/validate (-smoke) by default."),
    ] = None,
    profile: Annotated[
        _Profile,
        typer.Option(
            help="quick: the star and the power model, about 2 minutes on two cores. standard: every "
            "experiment in its quick form, half an hour on two cores. full: trains nothing, judges all in "
            "the store, seeds beyond the planned ones too (see --rules). recorded: trains nothing, judges "
            "the claims about regimes on the runs that the package carries."
        ),
    ] = _Profile.QUICK,
    store: Annotated[
        Path | None,
        typer.Option(help="Folder of the runs; what is there is kept. results/store by default."),
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(help="Show this claim alone (several allowed); all of a profile are judged together."),
    ] = None,
    smoke: bool = typer.Option(
        False, "--smoke", help="A reduced run of seconds: shows that everything works, decides nothing."
    ),
    rules: bool = typer.Option(False, "--rules", help="Print the rule of every claim and stop."),
    as_json: Annotated[bool, typer.Option("--json", help="With --rules: as JSON.")] = False,
    power: bool = typer.Option(
        False,
        "--power",
        help="Print how often the rules err and find on 400 synthetic data sets, and stop "
        "(with --output the page that tells it of all claims, too).",
    ),
) -> None:
    """Judge the claims C1 to C9: makes the runs that the store lacks, writes a report and figures.

    `--profile full` makes no run and judges all that is in the store; `--profile recorded` judges C10 to C15
    on what the package carries.
    """
    from validation.claims import CLAIMS, REGIME_CLAIMS

    claims = REGIME_CLAIMS if profile == _Profile.RECORDED else CLAIMS
    known = [one.id for one in claims]
    if unknown := [name for name in claim or () if name not in known]:
        raise typer.BadParameter(
            f"{unknown[0]!r}: choose from {first_of(known)}, which the profile {profile.value} judges",
            param_hint="--claim",
        )
    if smoke and profile == _Profile.RECORDED:
        raise typer.BadParameter(
            "the profile recorded trains nothing: leave --smoke out", param_hint="--smoke"
        )
    shown = tuple(one for one in claims if one.id in (claim or known))
    if as_json and not rules:
        raise typer.BadParameter(
            "it goes with --rules; a job's own numbers are in report.json of --output", param_hint="--json"
        )
    if rules:
        from validation.claims.rule_text import rules_data, rules_text
        from validation.text.plain_data import strict_json

        typer.echo(strict_json(rules_data(shown)) if as_json else rules_text(shown), nl=False)
        return
    if power:
        from simulations.runtime.atomic_files import writable_folder
        from validation.docs_pages.power_page import PAGE, write_power_page
        from validation.judgement.power import operating_characteristics, power_text

        if output is not None:
            with expected_errors():
                writable_folder(output, [PAGE])
        with said_on_a_terminal("judging 400 synthetic data sets in each of 5 scenarios"):
            found = operating_characteristics(claims)
        typer.echo(power_text(found), nl=False)
        if output is not None:
            from validation.docs_pages.power_page import power_findings

            with expected_errors(), said_on_a_terminal("drawing what else the page tells"):
                page = write_power_page(output, power_findings())
            typer.echo(page)
        return
    from validation.job.profiles import job_of, smoke_job

    folder = output or Path("results", "validate-smoke" if smoke else "validate")
    # A smoke run stays in its own folder: its runs are of no use to anybody.
    runs = store or (folder / "store" if smoke else STORE)
    with expected_errors(goes_on=True), input_errors():
        _run_validate(folder, smoke_job() if smoke else job_of(profile), runs, {one.id for one in shown})


def _run_validate(folder: Path, job: Job, store: Path, shown: set[str]) -> None:
    from rich.console import Console

    from paper_figures.main_job_figures import save_main_job_figures
    from simulations.runs.store import Store
    from simulations.runs.verified_files import DamagedRunError, OtherDataError
    from simulations.runtime.atomic_files import writable_folder
    from validation.job.main_job import require_store, run_main_job
    from validation.job.observed_store import not_judged
    from validation.report.report_data import REPORT_FILES, write_report
    from validation.report.terminal_table import verdict_table

    # Found out before the training, not after it; a store that is not there before any folder is made.
    require_store(job, store)
    writable_folder(folder, REPORT_FILES)
    if job.judged:
        writable_folder(folder / "figures")
    try:
        outcome = run_main_job(folder, job, store)
    except DamagedRunError as error:
        made_again = "`mli validate --profile standard` makes damaged runs of its sweeps again"
        stop(f"{error}; {made_again}", code=WENT_WRONG)
    except OtherDataError as error:
        stop(error, code=WENT_WRONG)
    if job.judged:
        save_main_job_figures(folder / "figures", outcome)
    console = Console()
    console.print(verdict_table(write_report(folder, outcome), shown))
    if job.name == "full" and (others := not_judged(Store(store), outcome.runs)):
        console.print(
            f"{others} finished runs in {store} belong to no experiment of the package and are not judged: "
            "`mli runs list` lists them, `mli.experiment_runs` reads those of your own sweep",
            soft_wrap=True,
            markup=False,
        )
    typer.echo(f"The report: {folder / 'report.md'}")
