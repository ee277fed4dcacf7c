"""The command line: one sub-command a verb, each a thin call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from torch import Tensor, nn

    from simulations.executors import Executor
    from simulations.sweeps import Sweep
    from validation.profiles import Job

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


class _Profile(StrEnum):
    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"


@app.command()
def validate(
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for report and figures; results/validate (-smoke) by default."),
    ] = None,
    profile: Annotated[
        _Profile,
        typer.Option(
            help="quick: the star and the simple model, about 2 minutes on two cores. standard: every "
            "experiment in its quick form, about 30. full: trains nothing, judges all that is in the store."
        ),
    ] = _Profile.QUICK,
    store: Annotated[
        Path | None,
        typer.Option(help="Folder of the runs; what is there is kept. results/store by default."),
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(help="Show this claim alone (C1 to C9, several allowed); all nine are judged together."),
    ] = None,
    smoke: bool = typer.Option(
        False, "--smoke", help="A reduced run of seconds: shows that everything works, decides nothing."
    ),
    rules: bool = typer.Option(False, "--rules", help="Print the rule of every claim and stop."),
    power: bool = typer.Option(
        False, "--power", help="Print how often the rules err and find, on 400 synthetic data sets, and stop."
    ),
) -> None:
    """The main job: train networks, walk the line, and judge the claims C1 to C9."""
    from validation.claims import CLAIMS

    known = [one.id for one in CLAIMS]
    if unknown := [name for name in claim or () if name not in known]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(known)}", param_hint="--claim")
    shown = tuple(one for one in CLAIMS if one.id in (claim or known))
    if rules:
        from validation.rules import rules_text

        typer.echo(rules_text(shown), nl=False)
        return
    if power:
        from validation.judgement_power import operating_characteristics, power_text

        with _said_on_a_terminal("judging 400 synthetic data sets in each of 5 scenarios"):
            found = power_text(operating_characteristics(CLAIMS))
        typer.echo(found, nl=False)
        return
    from validation.profiles import job_of, smoke_job

    folder = output or Path("results", "validate-smoke" if smoke else "validate")
    # A smoke run stays in its own folder: its runs are of no use to anybody.
    runs = store or (folder / "store" if smoke else _STORE)
    with _expected_errors():
        _run_validate(folder, smoke_job() if smoke else job_of(profile), runs, {one.id for one in shown})


_Model = Annotated[
    str, typer.Option(help="package.module:factory, a function without arguments that makes the network.")
]
_End = Annotated[Path, typer.Option(help="The trained network's state dict, a .safetensors file.")]
_Data = Annotated[
    str,
    typer.Option(
        help="digits, a folder of parquet images, an .npz file (inputs, labels), or package.module:callable."
    ),
]
_Start = Annotated[
    str,
    typer.Option(
        help="A .safetensors file, init:SEED (the factory called again under that torch seed) or zero."
    ),
]
_BatchNorm = Annotated[
    str | None,
    typer.Option(help="Running statistics along the line: keep, interpolate or recalibrate."),
]
_Alphas = Annotated[int, typer.Option(help="Points from 0 to 1.")]
_AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Also read checkpoints that are pickles (.pt, .pth): tensors only, but only files you trust.",
    ),
]


@app.command()
def diagnose(
    model: _Model,
    end: _End,
    data: _Data,
    start: _Start = "init:0",
    batch_norm: _BatchNorm = None,
    output: Annotated[Path, typer.Option(help="Folder for report, curves and figure.")] = Path(
        "results", "diagnosis"
    ),
    alphas: _Alphas = 101,
    allow_pickle: _AllowPickle = False,
) -> None:
    """Why does my network's line look like this? What bias, depth and initialisation account for."""
    with _expected_errors(), _user_errors():
        from simulations.atomic_files import writable_folder

        writable_folder(output)
        network, first, last, samples, note = _user_network(model, start, end, data, allow_pickle)
        from rich.console import Console

        from paper_figures.diagnosis_figure import save_diagnosis_figure
        from validation.diagnosis import diagnose as run
        from validation.diagnosis_report import account_table, write_diagnosis

        found = run(network, first, last, samples, alphas=alphas, batch_norm=batch_norm, notes=(note,))
        save_diagnosis_figure(output / "figures", found)
        report = write_diagnosis(output, found)
        console = Console()
        for note in report["notes"]:
            console.print(note, markup=False)
        for sentence in report["verdict"]:
            console.print(sentence.replace("**", ""), markup=False)
        console.print(account_table(report))
        console.print(f"The report: {output / 'report.md'}", soft_wrap=True)


