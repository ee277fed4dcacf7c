"""Sweeps: many runs from one TOML file. `simulations.sweeps.runner` makes them.

The file:

    title = "What it shows"
    seeds = [200, 201]            # each once; an arm may have seeds of its own
    ensembles = true              # optional: short fcn runs that differ by seed and init_scale train as one

    [fixed]                       # fields of `RunSpec` that all runs share
    network = "fcn"

    [grid]                        # a list for each field that varies: all combinations are run
    depth = [2, 4]
    bias = ["last", "none"]

    [[arm]]                       # optional: fields over the fixed ones, run at every point of the grid
    name = "slow"
    learning_rate = 0.005

An arm's label is its `name` if it has one, then `key=value` of every grid key in the file's order, joined by
commas: "slow,depth=2,bias=last". Of a list of several `paths` each run walks those that its network has: a
grid over `bias` may name "no_last_bias".
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mli_theory.short_repr import short_repr
from simulations.runtime.names_in_words import first_of, shortened
from simulations.runtime.python_topics import topics_digest
from simulations.specs.run_fields import PYTHON_TOPICS, path_refusal
from simulations.specs.run_spec import RunSpec

__all__ = [
    "APART",
    "CHEAP",
    "EXPERIMENTS",
    "FORMS",
    "ONE_FORM",
    "REALISTIC",
    "PlannedRun",
    "Sweep",
    "read_sweep",
    "with_seeds",
]

FORMS = ("quick", "paper")
EXPERIMENTS = (
    "star",
    "depth_and_bias",
    "initial_scale",
    "width",
    "practical_networks",
    "hardness",
    "imposed_bias",
    "imbalance",
    "optimizers",
    "retention",
)
# Run by name like the others, and no part of `mli sweep all` or of a profile of `mli validate`.
APART = (
    "regime_map",
    "starts",
    "layers",
    "checkpoints",
    "minima",
    "autoencoders",
    "language_model",
    "rates",
    "pretraining",
)
# Of one form each, NAME.toml: their runs take core-hours, so no profile and no `mli sweep all` makes them.
# Finished runs are kept in validation/recorded.
REALISTIC = (
    "mnist_fcn",
    "cifar_vgg16_small_start",
    "cifar_resnet18",
    "cifar_vgg16",
    "cifar_resnet18_plain",
    "mnist_fcn_all_biases",
    "cifar_vgg16_small_start_all_biases",
    "cifar_resnet18_all_biases",
)
# Of one form, too, but cheap: like `APART` otherwise.
CHEAP = ("harder_problems",)
ONE_FORM = (*REALISTIC, *CHEAP)
# By path: while a user's module is loaded, the package of that name may be the user's.
_FILES = Path(__file__).resolve().parents[1] / "experiments"
MOST_RUNS = 100_000
"""Of a sweep; before any is made, all are named."""
KEYS = ("title", "fixed", "grid", "arm", "seeds", "ensembles")


@dataclass(frozen=True)
class PlannedRun:
    """A run of a sweep: the label of its arm, and its spec."""

    label: str
    spec: RunSpec


@dataclass(frozen=True)
class Sweep:
    """What a sweep's file says.

    Attributes:
        name: of the experiment, or of the file without its suffix.
        title: what it shows.
        runs: arm by arm, in the file's order, seeds within.
        ensembles: whether runs that differ by seed and initial scale alone are trained together
            (`simulations.specs.ensembles`): how a run is made, no part of what it is.
    """

    name: str
    title: str
    runs: tuple[PlannedRun, ...]
    ensembles: bool = False

    __repr__ = short_repr

    def labels(self) -> tuple[str, ...]:
        """Every arm's label once, in order."""
        return tuple(dict.fromkeys(run.label for run in self.runs))


