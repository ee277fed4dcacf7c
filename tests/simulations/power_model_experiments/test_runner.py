"""Parts are kept, whole or not at all; a run that was stopped goes on; each experiment ends in one file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from simulations.gradient_flow import FlowError
from simulations.power_model_experiments import degree_two, parts, runner
from simulations.power_model_experiments.cases import Group
from simulations.power_model_experiments.catalogue import CATALOGUE
from simulations.power_model_experiments.runner import run_experiments
from tests.helpers.paths import ROOT

GROUPS = (Group(2, 2, (0.1, 0.01), (1e-2,)), Group(3, 2, (0.1,), (1e-2,)))


@pytest.fixture
def made(monkeypatch):
    """Parts are made in this process, and noted as (seed, classes)."""
    done = []

    def here(function, common, jobs, **_):
        for job in jobs:
            yield function(common, job)
            done.append((job.seed, job.group.n_classes))

    monkeypatch.setattr(runner, "in_processes", here)
    return done


def run(folder, seeds=2, groups=GROUPS):
    (path,) = run_experiments(folder, ["degree-two"], seeds=seeds, groups=groups, processes=1)
    return path


def test_one_file_with_every_seed_and_case(made, tmp_path):
    path = run(tmp_path / "new")
    assert path == tmp_path / "new" / "degree-two.nc"
    found = xr.load_dataset(path)
    assert dict(found.sizes) == {"seed": 2, "case": 3, "class_index": 3}
    assert found["n_classes"].to_numpy().tolist() == [2, 2, 3]
    assert found["init_scale"].to_numpy().tolist() == [0.1, 0.01, 0.1]
    assert (found["failure"] == "").all()
    assert set(found.data_vars) == {*degree_two.VARIABLES, "failure"}
    for name, description in degree_two.VARIABLES.items():
        assert found[name].attrs["description"] == description
    spec = json.loads(found.attrs["spec"])
    assert spec["seeds"] == 2
    assert [group["n_classes"] for group in spec["groups"]] == [2, 3]
    assert {"python", "numpy", "scipy", "mli-plateau"} <= set(json.loads(found.attrs["versions"]))
    assert found.attrs["threads"] == 1
    assert np.isnan(found["time_found"].to_numpy()[:, :2, 2]).all()
    assert np.isfinite(found["first_time"]).all()


def test_kinds_of_start_keep_their_whole_names(made, tmp_path):
    kinds = ("positive", "near tie 1e-6", "diagonal")
    groups = tuple(Group(2, 2, (0.1,), (1e-2,), kind) for kind in kinds)
    assert tuple(xr.load_dataset(run(tmp_path, seeds=1, groups=groups))["start"].to_numpy()) == kinds


def test_finished_parts_are_kept_and_damaged_or_changed_ones_made_again(made, tmp_path, monkeypatch):
    path = run(tmp_path)
    first = xr.load_dataset(path)
    assert made == [(0, 2), (0, 3), (1, 2), (1, 3)]
    made.clear()
    assert xr.load_dataset(run(tmp_path)).identical(first)
    assert made == []
    run(tmp_path, seeds=3)
    assert made == [(2, 2), (2, 3)]
    made.clear()
    (damaged,) = [
        p
        for p in (tmp_path / "parts").iterdir()
        if "seed1" in p.name and xr.load_dataset(p).sizes["case"] == 1
    ]
    whole = damaged.read_bytes()
    flipped = whole[:-500] + bytes([whole[-500] ^ 1]) + whole[-499:]
    for content in (whole[:1000], flipped, b""):
        damaged.write_bytes(content)
        with pytest.warns(UserWarning, match=f"a part is made again: .*{damaged.name} is not what was"):
            run(tmp_path)
        assert made == [(1, 3)]
        assert damaged.read_bytes() == whole
        made.clear()
    monkeypatch.setattr(parts, "_code_digest", lambda: "another code")
    run(tmp_path, seeds=1)
    assert made == [(0, 2), (0, 3)]


def test_a_run_stopped_after_its_second_part_goes_on_from_there(made, tmp_path, monkeypatch):
    whole = xr.load_dataset(run(tmp_path / "whole"))
    made.clear()
    make = runner.make_part

    def stop_at_the_third(folder, part):
        if len(made) == 2:
            raise KeyboardInterrupt
        make(folder, part)

    monkeypatch.setattr(runner, "make_part", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "degree-two.nc").exists()
    assert len(list((tmp_path / "stopped" / "parts").iterdir())) == 2
    made.clear()
    monkeypatch.setattr(runner, "make_part", make)
    again = xr.load_dataset(run(tmp_path / "stopped"))
    assert made == [(1, 2), (1, 3)]
    assert again.identical(whole)


@pytest.mark.parametrize("fails", ["degree-two.nc", "degree-two-seed1"])
def test_a_rename_that_fails_leaves_no_half_file_and_the_old_one(made, tmp_path, monkeypatch, fails):
    old = xr.load_dataset(run(tmp_path, seeds=1))
    rename = Path.replace

    def refuse(self, target):
        if Path(target).name.startswith(fails):
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path)
    assert xr.load_dataset(tmp_path / "degree-two.nc").identical(old)
    assert not list(tmp_path.rglob("*.partial.nc"))
    monkeypatch.setattr(Path, "replace", rename)
    assert xr.load_dataset(run(tmp_path)).sizes["seed"] == 2


SCRIPT = """
import os, signal
from pathlib import Path
from simulations.power_model_experiments.cases import Group
from simulations.power_model_experiments.runner import run_experiments

