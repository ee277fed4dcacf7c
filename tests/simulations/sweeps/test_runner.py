"""Sweeps: complete, made once, the same store whatever stopped them in between."""

import errno
import itertools
import json
import multiprocessing
import os
import resource
import select
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from simulations.runs import one_run
from simulations.runs.finished_runs import experiment_runs
from simulations.runs.one_run import Store
from simulations.runs.provenance_file import provenance_text
from simulations.runs.spec_to_training import run_data
from simulations.runs.store_inventory import full_name, garbage, stored_runs
from simulations.runtime.progress import ProgressLines
from simulations.specs.sweep_file import PlannedRun, Sweep, read_sweep
from simulations.sweeps import runner
from simulations.sweeps.executor import Executor
from simulations.sweeps.executors import here, local_executor
from simulations.sweeps.runner import run_sweeps
from tests.helpers.paths import ROOT
from tests.simulations.runs.helpers.tiny_runs import SWEEP, tiny

pytestmark = pytest.mark.subprocess


def sweep_of(*specs):
    return Sweep("mine", "mine", tuple(PlannedRun(f"run {i}", spec) for i, spec in enumerate(specs)))


def made_here(folder, *sweeps):
    store = Store(folder)
    with here() as executor:
        return store, run_sweeps(sweeps, store, executor)


def contents(store):
    """What two stores must agree in to be the same."""
    return {name: store.digests(name) for name in store.names()}


def no_work(*_, **__):
    raise AssertionError("a finished run must not be made again")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "tiny.toml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def alone(file, tmp_path_factory):
    """The store of a sweep that nothing stopped, in this process."""
    store, outcome = made_here(tmp_path_factory.mktemp("alone"), read_sweep(file))
    assert len(outcome.made) == len(store.names()) == 4
    return store


def test_worker_processes_make_the_same_store_as_this_one(file, alone, tmp_path):
    store = Store(tmp_path)
    with local_executor(2) as executor:
        outcome = run_sweeps([read_sweep(file)], store, executor)
    assert multiprocessing.active_children() == []
    assert contents(store) == contents(alone)
    assert sorted(outcome.made) == store.names()
    assert all(made.status == "reached" and made.seconds > 0 for made in outcome.made.values())
    assert not outcome.failed
    assert outcome.lines([read_sweep(file)], store) == ["tiny: 4 runs, 4 reached; 4 made now"]


def test_any_standard_executor_will_do_and_a_shared_run_is_made_once(tmp_path, monkeypatch):
    made = []

    def noted(spec, *arguments, **named):
        made.append(spec)
        return one_run.make_run(spec, *arguments, **named)

    monkeypatch.setattr(runner, "make_run", noted)
    with ThreadPoolExecutor(2) as executor:
        sweeps = [sweep_of(tiny(), tiny(seed=1)), sweep_of(tiny(seed=1), tiny(seed=2))]
        outcome = run_sweeps(sweeps, Store(tmp_path), executor)
    assert sorted(spec.seed for spec in made) == [0, 1, 2]
    assert len(outcome.made) == 3
    with pytest.raises(TypeError, match="list has none"):
        run_sweeps(sweeps, Store(tmp_path), [])


def test_what_is_there_is_kept_and_what_is_damaged_is_made_again(file, alone, monkeypatch):
    before = contents(alone)
    monkeypatch.setattr(runner, "make_run", no_work)
    _, outcome = made_here(alone.folder, read_sweep(file))
    assert sorted(outcome.kept) == alone.names()
    monkeypatch.undo()

    name = alone.names()[1]
    left = alone.path(name, "training.checkpoint")
    left.touch()  # of a process that was killed after the run's last file
    _, outcome = made_here(alone.folder, read_sweep(file))
    assert sorted(outcome.kept) == alone.names()
    assert not left.exists()

    damaged = alone.path(name, "curves/linear.nc")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    _, outcome = made_here(alone.folder, read_sweep(file))
    assert list(outcome.made) == list(outcome.repaired) == [name]
    assert contents(alone) == before
    (line,) = [line for line in outcome.lines([read_sweep(file)], alone) if "damaged" in line]
    assert str(damaged) in line

    monkeypatch.setattr(runner, "code_hash", lambda: "other")
    _, outcome = made_here(alone.folder, read_sweep(file))
    assert sorted(outcome.other_code) == alone.names()
    assert "made by other code" in outcome.lines([read_sweep(file)], alone)[-1]