@app.command()
def curve(
    model: _Model,
    end: _End,
    data: _Data,
    output: Annotated[Path, typer.Option(help="A .nc (NetCDF) or .csv file.")],
    start: _Start = "init:0",
    batch_norm: _BatchNorm = None,
    path: Annotated[
        str, typer.Option(help="linear, homogeneous, weights, bias, last_bias or only:PATTERN.")
    ] = "linear",
    alphas: _Alphas = 101,
    allow_pickle: _AllowPickle = False,
) -> None:
    """Loss and error of a network on the line, as a file."""
    with _expected_errors(), _user_errors():
        from simulations.atomic_files import writable_folder

        if output.suffix not in (".nc", ".csv"):
            raise ValueError(f"--output must end in .nc or .csv, got {output}")
        writable_folder(output.parent)
        network, first, last, samples, note = _user_network(model, start, end, data, allow_pickle)
        typer.echo(note)
        from simulations.curve_files import save_curve
        from simulations.curves import interpolation_curves

        found = interpolation_curves(
            network, first, last, samples, alphas=alphas, path=path, batch_norm=batch_norm
        )
        save_curve(output, found.assign_attrs(start=note))
        typer.echo(f"The curves: {output}")


def _user_network(
    model: str, start: str, end: Path, data: str, allow_pickle: bool
) -> tuple[nn.Module, dict[str, Tensor], dict[str, Tensor], Any, str]:
    """The network, both checkpoints, the data, and what the start is in words."""
    from validation.user_network import build_network, find_object, load_data, load_end, load_start

    factory = find_object(model)
    network = build_network(factory)
    last = load_end(end, network, allow_pickle=allow_pickle)
    first, note = load_start(start, factory, network, last, allow_pickle=allow_pickle)
    return network, first, last, load_data(data), note


@contextmanager
def _user_errors() -> Iterator[None]:
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


def _run_validate(folder: Path, job: Job, store: Path, shown: set[str]) -> None:
    from rich.console import Console

    from paper_figures.main_job_figures import save_main_job_figures
    from simulations.atomic_files import writable_folder
    from simulations.run_files import DamagedRunError
    from validation.main_job import run_main_job
    from validation.report import write_report
    from validation.report_table import verdict_table

    writable_folder(writable_folder(folder) / "figures")  # found out before the training, not after it
    try:
        outcome = run_main_job(folder, job, store)
    except DamagedRunError as error:
        sys.exit(f"mli: {error}; `mli validate --profile standard` makes damaged runs of its sweeps again")
    save_main_job_figures(folder / "figures", outcome)
    console = Console()
    console.print(verdict_table(write_report(folder, outcome), shown))
    console.print(f"The report: {folder / 'report.md'}", soft_wrap=True)


@app.command()
def figures(
    names: Annotated[list[str] | None, typer.Argument(help="F1 to F12; all by default.")] = None,
    formats: Annotated[str, typer.Option("--format", help="Of pdf, png, svg.")] = "pdf,png,svg",
    output: Annotated[Path, typer.Option(help="Folder for the figures and their captions.")] = Path(
        "results", "figures"
    ),
    store: Annotated[
        Path, typer.Option(help="Folder of runs; F7 and F10 read their files beside it.")
    ] = Path("results", "store"),
    form: Annotated[str, typer.Option(help="Form of the experiments: quick or paper.")] = "quick",
    data: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Write this figure's numbers as CSV instead.")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Draw the data shipped with the package.")
    ] = False,
    collect: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Only write what the store has for each figure, as NetCDF."),
    ] = None,
) -> None:
    """Draw the figures from stored runs, or from the data shipped with the package: no training."""
    from paper_figures.catalogue import figure_names
    from paper_figures.figure_files import figure_formats, make_figures
    from paper_figures.sources import NoDataError, collect_data

    missing = []
    with _expected_errors(), _user_errors():
        asked, kinds = figure_names(names or ()), figure_formats(formats)
        tables = figure_names(data) if data else ()
        if form not in ("quick", "paper"):
            raise ValueError(f"form must be one of quick, paper, got {form!r}")
        if collect is not None:
            made = iter(collect_data(collect, asked, store, form).values())
        else:
            drawn = asked if names or not tables else ()
            made = make_figures(output, drawn, kinds, tables=tables, store=store, form=form, shipped=shipped)
        for one in made:
            if isinstance(one, NoDataError):
                missing.append(str(one))
            else:
                typer.echo(one)
    if missing:
        sys.exit("\n".join(f"mli: {why}" for why in missing))


