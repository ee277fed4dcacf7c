"""Work is killed at file-system calls and at random moments; the same call then makes all whole."""

import itertools
import random
import shutil
import time

import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import load
from simulations.power_model_experiments import runner as power_model
from simulations.power_model_experiments.cases import Group
from simulations.runs.one_run import Store, make_run
from simulations.specs.sweep_file import PlannedRun, Sweep
from simulations.sweeps.executors import here
from simulations.sweeps.runner import run_sweeps
from tests.faults.forked import count_calls, run_forked
from tests.faults.tally import Row
from tests.simulations.runs.helpers.tiny_runs import tiny


def run(folder):
    store = Store(folder)
    store.prepare()
    make_run(tiny(alphas=3, target_loss=1.5), store)


def sweep(folder):
    store = Store(folder)
    planned = tuple(PlannedRun("run", tiny(alphas=3, seed=seed)) for seed in (0, 1))
    with here() as executor:
        run_sweeps([Sweep("tiny", "tiny", planned)], store, executor)


def cache(folder):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    end = {name: tensor + 0.1 * torch.randn_like(tensor) for name, tensor in start.items()}
    interpolation_curves(model, start, end, load("digits", limit=20), alphas=3, cache=folder)


def parts(folder):
    def one_after_the_other(function, common, jobs, **_):
        for job in jobs:
            yield function(common, job)

    original = power_model.in_processes
    power_model.in_processes = one_after_the_other
    try:
        groups = (Group(2, 2, (0.1,), (1e-2,)), Group(3, 2, (0.1,), (1e-2,)))
        power_model.run_experiments(folder, ["degree-two"], seeds=1, groups=groups, processes=1)
    finally:
        power_model.in_processes = original


TARGETS = {"run": run, "sweep": sweep, "curve cache": cache, "power model": parts}


def contents(folder):
    """What is in a folder, but for what a run's provenance says of its making, and for locks."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(".locks/"):
            found[name] = path.read_bytes() if path.name != "provenance.json" else b""
    for name in Store(folder).names():
        found[f"{name} digests"] = repr(sorted(Store(folder).digests(name).items())).encode()
    return found


def try_kills(folder, targets, kills, seed):
    """Rows of the targets, each killed so many times: at calls, each where there are few, and at moments."""
    return [_of_one(folder / name.replace(" ", "-"), name, TARGETS[name], kills, seed) for name in targets]


def _of_one(folder, name, work, kills, seed):
    row, draw = Row(f"killed: {name}"), random.Random(f"{name} {seed}")
    reference, scratch = folder / "reference", folder / "killed"
    work(reference)  # here: what is loaded or compiled once is so in every child
    began = time.process_time()
    shutil.rmtree(reference)
    work(reference)
    seconds, expected = time.process_time() - began, contents(reference)
    calls = count_calls(lambda: work(folder / "counted"), folder / "counted")
    at_calls = range(calls) if calls <= kills // 2 else sorted(draw.sample(range(calls), kills // 2))
    for call, moment in itertools.chain(
        ((call, None) for call in at_calls),
        ((None, draw.uniform(0, seconds)) for _ in range(kills - len(at_calls))),
    ):
        shutil.rmtree(scratch, ignore_errors=True)
        run_forked(lambda: work(scratch), cpu_seconds=moment, kill_at_call=call, below=scratch)
        again = run_forked(lambda: work(scratch))
        where = f"call {call} of {calls}" if call is not None else f"after {moment:.4f} CPU s"
        if again.hung:
            row.note("hangs", where)
        elif again.code != 0:
            row.note("tracebacks", f"{where}: {again.err[-600:]}")
        elif (found := contents(scratch)) != expected:
            odd = sorted(set(found) ^ set(expected)) or [k for k in found if found[k] != expected[k]]
            row.note("wrong", f"{where}: {odd[:5]}")
        else:
            row.note("clear")
    return row