def test_how_far_a_sweep_is_names_arm_loss_and_failures(tmp_path, monkeypatch, capsys):
    """In a pipe, a line after each run: by this clock every change is a minute later."""
    minutes = itertools.count(0, 60)
    monkeypatch.setattr(runner, "progress_bar", lambda: ProgressLines(clock=lambda: next(minutes)))
    sweep = sweep_of(tiny(), tiny(seed=1, data=str(tmp_path / "nowhere")), tiny(seed=2))
    store, outcome = made_here(tmp_path / "store", sweep)
    first, second, third = capsys.readouterr().err.splitlines()
    losses = [float(store.load(tiny(seed=seed))["end_loss"]) for seed in (0, 2)]
    assert first == f"runs, last mine/run 0 seed 0 reached at loss {losses[0]:.3g}: 1 of 3"
    assert second == "runs, last mine/run 1 seed 1 failed; 1 failed: 2 of 3"
    assert third == f"runs, last mine/run 2 seed 2 reached at loss {losses[1]:.3g}; 1 failed: 3 of 3"
    assert outcome.made[tiny().name].loss == losses[0]


def test_a_run_that_fails_is_recorded_and_stops_no_other(tmp_path, monkeypatch):
    good, bad = tiny(), tiny(seed=1)

    def fails_for_one(spec):
        if spec.seed == 1:
            raise ValueError("its data are gone")
        return run_data(spec)

    monkeypatch.setattr(one_run, "run_data", fails_for_one)
    store, outcome = made_here(tmp_path, sweep_of(bad, good))
    assert list(outcome.made) == [good.name]
    assert outcome.failed == {bad.name: "ValueError: its data are gone"}
    assert not store.is_finished(bad)
    failure = store.failure(bad)
    assert failure["error"] == outcome.failed[bad.name]
    assert "fails_for_one" in failure["traceback"]
    assert "  run 0 failed 1 times: ValueError: its data are gone" in outcome.lines(
        [sweep_of(bad, good)], store
    )
    assert [(run.name, run.state) for run in garbage(store)] == [(bad.name, "failed")]

    monkeypatch.undo()  # the same sweep tries again, and the record goes
    store, outcome = made_here(tmp_path, sweep_of(bad, good))
    assert list(outcome.made) == [bad.name]
    assert outcome.kept == [good.name]
    assert store.failure(bad) is None
    assert garbage(store) == []


