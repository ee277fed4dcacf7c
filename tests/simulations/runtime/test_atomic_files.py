"""Whole files or none, and nobody else's files touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr
from hypothesis import example, given
from hypothesis import strategies as st

from simulations.runtime import atomic_files
from simulations.runtime.atomic_files import DISK_IS_FULL, atomic_path, writable_file, writable_folder
from simulations.runtime.leftovers import remove_leftovers, temporary_name, temporary_prefix
from simulations.runtime.netcdf import write_netcdf


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
        machine = temporary_name("a").split(".")[2].partition("-")[0]
        left = [
            f".a-seed1.{machine}-{process.pid}.partial.nc",
            f".report.{machine}-{process.pid}.partial.md",
            f".probe.{machine}-{process.pid}.partial",
            f".netcdf-{machine}-{process.pid}-abc_123",
            f".old.{process.pid}.partial.nc",
            ".netcdf-abcd_123",
        ]
        kept = [
            temporary_name("scale-0.7-seed1", ".nc"),
            temporary_prefix() + "abc",
            f".a.0123abcd-{process.pid}.partial.nc",  # of another machine, where it may live
            f".netcdf-0123abcd-{process.pid}-abc",
            f".young.{process.pid}.partial.nc",  # of an earlier version, which did not name its machine
            ".netcdf-young_12",
            f".old-and-alive.{os.getpid()}.partial.nc",
        ]
        for name in (*left, *kept):
            if name.startswith(".netcdf"):
                (tmp_path / name).mkdir()
                (tmp_path / name / "content.nc").touch()
            else:
                (tmp_path / name).touch()
        for name in (f".old.{process.pid}.partial.nc", ".netcdf-abcd_123", kept[-1]):
            os.utime(tmp_path / name, (0, 0))
        clean(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_the_first_write_into_a_folder_removes_what_the_dead_have_left(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "_cleaned", set())
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    machine = temporary_name("a").split(".")[2].partition("-")[0]
    (tmp_path / f".a.{machine}-{process.pid}.partial.nc").touch()
    (tmp_path / f".netcdf-{machine}-{process.pid}-abcd").mkdir()
    write_netcdf(tmp_path / "b.nc", xr.Dataset({"a": 1.0}))
    assert names(tmp_path) == ["b.nc"]


def test_a_temporary_folder_is_named_after_its_process(tmp_path, monkeypatch):
    seen = []

    def look(*_, **__):
        seen.extend(names(tmp_path))
        raise OSError(5, "stopped here")

    monkeypatch.setattr("simulations.runtime.netcdf.netCDF4.Dataset", look)
    with pytest.raises(OSError, match="stopped here"):
        write_netcdf(tmp_path / "b.nc", xr.Dataset({"a": 1.0}))
    assert seen[0].startswith(temporary_prefix())
    assert not names(tmp_path)


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=80))
@example("é" * 120)
@example("a" * 255)
@example(".")
def test_whatever_name_a_file_may_have_its_temporary_one_is_short(stem):
    path = Path("folder") / f"{stem}.nc"
    temporary = temporary_name(path.stem, path.suffix)
    assert len(os.fsencode(temporary)) <= 160 + len(os.fsencode(path.suffix))
    assert temporary == temporary_name(path.stem, path.suffix)
    assert temporary != temporary_name(path.stem + "x", path.suffix)


def test_a_long_name_that_the_disk_takes_is_written(tmp_path):
    path = tmp_path / f"{'a' * 240}.nc"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("number", sorted(DISK_IS_FULL))
def test_a_full_disk_names_the_folder(tmp_path, number):
    def fill():
        with atomic_path(tmp_path / "a.nc"):
            raise OSError(number, os.strerror(number))

    with pytest.raises(
        OSError, match=f"the folder {tmp_path} cannot be written: {os.strerror(number)}"
    ) as full:
        fill()
    assert full.value.errno == number
    assert not names(tmp_path)


def test_a_file_is_tried_before_the_work(tmp_path):
    assert writable_file(tmp_path / "new" / "a.nc") == tmp_path / "new" / "a.nc"
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "new" / "b.nc").mkdir()
    with pytest.raises(OSError, match=r"b\.nc is a folder itself"):
        writable_file(tmp_path / "new" / "b.nc")
    with pytest.raises(OSError, match=r"cannot be written .*choose another name"):
        writable_file(tmp_path / ("a" * 300))
    (tmp_path / "c").mkdir()
    with pytest.raises(OSError, match="c is a folder itself"):
        writable_folder(tmp_path, ["b", "c"])