rename = Path.replace

def die_at_the_second_seed(self, target):
    if Path(target).name.startswith("degree-two-seed1"):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.replace = die_at_the_second_seed

if __name__ == "__main__":
    run_experiments({folder!r}, ["degree-two"], seeds=2, groups=(Group(2, 2, (0.1,), (1e-2,)),), processes=1)
"""


def test_a_worker_killed_at_a_rename_loses_the_seed_in_hand_alone(made, tmp_path):
    """The real thing: a spawned worker dies by SIGKILL, and what it left in mid-write is removed later."""
    script, folder = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT.format(folder=str(folder)))
    found = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert found.returncode != 0
    assert "BrokenProcessPool" in found.stderr
    names = sorted(path.name for path in (folder / "parts").iterdir())
    assert len(names) == 2
    assert names[0].startswith(".degree-two-seed1")
    assert names[0].endswith(".partial.nc")
    assert names[1].startswith("degree-two-seed0")
    path = run(folder, groups=(Group(2, 2, (0.1,), (1e-2,)),))
    assert made == [(1, 2)]
    assert xr.load_dataset(path).sizes["seed"] == 2
    assert not list(folder.rglob("*.partial.nc"))


def test_where_the_solver_gives_up_the_file_says_so_and_has_no_number(made, tmp_path, monkeypatch):
    measure = degree_two.measure

    def fails_for_three_classes(group, seed):
        if group.n_classes == 3:
            raise FlowError("run 0 stopped at loss 0.2")
        return measure(group, seed)

    monkeypatch.setattr(degree_two, "measure", fails_for_three_classes)
    found = xr.load_dataset(run(tmp_path))
    assert found["failure"].to_numpy().tolist() == [["", "", "run 0 stopped at loss 0.2"]] * 2
    assert np.isnan(found["first_time"].to_numpy()).tolist() == [[False, False, True]] * 2
    assert found["time_found"].shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"experiments": ["nope"]}, "'nope'.*learning-order"),
        ({"experiments": []}, "no experiment"),
        ({"experiments": ["escape", "escape"]}, "once, got escape, escape"),
        ({"seeds": 0}, "seeds .* got 0"),
        ({"size": "huge"}, "quick, full, got 'huge'"),
        ({"processes": 0}, "processes .* got 0"),
    ],
)
def test_bad_values_are_refused_by_name(tmp_path, arguments, message):
    good = {"experiments": ["degree-two"], "seeds": 1, "groups": GROUPS, "processes": 1}
    with pytest.raises(ValueError, match=message):
        run_experiments(tmp_path / "out", **(good | arguments))


def test_a_folder_that_cannot_be_written_is_found_before_any_work(made, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run(tmp_path / "file")
    assert made == []


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_experiment_has_both_sizes_of_distinct_cases(name):
    module = parts.experiment_module(name)
    assert set(module.GROUPS) == {"quick", "full"}
    for groups in module.GROUPS.values():
        cases = [case for group in groups for case in group.cases()]
        assert len(set(cases)) == len(cases)
        assert all(list(group.final_losses) == sorted(group.final_losses, reverse=True) for group in groups)