simulate = typer.Typer(no_args_is_help=True, help="Run simulations: raw numbers per seed, no verdicts.")
app.add_typer(simulate, name="simulate")


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
    seeds: Annotated[int, typer.Option(min=1, help="How many initial weights: seeds 0, 1, ...")] = 10,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for one NetCDF file each; results/power-model (-full) by default."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes, of one thread each.")] = 2,
    full: bool = typer.Option(False, "--full", help="All cases: hours in place of minutes."),
) -> None:
    """The simple model (theory.md section 3): its flow beside T8 to T14, one file an experiment."""
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
    with _expected_errors():
        for path in run_experiments(folder, names, seeds=seeds, size=size, processes=processes):
            typer.echo(path)


@contextmanager
def _expected_errors() -> Iterator[None]:
    """One line, no traceback, for what a user can mend; anything else is a defect and shows itself."""
    try:
        yield
    except OSError as error:
        sys.exit(f"mli: {error}")
    except KeyboardInterrupt:
        sys.exit("mli: interrupted; finished runs are kept, the same command goes on from there")


_Store = Annotated[Path, typer.Option(help="Folder of the runs.")]
_STORE = Path("results", "store")
_Device = Annotated[str, typer.Option(help="Where torch computes: cpu, cuda or cuda:INDEX.")]


@app.command()
def sweep(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_FILE...", help="Experiments, or TOML files, or all.")
    ],
    form: Annotated[str, typer.Option(help="Of experiments: quick (two cores) or paper (a GPU).")] = "quick",
    executor: Annotated[str, typer.Option(help="local (processes here), dask or slurm.")] = "local",
    scheduler: Annotated[str | None, typer.Option(help="Of dask: tcp://HOST:PORT.")] = None,
    processes: Annotated[int | None, typer.Option(help="Of local; one a core by default.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Of slurm: a parameter of submitit.")
    ] = None,
    device: _Device = "cpu",
    store: _Store = _STORE,
) -> None:
    """Make all runs of experiments; what is in the store is kept, an interrupted sweep goes on."""
    with _expected_errors(), _user_errors():
        from simulations.executors import open_executor
        from simulations.sweeps import EXPERIMENTS, read_sweep

        wanted = list(EXPERIMENTS) if names == ["all"] else names
        sweeps = [read_sweep(name, form) for name in wanted]
        parameters = {key: int(value) if value.isdecimal() else value for key, value in _pairs(slurm or [])}
        with open_executor(
            executor,
            processes=processes,
            scheduler=scheduler,
            device=device,
            logs=store.parent / "slurm-logs",
            slurm=parameters,
        ) as opened:
            _run_sweeps(sweeps, store, opened, device)


@app.command()
def train(
    spec: Annotated[
        Path | None, typer.Argument(help="A run's TOML file, such as a store's spec.toml.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A field of the run, over the file's."),
    ] = None,
    device: _Device = "cpu",
    store: _Store = _STORE,
) -> None:
    """One run, here: train, walk its lines, and put it in the store."""
    with _expected_errors(), _user_errors():
        from simulations.runs import RunSpec, Store, make_run

        values = {} if spec is None else RunSpec.from_toml(spec).to_dict()
        run = RunSpec.from_dict(values | {key: RunSpec.parsed(key, text) for key, text in _pairs(set_ or [])})
        folder = Store(store)
        folder.prepare()
        made = make_run(run, folder, device=device, progress="bar")
        for problem in made.repaired:
            typer.echo(f"made again: {problem}")
        typer.echo(f"{made.status}{', as it was in the store' if made.kept else ''}: {folder.path(run)}")


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for key, separator, _ in pairs:
        if not (key and separator):
            raise ValueError(f"expected KEY=VALUE, got {key!r}")
    return [(key.strip(), value) for key, _, value in pairs]


def _run_sweeps(sweeps: list[Sweep], folder: Path, executor: Executor, device: str) -> None:
    from simulations.runs import Store
    from simulations.sweep_runner import run_sweeps

    store = Store(folder)
    outcome = run_sweeps(sweeps, store, executor, device=device)
    for line in outcome.lines(sweeps, store):
        typer.echo(line)
    if outcome.failed:
        sys.exit(f"mli: {len(outcome.failed)} runs failed; the same command tries them again")


runs = typer.Typer(no_args_is_help=True, help="The store of runs: what is in it, and whether it is whole.")
app.add_typer(runs, name="runs")


@runs.command("list")
def list_runs(store: _Store = _STORE) -> None:
    """Every run: its name, state, data, network and seed."""
    with _expected_errors():
        from simulations.runs import Store
        from simulations.store_contents import stored_runs

        for run in stored_runs(Store(store)):
            spec = run.spec
            words = (
                [] if spec is None else [spec.data, spec.network, f"bias={spec.bias}", f"seed={spec.seed}"]
            )
            words += ["(made by other code)"] if run.other_code else []
            typer.echo("  ".join([run.name, f"{run.state:<10}", *words]))