def read_sweep(name_or_file: str | Path, form: str = "quick") -> Sweep:
    """The sweep in a TOML file, of `EXPERIMENTS` or `APART` in one of its `FORMS`, or of `ONE_FORM`.

    Raises:
        ValueError: an unknown experiment or form, or one that it has not; a file that is no TOML; an unknown
            key, a grid key without values or with one twice, a key in two places, two runs of one label and
            seed or of one spec, a seed twice; what `RunSpec` refuses. The message names the file.
        FileNotFoundError: no such file.

    Example:
        >>> import mli
        >>> sweep = mli.read_sweep("star")
        >>> sorted({run.label for run in sweep.runs})
        ['bias-all', 'bias-none', 'centre', 'depth-2', 'depth-4', 'scale-0.7', 'scale-1.0']
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {shortened(form)}")
    if str(name_or_file) in (*EXPERIMENTS, *APART):
        name = str(name_or_file)
        source = _FILES / f"{name}.{form}.toml"
    elif str(name_or_file) in ONE_FORM:
        name = str(name_or_file)
        if form != FORMS[0]:
            raise ValueError(
                f"the experiment {name} has one form alone, got {shortened(form)}: leave the form out"
            )
        source = _FILES / f"{name}.toml"
    elif Path(name_or_file).suffix == ".toml":
        source = Path(name_or_file)
        name = source.stem
    else:
        known = first_of((*EXPERIMENTS, *APART, *ONE_FORM))
        raise ValueError(
            f"{shortened(str(name_or_file))} is neither an experiment ({known}) nor a .toml file"
        )
    try:
        return _expand(name, tomllib.loads(source.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:  # TOML's own, a decoder's; tables in tables without end
        raise ValueError(f"{source}: {error}") from error


def with_seeds(sweep: Sweep, least: int) -> Sweep:
    """The sweep with at least so many seeds in each arm: its own, then those that follow its largest.

    Raises:
        ValueError: fewer than one seed, or more runs than `MOST_RUNS`.
    """
    if least < 1:
        raise ValueError(f"an arm needs at least 1 seed, got {least}")
    _check_size(len(sweep.labels()), least)
    runs: list[PlannedRun] = []
    for label in sweep.labels():
        arm = [run for run in sweep.runs if run.label == label]
        last = max(run.spec.seed for run in arm)
        more = range(last + 1, last + 1 + least - len(arm))
        runs += [*arm, *(PlannedRun(label, replace(arm[-1].spec, seed=seed)) for seed in more)]
    return replace(sweep, runs=tuple(runs))


def _expand(name: str, content: Mapping[str, Any]) -> Sweep:
    _refuse_unknown(content, KEYS, "a sweep")
    fixed, grid = content.get("fixed", {}), content.get("grid", {})
    for table, what in ((fixed, "fixed"), (grid, "grid")):
        if not isinstance(table, dict):
            raise ValueError(f"{what} must be a table, got {shortened(table)}")
        RunSpec.check_keys(key for key in table if key != "seed")
    _refuse_seed(fixed, "[fixed]")
    if "grid" in content and not grid:
        raise ValueError("[grid] is empty: list what varies, or leave the table out")
    _check_grid(grid, fixed)
    arms = content.get("arm", [{}])
    if not isinstance(arms, list) or not arms or not all(isinstance(arm, dict) for arm in arms):
        raise ValueError(f"arm must be tables [[arm]], got {shortened(arms)}")
    runs = [run for arm in arms for run in _runs_of(arm, fixed, grid, content.get("seeds"))]
    _check_size(len(runs), 1)
    _check_distinct(runs)
    ensembles = content.get("ensembles", False)
    _check_ensembles(ensembles, runs)
    return Sweep(name, str(content.get("title", name)), tuple(runs), ensembles)


def _runs_of(
    arm: Mapping[str, Any], fixed: Mapping[str, Any], grid: Mapping[str, Any], seeds: Any
) -> Iterable[PlannedRun]:
    own = {key: value for key, value in arm.items() if key not in ("name", "seeds")}
    called = arm.get("name", "")
    if not isinstance(called, str) or "," in called or "/" in called or not called.isprintable():
        raise ValueError(f"an arm's name must be a word without ',' and '/', got {shortened(called)}")
    where = f"arm {shortened(called)}" if called else "an arm without a name"
    RunSpec.check_keys(key for key in own if key != "seed")
    _refuse_seed(own, where)
    both = [key for key in own if key in grid]
    if both:
        raise ValueError(f"{where} sets {first_of(both)}, which the grid varies")
    points = math.prod(len(values) for values in grid.values())
    _check_size(points, len(_seeds(arm.get("seeds", seeds), where)))
    for point in itertools.product(*grid.values()):
        chosen = dict(zip(grid, point, strict=True))
        words = [called] if called else []
        label = ",".join([*words, *(f"{key}={_word(value)}" for key, value in chosen.items())])
        for seed in _seeds(arm.get("seeds", seeds), where):
            values = {**fixed, **own, **chosen, "seed": seed}
            try:
                yield PlannedRun(label or "run", _spec(values))
            except ValueError as error:
                raise ValueError(f"{label or where}: {error}") from error


def _check_size(points: int, seeds: int) -> None:
    if points * seeds > MOST_RUNS:
        raise ValueError(
            f"a sweep has at most {MOST_RUNS} runs, and {points} combinations from {seeds} seeds each are "
            "more: split it"
        )


def _spec(values: dict[str, Any]) -> RunSpec:
    """The spec of one point; of its `paths` those that its network has."""
    if values.get("data") == PYTHON_TOPICS and "text_digest" not in values:
        values["text_digest"] = topics_digest()
    paths = values.get("paths")
    if isinstance(paths, list) and len(paths) > 1:
        kind = {
            "bias": values.get("bias", "last"),
            "network": values.get("network", "fcn"),
            "batch_norm": values.get("batch_norm", False) is True,
        }
        values["paths"] = [path for path in paths if not path_refusal(path, **kind)] or paths
    return RunSpec.from_dict(values)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "+".join(map(str, value))
    return str(value)


def _seeds(seeds: Any, where: str) -> Sequence[int]:
    if not isinstance(seeds, list) or not seeds:
        raise ValueError(f"{where}: seeds must be a list of at least one integer, got {shortened(seeds)}")
    if len(set(map(repr, seeds))) < len(seeds):
        raise ValueError(f"{where}: a seed twice in seeds = {shortened(seeds)}")
    return seeds


def _check_grid(grid: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"grid: {key} must be a list of at least one value, got {shortened(values)}")
        if len(set(map(repr, values))) < len(values):
            raise ValueError(f"grid: a value twice in {key} = {shortened(values)}")
        if key in fixed:
            raise ValueError(f"grid: {key} varies here and is fixed in [fixed] at {shortened(fixed[key])}")
    _refuse_seed(grid, "[grid]")


def _check_distinct(runs: Sequence[PlannedRun]) -> None:
    labels: dict[tuple[str, int], PlannedRun] = {}
    specs: dict[str, PlannedRun] = {}
    for run in runs:
        known = labels.setdefault((run.label, run.spec.seed), run)
        if known is not run:
            raise ValueError(f"two arms have the label {shortened(run.label)}")
        known = specs.setdefault(run.spec.name, run)
        if known is not run:
            raise ValueError(
                f"{shortened(known.label)} and {shortened(run.label)} are one and the same run "
                f"{run.spec.name}"
            )


def _check_ensembles(ensembles: Any, runs: Sequence[PlannedRun]) -> None:
    if not isinstance(ensembles, bool):
        raise ValueError(f"ensembles must be true or false, got {shortened(ensembles)}")
    others = [run for run in runs if run.spec.network != "fcn"]
    if ensembles and others:
        raise ValueError(
            f"ensembles are of fully connected networks, got network {others[0].spec.network!r} in "
            f"{others[0].label!r}: leave ensembles out"
        )


def _refuse_seed(table: Mapping[str, Any], where: str) -> None:
    if "seed" in table:
        raise ValueError(f"{where} has 'seed': give the list seeds instead")


def _refuse_unknown(table: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    unknown = [key for key in table if key not in known]
    if unknown:
        raise ValueError(f"unknown key {shortened(unknown[0])}: {what} has {first_of(known)}")
