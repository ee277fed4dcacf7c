"""Clusters, for real: Dask with workers of its own, one of them killed in mid-run; submitit's local one."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from simulations.runs.one_run import Store
from simulations.specs.sweep_file import PlannedRun, Sweep, read_sweep
from simulations.sweeps.dask_cluster import dask_executor
from simulations.sweeps.executors import open_executor, slurm_executor
from simulations.sweeps.runner import run_sweeps
from tests.helpers.paths import ROOT
from tests.simulations.runs.helpers.tiny_runs import SWEEP, tiny
from tests.simulations.sweeps.test_runner import contents, made_here, sweep_of

pytestmark = pytest.mark.subprocess

PRELOAD = """
import os, threading
from pathlib import Path
from simulations.runs import store

# A worker loads its preload module more than once.
rename = getattr(Path, "before", Path.replace)
finish = getattr(store, "before", store.Store.finish)
Path.before, store.before = rename, finish

def stop_once(self, target):
    if Path(target).name == "end.safetensors":  # trained, not yet measured
        try:
            os.close(os.open({stopped!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return rename(self, target)
        os.write(os.open({fifo!r}, os.O_WRONLY), str(os.getpid()).encode())
        threading.Event().wait()
    return rename(self, target)

def note(self, spec, recorded):
    finish(self, spec, recorded)
    with open({finished!r}, "a") as log:
        log.write(spec.name + "\\n")

Path.replace, store.Store.finish = stop_once, note
"""


@pytest.fixture
def dask(tmp_path):
    """Starts `dask` sub-commands as processes, stops them at the end."""
    pytest.importorskip("distributed")
    started = []
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}

    def start(*arguments):
        command = [sys.executable, "-m", "dask", *arguments]
        log = (tmp_path / f"dask-{len(started)}.log").open("w")
        started.append((subprocess.Popen(command, env=environment, stdout=log, stderr=log), log))

    yield start
    for process, log in started:
        process.terminate()
        process.wait(60)
        log.close()


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def test_a_dask_worker_killed_in_mid_run_loses_no_run_and_makes_none_twice(dask, tmp_path):
    fifo, finished = tmp_path / "marker", tmp_path / "finished"
    os.mkfifo(fifo)
    marker = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    preload = tmp_path / "preload.py"
    preload.write_text(
        PRELOAD.format(stopped=str(tmp_path / "stopped"), fifo=str(fifo), finished=str(finished))
    )
    file = tmp_path / "tiny.toml"
    file.write_text(SWEEP)
    address = free_address()
    alone = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    dask("scheduler", "--host", address, "--no-show", *alone)
    for _ in range(2):
        # Without a nanny, which would start a worker anew: the other one must take over.
        here = ("--host", "127.0.0.1", "--nthreads", "1", *alone)
        dask("worker", address, *here, "--no-nanny", "--preload", str(preload))
    store, killed = Store(tmp_path / "store"), []

    def kill_the_worker_at_the_marker():
        assert select.select([marker], [], [], 600)[0], "no worker came to the marker"
        killed.append(int(os.read(marker, 20)))
        os.kill(killed[0], signal.SIGKILL)

    with dask_executor(address, timeout=120) as executor:
        first_done = executor.first_done

        def kill_then_wait(futures):
            if not killed:
                kill_the_worker_at_the_marker()
            return first_done(futures)

        object.__setattr__(executor, "first_done", kill_then_wait)
        outcome = run_sweeps([read_sweep(file)], store, executor)
    os.close(marker)
    assert len(killed) == 1
    assert not outcome.failed
    assert sorted(outcome.made) == store.names()  # none lost
    assert sorted(finished.read_text().split()) == store.names()  # none twice
    assert not [name for name in store.names() if store.problems(name)]
    alone, _ = made_here(tmp_path / "alone", read_sweep(file))
    assert contents(store) == contents(alone)


def test_a_scheduler_that_does_not_answer_or_has_no_worker_is_a_clear_error(tmp_path):
    distributed = pytest.importorskip("distributed")
    with socket.socket() as silent:  # it listens and never says a word
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at {address} within 1 s"):
            dask_executor(address, timeout=1).__enter__()
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp"
        ) as cluster,
        pytest.raises(ConnectionError, match="has no worker: start some with `dask worker"),
    ):
        dask_executor(cluster.scheduler_address, timeout=1).__enter__()


def test_a_cluster_without_the_resource_is_an_error_and_one_with_it_works():
    distributed = pytest.importorskip("distributed")

    def cluster(**resources):
        return distributed.LocalCluster(
            n_workers=1,
            processes=False,
            dashboard_address=None,
            host="127.0.0.1",
            protocol="tcp",
            **resources,
        )

    with (
        cluster() as without,
        pytest.raises(ConnectionError, match="has the resource GPU=1: start them with"),
    ):
        dask_executor(without.scheduler_address, resources={"GPU": 1}, timeout=60).__enter__()
    with cluster(resources={"GPU": 1}) as equipped:
        executor = dask_executor(equipped.scheduler_address, resources={"GPU": 1}, timeout=60)
        with executor as opened:
            assert opened.submit(abs, -3).result() == 3


@pytest.mark.skipif(shutil.which("srun") is not None, reason="Slurm is here")
def test_without_slurm_nothing_runs_here_in_its_place(tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(OSError, match="Slurm cannot be used here"), open_executor("slurm", logs=tmp_path):
        pass


def test_submitit_runs_a_sweep_on_its_local_executor(tmp_path):
    pytest.importorskip("submitit")
    good, bad = tiny(), tiny(data=str(tmp_path / "nowhere"))
    store = Store(tmp_path / "store")
    with slurm_executor(tmp_path / "logs", cluster="local", timeout_min=60) as executor:
        outcome = run_sweeps([sweep_of(good, bad)], store, executor)
    assert list(outcome.made) == [good.name]
    assert list(outcome.failed) == [bad.name]
    assert "nowhere" in store.failure(bad)["traceback"]
    alone, _ = made_here(tmp_path / "alone", sweep_of(good))
    assert store.digests(good) == alone.digests(good)
    assert not list(store.folder.rglob("*.pkl"))  # submitit's own pickles stay out of the store


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "lokal"}, "executor must be one of local, dask, slurm, got 'lokal'"),
        ({"name": "dask"}, "'dask' with scheduler None"),
        ({"name": "local", "scheduler": "tcp://x:1"}, "'local' with scheduler 'tcp://x:1'"),
        ({"name": "slurm", "slurm": {"cluster": "local", "partitoin": 3}}, "partitoin"),
        ({"name": "local", "device": "cuda:99"}, "'cuda:99' is not there"),
        ({"name": "local", "processes": 0}, "processes must be an integer >= 1, got 0"),
    ],
)
def test_bad_executors_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message), open_executor(logs=tmp_path / "logs", **arguments):
        pass


def test_a_plan_of_nothing_needs_no_executor(tmp_path):
    done = Sweep("mine", "mine", (PlannedRun("run", tiny()),))
    store, _ = made_here(tmp_path, done)

    def no_work(*_):
        raise AssertionError("nothing was to do")

    class Refusing:
        submit = no_work

    assert run_sweeps([done], store, Refusing()).kept == [tiny().name]