@pytest.mark.filterwarnings("ignore:checkpoint .* cannot be written")  # training goes on without
@pytest.mark.parametrize("too_long", ["tensors", "netcdf"])
def test_a_full_disk_ends_the_sweep_and_what_had_finished_stays(tmp_path, monkeypatch, too_long):
    first, second, third = tiny(), tiny(seed=1), tiny(seed=2)
    sweep = sweep_of(first, second, third)
    store, _ = made_here(tmp_path, sweep_of(first))
    files = [store.path(first, file) for file in store.digests(first)]
    tensors = max(file.stat().st_size for file in files if file.suffix == ".safetensors")
    netcdf = max(file.stat().st_size for file in files if file.suffix == ".nc")
    room = 3000 if too_long == "tensors" else tensors
    assert tensors > 3000 and (too_long == "tensors" or netcdf > room)  # noqa: PT018
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError, match=r"cannot be written .*finished runs stay"):
            made_here(tmp_path, sweep)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [name for name in store.names() if store.is_finished(name)] == [first.name]
    assert not list(tmp_path.rglob("*.partial*"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(one_run, "write_netcdf", full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        made_here(tmp_path, sweep)
    assert raised.value.errno == errno.ENOSPC
    monkeypatch.undo()
    _, outcome = made_here(tmp_path, sweep)
    assert sorted(outcome.made) == sorted([second.name, third.name])
    assert store.problems(first) == []


def test_a_store_that_cannot_be_made_is_found_before_any_run(tmp_path):
    (tmp_path / "file").touch()
    executor = Executor(no_work, no_work)
    with pytest.raises(OSError, match="file cannot be written"):
        run_sweeps([sweep_of(tiny())], Store(tmp_path / "file"), executor)


DRIVER = """
import os, signal
from pathlib import Path
from mli.__main__ import main
from simulations.training import resume_file

resume_file.DURATIONS_BETWEEN_WRITES = 0  # the state of every epoch is kept
stop, fifo = os.environ["STOP"], os.environ["MARKER"]
rename = Path.replace

def stop_there(self, target):
    # A training's second state: the first lies under its name, for the next process to go on from.
    if Path(target).match(stop) and ("checkpoint" not in stop or Path(target).exists()):
        os.write(os.open(fifo, os.O_WRONLY), b"here")
        signal.pause()
    return rename(self, target)

Path.replace = stop_there  # in the workers too: they import this file

if __name__ == "__main__":
    main()
"""


def stopped_sweep(folder, file, stop, sent):
    """Exit code and standard error; the signal is sent when a file like `stop` is about to take its name."""
    fifo = folder / "marker"
    os.mkfifo(fifo)
    marker = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    environment = os.environ | {"STOP": stop, "MARKER": str(fifo), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "driver.py", "sweep", str(file), "--processes", "1", "--store", "store"]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert select.select([marker], [], [], 600)[0], f"never came to rename {stop}"
            assert os.read(marker, 4) == b"here"
            process.send_signal(sent)
            _, said = process.communicate(timeout=600)  # a guard against a hang, no measure of speed
            # The worker held the other end open: its end is read when the worker is gone.
            assert select.select([marker], [], [], 600)[0], "the worker outlived the main process"
            assert os.read(marker, 1) == b""
        finally:
            process.kill()
            os.close(marker)
    return process.returncode, said


@pytest.mark.parametrize(
    ("sent", "stop"),
    [
        # In mid-training, then between the files of a run that is trained.
        (signal.SIGKILL, "store/*/training.checkpoint"),
        (signal.SIGINT, "store/*/curves/endpoints.nc"),
    ],
)
def test_a_killed_sweep_started_again_ends_with_the_store_of_one_left_alone(
    tmp_path, file, alone, sent, stop
):
    (tmp_path / "driver.py").write_text(DRIVER)
    code, said = stopped_sweep(tmp_path, file, stop, sent)
    assert code == (-signal.SIGKILL if sent == signal.SIGKILL else 1)
    store = Store(tmp_path / "store")
    assert len([name for name in store.names() if store.is_finished(name)]) < len(alone.names())
    assert len(list(store.folder.glob("*/training.checkpoint"))) == 1
    if sent == signal.SIGINT:
        assert "the same command goes on" in said
        assert "Traceback" not in said
        assert not list(store.folder.rglob("*.partial*"))
    # Another process goes on: this one, which need not import torch again.
    _, outcome = made_here(store.folder, read_sweep(file))
    assert not outcome.failed
    assert contents(store) == contents(alone)
    left = [path.name for path in store.folder.rglob("*")]
    assert not [name for name in left if "partial" in name or "checkpoint" in name]


def test_experiment_runs_are_those_in_the_store_with_their_labels(tmp_path, monkeypatch):
    sweep = read_sweep("imposed_bias")
    wanted = [run for run in sweep.runs if run.label == "imposed_bias_gap=2.0"][:2]
    store = Store(tmp_path)
    monkeypatch.setattr(Store, "load", lambda _, spec: FakeRun(spec))
    monkeypatch.setattr(Store, "provenance", lambda *_: {"time": "now"})
    monkeypatch.setattr(Store, "is_finished", lambda _, spec: spec in [run.spec for run in wanted])
    found = experiment_runs(tmp_path, "imposed_bias")
    assert [run.spec for run in found] == [run.spec for run in wanted]
    for run in found:
        arm = "imposed_bias/imposed_bias_gap=2.0"
        assert run.attrs == {"experiment": "imposed_bias", "arm": arm, "form": "quick", "made": "now"}
    monkeypatch.setattr(Store, "is_finished", lambda _, spec: spec.seed == 100)
    star = [run.attrs["arm"] for run in experiment_runs(store, "star")]
    assert star == ["centre", "bias-all", "bias-none", "scale-0.7", "scale-1.0", "depth-4", "depth-2"]


class FakeRun:
    def __init__(self, spec):
        self.spec = spec

    def assign_attrs(self, attrs):
        self.attrs = attrs
        return self


def test_the_contents_of_a_store_in_words(tmp_path):
    store, _ = made_here(tmp_path, sweep_of(tiny(), tiny(seed=1, target_loss=1e-9, max_epochs=1)))
    store.record_failure(tiny(seed=2), {"error": "ValueError: no", "traceback": "", "time": ""})
    store.path(tiny(seed=3)).mkdir()
    store.path(tiny(seed=3), "spec.toml").write_text(tiny(seed=3).to_toml())
    store.path(tiny(seed=4)).mkdir()
    store.path(tiny(seed=4), "spec.toml").write_text("seed = ")
    found = {run.name: (run.state, run.other_code) for run in stored_runs(store)}
    assert found == {
        tiny().name: ("reached", False),
        tiny(seed=1, target_loss=1e-9, max_epochs=1).name: ("stagnated", False),
        tiny(seed=2).name: ("failed", False),
        tiny(seed=3).name: ("unfinished", False),
        tiny(seed=4).name: ("damaged", False),
    }
    assert {run.name for run in garbage(store)} == {tiny(seed=seed).name for seed in (2, 3, 4)}
    store.path(tiny(), "end.safetensors").write_bytes(b"")
    assert {run.name for run in garbage(store)} == {tiny(seed=seed).name for seed in (0, 2, 3, 4)}
    recorded = json.loads(store.path(tiny(), "provenance.json").read_text())
    store.path(tiny(), "provenance.json").write_text(provenance_text(recorded | {"code": "other"}))
    assert [run.name for run in stored_runs(store) if run.other_code] == [tiny().name]
    name = tiny().name
    assert full_name(store, name[:8]) == name
    with pytest.raises(ValueError, match=r"no run of .* begins with 'zzz'"):
        full_name(store, "zzz")
    with pytest.raises(ValueError, match="5 runs begin with ''"):
        full_name(store, "")


class LostError(Exception):
    """What an executor says when its workers are gone."""


def lost_result(*_):
    future = Future()
    future.set_exception(LostError("killed"))
    return future


def lost_at_once(*_):
    raise LostError("killed")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_dies_fails_its_own_run_alone(tmp_path, processes):
    specs, store = [tiny(seed=seed) for seed in range(4)], Store(tmp_path)
    with local_executor(processes) as executor:

        def submit(function, spec, *arguments):
            if spec == specs[1]:
                return executor.submit(os._exit, 1)
            return executor.submit(function, spec, *arguments)

        outcome = run_sweeps([sweep_of(*specs)], store, replace(executor, submit=submit))
    assert list(outcome.failed) == [specs[1].name]
    assert sorted(outcome.made) == sorted(spec.name for spec in specs if spec.seed != 1)
    assert "its process died" in store.failure(specs[1])["error"]
    assert list(made_here(tmp_path, sweep_of(*specs))[1].made) == [specs[1].name]


@pytest.mark.parametrize("submit", [lost_result, lost_at_once])
def test_lost_workers_are_one_clear_error_and_no_failure_of_a_run(tmp_path, submit):
    executor = Executor(submit, set, lost=(LostError,))
    with pytest.raises(ChildProcessError, match=r"were lost \(LostError: killed\).*goes on from there"):
        run_sweeps([sweep_of(tiny())], Store(tmp_path), executor)
    assert Store(tmp_path).failure(tiny()) is None
