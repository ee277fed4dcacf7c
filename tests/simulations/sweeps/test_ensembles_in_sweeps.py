"""Runs of a sweep trained together: the files of runs trained alone, and each member's own fate."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from simulations.runs import ensemble_of_runs
from simulations.runs.one_run import Store, make_run
from simulations.specs.sweep_file import PlannedRun, Sweep
from simulations.sweeps import runner
from simulations.sweeps.executors import here
from simulations.sweeps.runner import run_sweeps
from tests.simulations.runs.helpers.tiny_runs import tiny

SPECS = [tiny(seed=seed, init_scale=scale) for scale in (0.7, 1.0) for seed in (0, 1)]


def together(*specs):
    return Sweep("mine", "mine", tuple(PlannedRun(f"run {i}", s) for i, s in enumerate(specs)), True)


def made_here(folder, *specs):
    store = Store(folder)
    with here() as executor:
        return store, run_sweeps([together(*specs)], store, executor)


def members(store, *specs):
    return [store.provenance(spec)["trained_together"] for spec in specs]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store, outcome = made_here(tmp_path_factory.mktemp("together"), *SPECS)
    assert sorted(outcome.made) == sorted(spec.name for spec in SPECS)
    assert all(made.status == "reached" and made.seconds > 0 for made in outcome.made.values())
    return store


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("alone"))
    store.prepare()
    for spec in SPECS:
        make_run(spec, store)
    return store


def test_each_member_has_the_files_of_a_run_trained_alone(store, alone):
    assert members(store, *SPECS) == [4] * 4
    assert members(alone, *SPECS) == [1] * 4
    for spec in SPECS:
        assert store.problems(spec) == []
        assert store.digests(spec).keys() == alone.digests(spec).keys()
        assert set(store.provenance(spec)) == set(alone.provenance(spec))
        # The start is drawn, not trained: the very bits.
        assert store.digests(spec)["start.safetensors"] == alone.digests(spec)["start.safetensors"]


def test_a_member_is_the_run_alone_up_to_rounding(store, alone):
    for spec in SPECS:
        mine, its = store.load(spec), alone.load(spec)
        assert mine.attrs["trained_together"] == 4
        assert its.attrs["trained_together"] == 1
        assert int(mine["epochs"]) == int(its["epochs"])
        for name in ("history_loss", "loss", "signal", "bias"):
            np.testing.assert_allclose(mine[name], its[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_what_is_there_is_kept_and_the_rest_trained_together(tmp_path):
    first = Store(tmp_path)
    first.prepare()
    make_run(SPECS[0], first)
    before = first.digests(SPECS[0])
    store, outcome = made_here(tmp_path, *SPECS)
    assert outcome.kept == [SPECS[0].name]
    assert store.digests(SPECS[0]) == before
    assert members(store, *SPECS) == [1, 3, 3, 3]
    assert made_here(tmp_path, *SPECS)[1].made == {}


def test_a_damaged_member_is_made_again(tmp_path):
    store, _ = made_here(tmp_path, *SPECS[:2])
    store.path(SPECS[1], "history.nc").write_bytes(b"")
    _, outcome = made_here(tmp_path, *SPECS[:2])
    assert list(outcome.repaired) == list(outcome.made) == [SPECS[1].name]
    assert store.problems(SPECS[1]) == []


def test_a_member_that_diverges_or_stagnates_does_so_for_itself(tmp_path):
    wild = [replace(spec, learning_rate=50.0, target_loss=0.5, max_epochs=5) for spec in SPECS[:2]]
    slow = [
        replace(spec, max_epochs=1, init_scale=scale)
        for spec, scale in zip(SPECS[:2], (0.01, 3.0), strict=True)
    ]
    store, outcome = made_here(tmp_path, *wild, *slow)
    assert not outcome.failed
    statuses = {spec: store.provenance(spec)["status"] for spec in (*wild, *slow)}
    assert statuses[slow[0]] == "stagnated"
    assert set(statuses.values()) <= {"reached", "stagnated", "diverged"}
    assert members(store, *wild, *slow) == [2, 2, 2, 2]
    alone = Store(tmp_path / "alone")
    alone.prepare()
    for spec in (*wild, *slow):
        assert make_run(spec, alone).status == statuses[spec]


def test_a_member_that_cannot_start_fails_alone(tmp_path):
    broken = replace(SPECS[0], init_scale=1e38)  # its loss is not finite before training
    store, outcome = made_here(tmp_path, *SPECS, broken)
    assert list(outcome.failed) == [broken.name]
    assert "not finite" in store.failure(broken)["error"]
    assert "Traceback" in store.failure(broken)["traceback"]
    assert sorted(outcome.made) == sorted(spec.name for spec in SPECS)
    assert members(store, *SPECS) == [1] * 4


def test_a_member_whose_line_cannot_be_measured_fails_alone(tmp_path, monkeypatch):
    write = ensemble_of_runs.write_run

    def fails_for_one(spec, *arguments, **named):
        if spec == SPECS[2]:
            raise RuntimeError("planted")
        write(spec, *arguments, **named)

    monkeypatch.setattr(ensemble_of_runs, "write_run", fails_for_one)
    store, outcome = made_here(tmp_path, *SPECS)
    assert outcome.failed == {SPECS[2].name: "RuntimeError: planted"}
    assert "planted" in store.failure(SPECS[2])["traceback"]
    assert len(outcome.made) == 3
    monkeypatch.undo()
    assert list(made_here(tmp_path, *SPECS)[1].made) == [SPECS[2].name]
    assert store.failure(SPECS[2]) is None


def test_a_full_disk_stops_the_sweep(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ensemble_of_runs, "write_run", full)
    with pytest.raises(OSError, match="cannot be written"):
        made_here(tmp_path, *SPECS)


def test_an_ensemble_is_one_job_of_any_executor(tmp_path):
    jobs = []
    with here() as executor:

        def submit(function, what, *arguments):
            jobs.append(what)
            return executor.submit(function, what, *arguments)

        lonely = tiny(depth=3)
        outcome = run_sweeps([together(*SPECS, lonely)], Store(tmp_path), replace(executor, submit=submit))
    assert jobs == [tuple(SPECS), lonely]
    assert len(outcome.made) == 5
    json.dumps(outcome.lines([together(*SPECS, lonely)], Store(tmp_path)))


def test_a_job_that_dies_fails_all_its_members(tmp_path, monkeypatch):
    def dies(*_, **__):
        raise MemoryError("no memory")

    monkeypatch.setattr(runner, "make_runs_together", dies)
    store, outcome = made_here(tmp_path, *SPECS)
    assert sorted(outcome.failed) == sorted(spec.name for spec in SPECS)
    assert store.failure(SPECS[3])["error"] == "MemoryError: no memory"
