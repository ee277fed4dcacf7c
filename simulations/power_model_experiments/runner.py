"""All parts of the experiments asked for, in parallel, each experiment put together in one NetCDF file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import xarray as xr

from simulations.power_model_experiments.cases import Group
from simulations.power_model_experiments.catalogue import CATALOGUE, SIZES
from simulations.power_model_experiments.parts import (
    THREADS,
    Part,
    experiment_module,
    load_part,
    make_part,
    versions,
)
from simulations.runtime.argument_checks import check_at_least_one
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.names_in_words import first_of
from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.progress import progress_bar
from simulations.runtime.sealed_files import seal
from simulations.runtime.worker_processes import in_processes

__all__ = ["run_experiments"]


def run_experiments(
    folder: Path | str,
    experiments: Sequence[str] = tuple(CATALOGUE),
    *,
    seeds: int = 10,
    size: str = "quick",
    processes: int = 2,
    groups: Sequence[Group] | None = None,
) -> list[Path]:
    """Run experiments on the power model from seeds 0 .. seeds - 1 and write folder/<experiment>.nc each.

    A file has dimensions seed, case (with the coordinates n_classes, degree, init_scale, final_loss and
    start) and class_index where a number is one a class; nan where there is no number. Attributes: the spec
    and versions (JSON), threads, what the experiment shows; each variable has its description. `failure`
    holds the solver's words where it gave up, else "".

    Each group of cases of each seed is kept in folder/parts as soon as it is done, under a name that holds
    what decides its numbers: a run that was stopped goes on from there, another size or more seeds reuse
    what they share, and nothing made by other code is read. Workers are spawned (see `in_processes` on the
    main guard of scripts), of one thread each. A progress bar is drawn on a terminal.

    Args:
        folder: made if need be.
        experiments: names in `CATALOGUE`, each once.
        seeds: how many, >= 1.
        size: "quick" (the whole set in minutes) or "full".
        processes: >= 1.
        groups: cases to run in place of those of the size.

    Returns:
        The files, in the order of `experiments`.

    Raises:
        ValueError: an unknown experiment or size, an experiment twice, seeds or processes < 1.
        OSError: the folder cannot be written (found before any work).
        KeyboardInterrupt: on Ctrl-C, after the workers stopped; finished parts stay.
    """
    _check(experiments, seeds, size)
    chosen = {name: tuple(groups or experiment_module(name).GROUPS[size]) for name in experiments}
    parts = {name: _parts(name, chosen[name], seeds) for name in experiments}
    store = writable_folder(writable_folder(folder, [f"{name}.nc" for name in experiments]) / "parts")
    everything = [part for of_one in parts.values() for part in of_one]
    to_do = [part for part in everything if load_part(store, part) is None]
    results = in_processes(make_part, store, to_do, processes=processes, threads=THREADS)
    with progress_bar() as bar, closing(results):  # type: ignore[type-var]
        task = bar.add_task("power model", total=len(everything), completed=len(everything) - len(to_do))
        for _ in results:
            bar.advance(task)
    return [_write(Path(folder), name, size, chosen[name], parts[name]) for name in experiments]


def _parts(name: str, groups: Sequence[Group], seeds: int) -> list[Part]:
    widest = max(group.n_classes for group in groups)
    return [Part(name, group, seed, widest) for seed in range(seeds) for group in groups]


def _write(folder: Path, name: str, size: str, groups: Sequence[Group], parts: Sequence[Part]) -> Path:
    by_seed: dict[int, list[xr.Dataset]] = {}
    for part in parts:
        found = load_part(folder / "parts", part)
        if found is None:
            raise OSError(
                f"{folder / 'parts' / part.file_name} was removed or damaged while the experiments ran"
            )
        by_seed.setdefault(part.seed, []).append(found)
    variables = experiment_module(name).VARIABLES
    # A group of few classes may have no number a class where a wider one has: both have one shape.
    rows = [xr.concat(of_seed, dim="case", join="exact") for of_seed in by_seed.values()]
    result = xr.concat(rows, dim="seed", join="exact")
    for variable, description in variables.items():
        result[variable].attrs["description"] = description
    result.attrs.update(
        experiment=name,
        shows=CATALOGUE[name],
        spec=json.dumps({"size": size, "seeds": len(by_seed), "groups": [asdict(group) for group in groups]}),
        versions=json.dumps(versions()),
        threads=THREADS,
    )
    path = folder / f"{name}.nc"
    write_netcdf(path, result, sealed_by=seal)
    return path


def _check(experiments: Sequence[str], seeds: int, size: str) -> None:
    if not experiments:
        raise ValueError(f"no experiment was named: choose from {', '.join(CATALOGUE)}")
    for name in experiments:
        experiment_module(name)
    if len(set(experiments)) < len(experiments):
        raise ValueError(f"each experiment once, got {first_of(experiments)}")
    check_at_least_one("seeds", seeds)
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
