"""The star in processes: complete, reusable, and clean when it is stopped at any moment."""

import multiprocessing
import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import xarray as xr

from simulations import star_runner
from simulations.datasets import load
from simulations.star_experiment import Arm, Protocol, run_one
from simulations.star_runner import run_path, run_star

ROOT = Path(__file__).resolve().parents[2]
TINY = Protocol(limit=20, width=16, target_loss=2.0, max_epochs=60, alphas=3)
ARM = Arm("short", 2, "last", 1.0, 0.05, ("linear",))
DEEPER = Arm("deeper", 3, "all", 1.0, 0.05, ("linear", "homogeneous"))


@pytest.fixture(scope="module")
def star(tmp_path_factory):
    folder = tmp_path_factory.mktemp("star")
    return folder, run_star(folder, seeds=(0, 1), arms=(ARM, DEEPER), protocol=TINY)


def refuse_to_work(*_, **__):
    raise AssertionError("a finished run must not be made again")


def test_every_run_has_its_file(star):
    folder, files = star
    assert files == [run_path(folder, arm, seed) for arm in (ARM, DEEPER) for seed in (0, 1)]
    assert sorted((folder / "curves").iterdir()) == sorted(files)
    for file in files:
        run = xr.load_dataset(file)
        assert f"{run.attrs['arm']}-seed{run.attrs['seed']}.nc" == file.name
        assert run.attrs["threads"] == 1
        assert run.attrs["status"] == "reached"
        assert {"fingerprint", "package_version", "torch_version", "data_hash"} <= set(run.attrs)
    assert multiprocessing.active_children() == []


def test_finished_runs_are_kept_and_changed_ones_made_again(star, monkeypatch):
    folder, files = star
    made = []

    def record(function, common, jobs, **_):
        made[:] = [job.path.name for job, _ in jobs]
        yield from ()

    monkeypatch.setattr(star_runner, "in_processes", record)

    def again(**changes):
        arguments = {"seeds": (0, 1), "arms": (ARM, DEEPER), "protocol": TINY} | changes
        run_star(folder, **arguments)
        return made

    everything = [file.name for file in files]
    assert again() == []
    assert again(protocol=replace(TINY, limit=30)) == everything
    faster = Arm("short", 2, "last", 1.0, 0.06, ("linear",))
    assert again(arms=(faster, DEEPER)) == everything[:2]
    assert again(seeds=(0, 2)) == ["short-seed2.nc", "deeper-seed2.nc"]
    monkeypatch.setattr(star_runner, "_code_hash", lambda: "another code")
    assert again() == everything
    monkeypatch.undo()

    monkeypatch.setattr(star_runner, "in_processes", record)
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[: len(whole) // 2])
    assert again() == everything[:1]
    files[0].write_bytes(b"no netcdf at all")
    assert again() == everything[:1]
    files[0].write_bytes(whole)
    assert again() == []


def test_a_run_is_the_same_in_a_worker_and_here(star):
    _, files = star
    here = run_one(ARM, 0, TINY, load("digits", limit=TINY.limit))
    if here.attrs["threads"] != TINY.threads:
        pytest.skip("this process has more than one torch thread")
    there = xr.load_dataset(files[0])
    assert there.drop_attrs().equals(here.drop_attrs())


def test_a_rename_that_fails_is_an_error_and_leaves_no_half_file(tmp_path):
    blocked = run_path(tmp_path, ARM, 1)
    blocked.mkdir(parents=True)  # a file cannot be renamed onto a folder
    with pytest.raises(IsADirectoryError, match=r"short-seed1\.nc"):
        run_star(tmp_path, seeds=(0, 1), arms=(ARM,), protocol=TINY, processes=1)
    assert sorted(path.name for path in blocked.parent.iterdir()) == ["short-seed0.nc", "short-seed1.nc"]
    assert multiprocessing.active_children() == []


SCRIPT = """
import os, signal, sys
from pathlib import Path
from simulations.star_runner import run_star
from tests_star import ARM, TINY

rename = Path.replace

def stop_at_the_second(self, target):
    if Path(target).name == "short-seed1.nc":
        marker = os.open({fifo!r}, os.O_WRONLY)
        os.write(marker, b"here")
        signal.pause()
    return rename(self, target)

Path.replace = stop_at_the_second

if __name__ == "__main__":
    try:
        run_star({folder!r}, seeds=(0, 1), arms=(ARM,), protocol=TINY, processes=1)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_star_stopped_at_the_moment_of_a_rename_can_be_run_again(tmp_path, monkeypatch, sent):
    fifo, folder = tmp_path / "marker", tmp_path / "star"
    os.mkfifo(fifo)
    (tmp_path / "tests_star.py").write_text(
        f"from simulations.star_experiment import Arm, Protocol\nARM, TINY = {ARM!r}, {TINY!r}\n"
    )
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(fifo=str(fifo), folder=str(folder)))
    marker = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    with subprocess.Popen([sys.executable, str(script)], env=environment) as process:
        try:
            assert select.select([marker], [], [], 600)[0], "the worker never reached its second rename"
            assert os.read(marker, 4) == b"here"
            process.send_signal(sent)
            code = process.wait(600)
            # The worker held the other end open: its end is read when the worker is gone.
            assert select.select([marker], [], [], 600)[0], "the worker outlived the main process"
            assert os.read(marker, 1) == b""
        finally:
            process.kill()
            os.close(marker)
    assert code == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    finished = run_path(folder, ARM, 0)
    left = {path.name for path in finished.parent.iterdir()}
    partial = {name for name in left if name.endswith(".partial.nc")}
    assert left - partial == {finished.name}
    if sent == signal.SIGINT:
        assert not partial  # only a kill can leave one, under a name that is never read

    if sent == signal.SIGKILL:  # the same as after SIGINT from here on: no need to train again
        monkeypatch.setattr(star_runner, "in_processes", lambda *_, **__: (_ for _ in ()))
    before = finished.stat().st_mtime_ns
    files = run_star(folder, seeds=(0, 1), arms=(ARM,), protocol=TINY, processes=1)
    assert finished.stat().st_mtime_ns == before
    done = [file for file in files if file.exists() and xr.load_dataset(file).attrs["status"] == "reached"]
    assert done == (files if sent == signal.SIGINT else files[:1])
    if sent == signal.SIGINT:
        assert sorted(finished.parent.iterdir()) == sorted(done)


def test_a_folder_that_cannot_be_written_is_found_before_any_training(tmp_path, monkeypatch):
    monkeypatch.setattr(star_runner, "in_processes", refuse_to_work)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run_star(tmp_path / "file", seeds=(0,), arms=(ARM,), protocol=TINY)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seeds": ()}, "seeds"),
        ({"arms": ()}, "arms"),
        ({"seeds": (1, 1)}, r"\[1, 1\]"),
        ({"arms": (ARM, ARM)}, "'short', 'short'"),
        ({"seeds": (-1,)}, "-1"),
        ({"processes": 0}, "processes .* got 0"),
        ({"protocol": Protocol(limit=3)}, "limit = 3"),
    ],
)
def test_bad_values_are_refused_by_name(tmp_path, changed, message):
    good = {"seeds": (0,), "arms": (ARM,), "protocol": TINY, "processes": 1}
    with pytest.raises(ValueError, match=message):
        run_star(tmp_path / "star", **(good | changed))
