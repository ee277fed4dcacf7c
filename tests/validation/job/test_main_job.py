"""The main job end to end on one small arm: what it writes, and that it can be run again."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from simulations.runs.one_run import Store
from simulations.specs.sweep_file import Sweep
from validation.claims.power_model_runs import PowerModelRuns
from validation.job import main_job
from validation.job.main_job import integrate_power_model, run_main_job
from validation.job.profiles import JudgedSweep, smoke_job


def tiny_job(**changes):
    """The smoke job's arm of depth 2 alone, in one process."""
    job = smoke_job()
    runs = tuple(run for run in job.star.runs if run.label == "depth-2")
    return replace(job, judged=(JudgedSweep(Sweep("star", "tiny", runs), "quick"),), processes=1, **changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    return folder, run_main_job(folder, tiny_job(), folder / "store")


def test_every_run_is_saved_and_judged(made):
    folder, outcome = made
    (name,) = Store(folder / "store").names()
    assert outcome.runs[0].attrs["run"] == name
    assert outcome.runs[0].attrs["arm"] == "depth-2"
    assert outcome.runs[0].attrs["experiment"] == "star"
    assert 0 < float(outcome.runs[0]["gauss_length"]) < 10
    assert [path.name for path in (folder / "power_model").iterdir()] == ["seed1000.nc"]
    assert [v.claim.id for v in outcome.verdicts] == [f"C{i}" for i in range(1, 10)]
    assert {v.verdict for v in outcome.verdicts} <= {"undecided: too few seeds", "undecided: no data"}
    assert not list(folder.rglob("*partial*"))


def test_a_second_call_keeps_the_runs_and_finds_the_same(made):
    folder, first = made
    before = {path: path.stat().st_mtime_ns for path in (folder / "store").rglob("*.nc")}
    second = run_main_job(folder, tiny_job(), folder / "store")
    assert {path: path.stat().st_mtime_ns for path in (folder / "store").rglob("*.nc")} == before
    for one, two in zip(first.runs, second.runs, strict=True):
        xr.testing.assert_identical(one, two)
    assert [v.evidence for v in first.verdicts][5] == [v.evidence for v in second.verdicts][5]


def test_a_job_that_trains_nothing_judges_what_is_there(made, tmp_path, monkeypatch):
    folder, first = made
    monkeypatch.setattr(main_job, "run_sweeps", lambda *_: pytest.fail("trained"))
    outcome = run_main_job(tmp_path, tiny_job(trains=False), folder / "store")
    assert [run.attrs["run"] for run in outcome.runs] == [run.attrs["run"] for run in first.runs]
    empty = tmp_path / "none"
    with pytest.raises(FileNotFoundError, match=r"no store .*none.* --profile standard"):
        run_main_job(tmp_path, tiny_job(trains=False), empty)
    assert not empty.exists()


def test_the_power_model_starts_where_it_says(tmp_path):
    (flow,) = integrate_power_model(tmp_path, [3], PowerModelRuns(final_loss=0.1))
    start = flow["weights"].to_numpy()[0]
    assert start.shape == (4, 4)
    assert (start >= 0.005).all()
    assert (start <= 0.01).all()
    assert len(np.unique(start)) == 16
    assert float(flow["loss"][-1]) == pytest.approx(0.1, rel=1e-6)
    saved = xr.load_dataset(tmp_path / "seed3.nc", engine="h5netcdf")
    np.testing.assert_array_equal(saved["weights"], flow["weights"])


def test_a_failed_rename_leaves_nothing_half_written(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", fail)
        with pytest.raises(OSError, match="planted"):
            integrate_power_model(tmp_path, [3], PowerModelRuns(final_loss=0.1))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert integrate_power_model(tmp_path, [3], PowerModelRuns(final_loss=0.1))


def test_an_unwritable_folder_is_found_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")

    def no_work(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(main_job, "integrate_power_model", no_work)
    monkeypatch.setattr(main_job, "run_sweeps", no_work)
    for folder, store in ((tmp_path / "file", tmp_path / "store"), (tmp_path / "out", tmp_path / "file")):
        with pytest.raises(OSError, match=r"file.* cannot be written"):
            run_main_job(folder, tiny_job(), store)
