"""Whole files or none, and nobody else's files touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulations.runtime.atomic_files import atomic_path, remove_leftovers, writable_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_its_block_ends_well(tmp_path):
    with atomic_path(tmp_path / "a.nc") as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".nc"
        assert not (tmp_path / "a.nc").exists()
    assert names(tmp_path) == ["a.nc"]
    assert (tmp_path / "a.nc").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_old_file(tmp_path, error):
    (tmp_path / "a.nc").write_text("old")

    def fail():
        with atomic_path(tmp_path / "a.nc") as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == ["a.nc"]
    assert (tmp_path / "a.nc").read_text() == "old"


def test_probing_a_folder_touches_no_file_of_the_user(tmp_path):
    for name in ("probe", ".probe", ".mine.partial", ".notes.2024.txt"):
        (tmp_path / name).write_text("the user's")
    before = names(tmp_path)
    assert writable_folder(tmp_path) == tmp_path
    assert names(tmp_path) == before
    assert (tmp_path / "probe").read_text() == "the user's"


def test_a_folder_is_made_with_its_parents(tmp_path):
    assert writable_folder(str(tmp_path / "a" / "b")).is_dir()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_way_is_named_with_what_to_do(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=rf"{place} cannot be written .*choose another"):
        writable_folder(tmp_path / place)


@pytest.mark.parametrize("waited_for", [True, False])
@pytest.mark.parametrize("clean", [remove_leftovers, writable_folder])
def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(tmp_path, waited_for, clean):
    if not waited_for and not Path("/proc/self/stat").exists():
        pytest.skip("a process nobody waited for is told from a living one by /proc, which is absent")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended; its id is kept
        if waited_for:
            process.wait()
        dead = [
            tmp_path / f".{name}"
            for name in (
                f"a-seed1.{process.pid}.partial.nc",
                f"report.{process.pid}.partial.md",
                f"probe.{process.pid}.partial",
            )
        ]
        living = tmp_path / f".scale-0.7-seed1.{os.getpid()}.partial.nc"
        for path in (*dead, living):
            path.touch()
        clean(tmp_path)
    assert names(tmp_path) == [living.name]
