"""What the figures cost: reading a store's runs, collecting each figure's numbers, drawing its files.

    OMP_NUM_THREADS=1 python -m benchmarks.figures STORE [--every 20] [--figures [F4 ...]]

CPU seconds, those of child processes included. Reading is set beside its plain alternative, xarray's own
functions: `load_dataset` by h5netcdf for each file of a run, then `merge` and `concat`; both take the same
runs in turn.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import xarray as xr

from paper_figures.catalogue import FIGURES, figure_names
from paper_figures.figure_files import write_figure
from paper_figures.sources import figure_data, load_experiments, shipped_data
from simulations.runs.store import Store
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import EXPERIMENTS, read_sweep


def cpu_seconds(work: Callable[[], object]) -> float:
    start = sum(os.times()[:4])
    work()
    return sum(os.times()[:4]) - start


def by_xarray(store: Store, spec: RunSpec) -> xr.Dataset:
    """The numbers of `Store.load` without its checks."""
    files = {
        file: xr.load_dataset(store.path(spec, file), engine="h5netcdf")
        for file in store.digests(spec)
        if file.endswith(".nc")
    }
    names = ["loss", "error", "class_share"]
    curves = [files[f"curves/{path}.nc"][names] for path in spec.paths]
    along = xr.concat(curves, dim=xr.DataArray(list(spec.paths), dims="path", name="path"))
    history = files["history.nc"].rename({name: f"history_{name}" for name in ("loss", "error", "steps")})
    return xr.merge([files["curves/endpoints.nc"], along, history], compat="override", combine_attrs="drop")


def reading(store: Store, specs: Sequence[RunSpec]) -> tuple[float, float]:
    """CPU seconds a run: `Store.load`, and by xarray's functions."""
    ours = theirs = 0.0
    for spec in specs:
        ours += cpu_seconds(lambda spec=spec: store.load(spec))
        theirs += cpu_seconds(lambda spec=spec: by_xarray(store, spec))
    return ours / len(specs), theirs / len(specs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--every", type=int, default=20, help="for reading, one run in so many")
    parser.add_argument("--figures", nargs="*", default=["none"], help="collect and draw these; all if empty")
    options = parser.parse_args()
    store = Store(options.store)
    planned = [run.spec for name in EXPERIMENTS for run in read_sweep(name).runs]
    finished = [
        spec
        for spec in dict.fromkeys(planned)
        if store.is_finished(spec) and store.provenance(spec)["status"] == "reached"
    ]
    ours, theirs = reading(store, finished[:: options.every])
    print("| reading | CPU ms a run | ratio |\n| --- | --- | --- |")
    print(f"| `Store.load`, digests checked | {1e3 * ours:.0f} | 1 |")
    print(f"| xarray: load_dataset, concat, merge | {1e3 * theirs:.0f} | {theirs / ours:.1f} |")
    print(f"\n{len(finished)} finished runs: {ours * len(finished):.0f} CPU s to read them all.")
    if options.figures == ["none"]:
        return
    names = figure_names(options.figures)
    loaded: dict[str, list[xr.Dataset]] = {}
    read = cpu_seconds(lambda: loaded.update(load_experiments(names, options.store)))
    print(f"\nRead for these figures: {read:.0f} CPU s.\n")
    print("| figure | collected, CPU s | drawn as pdf, png, svg, CPU s |\n| --- | --- | --- |")
    for name in (one for one in FIGURES if one in names):
        collected = cpu_seconds(lambda name=name: figure_data(name, options.store, loaded=loaded))
        dataset = shipped_data(name)
        with TemporaryDirectory() as folder:
            drawn = cpu_seconds(lambda name=name, dataset=dataset: write_figure(folder, name, dataset))
        print(f"| {name} | {collected:.1f} | {drawn:.1f} |")


if __name__ == "__main__":
    main()
