"""What a sweep adds to its runs: a local sweep of one process beside a plain loop that makes the same runs.

CPU seconds of everything that takes part, the main process and the worker, start-up included. The plain loop
trains and measures without a store: no folders, digests, locks or processes.

    OMP_NUM_THREADS=1 python -m benchmarks.sweep_overhead imbalance
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from simulations.runs.endpoint_measures import TrainedRun, measure_endpoints
from simulations.runs.one_run import Store
from simulations.runs.run_curves import measure_paths
from simulations.runs.spec_to_training import run_data, run_network, train_run
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import read_sweep
from simulations.sweeps.executors import local_executor
from simulations.sweeps.runner import run_sweeps


def cpu_seconds(work: Callable[[], object]) -> float:
    """Of this process and of its children that have ended."""

    def now() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in used)

    start = now()
    work()
    return now() - start


def plain(spec: RunSpec) -> None:
    data, test = run_data(spec)
    result = train_run(spec, run_network(spec, data), data, device="cpu", checkpoint=None, progress=None)
    reached = result.status == "reached"
    trained = TrainedRun(spec, result.model, result.start, result.end, data, test, reached)
    measure_endpoints(trained)
    if reached:
        measure_paths(trained)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", nargs="?", default="imbalance")
    sweep = read_sweep(parser.parse_args().experiment)

    def loop() -> None:
        for run in sweep.runs:
            plain(run.spec)

    def swept(folder: Path) -> None:
        with local_executor(1) as executor:
            run_sweeps([sweep], Store(folder), executor)

    plain(sweep.runs[0].spec)  # imports
    with TemporaryDirectory() as folder:
        whole = cpu_seconds(lambda: swept(Path(folder)))
        inside = sum(float(Store(folder).provenance(run.spec)["cpu_seconds"]) for run in sweep.runs)
    alone = cpu_seconds(loop)
    print(f"{sweep.name}, {len(sweep.runs)} runs: sweep {whole:.1f} s, its runs by themselves {inside:.1f} s")
    print(f"outside the runs: {(whole - inside) / inside:.2%} of them")
    print(f"plain loop without a store: {alone:.1f} s; sweep over loop {whole / alone:.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