@runs.command()
def show(name: Annotated[str, typer.Argument(help="Or its beginning.")], store: _Store = _STORE) -> None:
    """A run's spec, how it was made, and its numbers."""
    with _expected_errors(), _user_errors():
        import json

        import xarray as xr

        from simulations.runs import Store
        from simulations.store_contents import full_name

        here = Store(store)
        name = full_name(here, name)
        typer.echo(here.spec(name).to_toml())
        if here.is_finished(name):
            typer.echo(json.dumps(here.provenance(name), indent=1))
            with xr.set_options(display_max_rows=200):  # type: ignore[no-untyped-call]
                typer.echo(here.load(name))
        elif failure := here.failure(name):
            typer.echo(failure["traceback"])


@runs.command()
def verify(store: _Store = _STORE) -> None:
    """Read every file and compare its digest; the exit code is 1 where one is not what was written."""
    with _expected_errors():
        from simulations.runs import Store

        here = Store(store)
        finished = [name for name in here.names() if here.is_finished(name)]
        problems = [problem for name in finished for problem in here.problems(name)]
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{len(finished)} finished runs, {len(problems)} problems")
        if problems:
            sys.exit(1)


@runs.command()
def gc(
    store: _Store = _STORE,
    other_code: bool = typer.Option(False, "--other-code", help="Also runs made by other code."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
) -> None:
    """Remove runs that a sweep would make again: failed, unfinished, damaged; none that is being made."""
    with _expected_errors():
        from simulations.runs import Store
        from simulations.store_contents import garbage

        here = Store(store)
        here.prepare()
        for run in garbage(here, other_code=other_code):
            with here.locked(run.name, wait=False) as mine:
                if mine and not dry_run:
                    here.remove(run.name)
                typer.echo(f"{run.name}  {run.state}  {run.about if mine else 'is being made: kept'}")


@app.command()
def theory(
    name: str | None = typer.Argument(None, help="A theorem: T1 to T14, T4', T10b, T10c, T11'."),
    steps: bool = typer.Option(False, "--steps", help="Show every step with its claim."),
    latex: bool = typer.Option(False, "--latex", help="The claims as LaTeX."),
    write_docs: Annotated[
        Path | None,
        typer.Option("--write-docs", metavar="FOLDER", help="Write all theorems' Markdown pages and end."),
    ] = None,
) -> None:
    """List the theorems: statement, hypotheses, status, steps checked by machine and by words.

    Every status is found by re-proving the theorem now.
    """
    from mli_theory.derivations import THEOREMS, rendering

    if write_docs is not None:
        write_docs.mkdir(parents=True, exist_ok=True)
        (write_docs / "README.md").write_text(rendering.index_markdown(THEOREMS.values()), encoding="utf-8")
        for theorem in THEOREMS.values():
            page = write_docs / rendering.file_name(theorem.name)
            page.write_text(rendering.as_markdown(theorem), encoding="utf-8")
        typer.echo(f"{len(THEOREMS)} theorems written to {write_docs}")
        return
    if name is not None and name not in THEOREMS:
        sys.exit(f"mli theory: no theorem {name!r}; there are {', '.join(THEOREMS)}")
    for theorem in THEOREMS.values() if name is None else [THEOREMS[name]]:
        with _said_on_a_terminal(f"re-proving {theorem.name}, {len(theorem.checked_steps)} steps"):
            text = rendering.as_latex(theorem) if latex else rendering.as_text(theorem, steps=steps)
        typer.echo(text)


@contextmanager
def _said_on_a_terminal(doing: str) -> Iterator[None]:
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


@app.command()
def report(
    input: Annotated[  # noqa: A002 - the option's name
        Path, typer.Option(help="Folder that `mli validate` wrote: report.json and figures.")
    ] = Path("results", "validate"),
    store: Annotated[
        Path | None,
        typer.Option(help="Folder of its runs, for their lines; a store in --input, or else results/store."),
    ] = None,
    figures: Annotated[
        Path, typer.Option(help="Folder that `mli figures` wrote; left out where it is not there.")
    ] = Path("results", "figures"),
    output: Annotated[
        Path, typer.Option(help="Folder for report.html, report.md, report.json and tables.")
    ] = Path("results", "report"),
) -> None:
    """Show what was computed: one HTML page with an explorer, and every table as CSV. Computes nothing."""
    with _expected_errors(), _user_errors():
        from validation.report_page.write import write_report_page

        runs = store or (input / "store" if (input / "store").is_dir() else _STORE)
        typer.echo(f"The page: {write_report_page(input, runs, figures, output)}")


def _refuse_shadowed_packages() -> None:
    """Stop where another folder's package would be imported in place of ours."""
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
