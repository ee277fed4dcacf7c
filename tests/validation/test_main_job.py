"""The main job end to end on one small arm: what it writes, and that it can be run again."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from simulations.star_experiment import ARMS, SEEDS
from validation import main_job
from validation.main_job import FULL, SMOKE, SimpleModel, integrate_simple_model, run_main_job

TINY = replace(
    SMOKE,
    seeds=(1000,),
    arms=tuple(arm for arm in ARMS if arm.name == "depth-2"),
    processes=1,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    return folder, run_main_job(folder, TINY)


def test_full_is_the_star_of_the_issue_and_smoke_shares_no_seed_with_it():
    assert FULL.seeds == SEEDS == tuple(range(100, 112))
    assert FULL.arms == ARMS
    assert FULL.protocol.target_loss == 0.01
    assert not set(SMOKE.seeds) & (set(SEEDS) | set(range(8)))


def test_every_run_is_saved_and_judged(made):
    folder, outcome = made
    assert [path.name for path in sorted(folder.rglob("*.nc"))] == ["depth-2-seed1000.nc", "seed1000.nc"]
    assert [v.claim.id for v in outcome.verdicts] == [f"C{i}" for i in range(1, 10)]
    assert {v.verdict for v in outcome.verdicts} <= {"undecided: too few seeds", "undecided: no data"}
    assert not list(folder.rglob("*partial*"))


def test_a_second_call_keeps_the_runs_and_finds_the_same(made):
    folder, first = made
    before = {path: path.stat().st_mtime_ns for path in (folder / "curves").iterdir()}
    second = run_main_job(folder, TINY)
    assert {path: path.stat().st_mtime_ns for path in (folder / "curves").iterdir()} == before
    for one, two in zip(first.runs, second.runs, strict=True):
        xr.testing.assert_identical(one, two)
    assert [v.evidence for v in first.verdicts][5] == [v.evidence for v in second.verdicts][5]


def test_the_simple_model_starts_where_it_says(tmp_path):
    (flow,) = integrate_simple_model(tmp_path, [3], SimpleModel(final_loss=0.1))
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
            integrate_simple_model(tmp_path, [3], SimpleModel(final_loss=0.1))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert integrate_simple_model(tmp_path, [3], SimpleModel(final_loss=0.1))


def test_an_unwritable_folder_is_found_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")

    def no_work(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(main_job, "integrate_simple_model", no_work)
    monkeypatch.setattr(main_job, "run_star", no_work)
    with pytest.raises(OSError, match=r"cannot be written"):
        run_main_job(tmp_path / "file", TINY)
