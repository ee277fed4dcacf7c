"""A sweep of many small runs as one file: what is written is what is read, judged and drawn."""

import numpy as np
import pytest
import xarray as xr

from simulations.runs.verified_files import DamagedRunError
from simulations.specs.sweep_file import read_sweep
from tests.validation.regimes.helpers.planted_map import pair, planted_map
from validation.claims.c14 import CLAIM
from validation.claims.observations import Observations
from validation.job import main_job, recorded_tables
from validation.job.main_job import run_main_job
from validation.job.profiles import RECORDED, job_of
from validation.job.recorded_tables import TABLED, committed_tables, record_table, table_of
from validation.judgement.judging import judge
from validation.regimes import regime_map
from validation.report.report_data import write_report


def stamped(runs):
    for run in runs:
        run.attrs |= {"max_epochs": 200, "made": "2020-01-02T03:04", "torch_version": "none", "form": "quick"}
    return runs


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """A folder in place of the package's records; runs of the map in a store that is none."""
    monkeypatch.setattr(recorded_tables, "COMMITTED", tmp_path)

    def runs(store, experiment, *, every_seed):
        assert every_seed
        yield from stamped(planted_map()) if experiment == "regime_map" else ()

    monkeypatch.setattr(recorded_tables, "each_experiment_run", runs)
    return tmp_path


def test_what_is_written_is_read_again_and_written_once(committed):
    found = record_table("regime_map", None, committed)
    assert (found.runs, found.planned, found.written) == (48, 360, True)  # 120 arms; seeds 400, 401 and 402
    (table,) = committed_tables(TABLED).values()
    xr.testing.assert_equal(table, regime_map(planted_map()))
    assert table.attrs["seeds"] == "400 401"
    assert table.attrs["made"] == "2020-01-02"
    assert not record_table("regime_map", None, committed).written
    assert record_table("harder_problems", None, committed).runs == 0
    assert sorted(path.name for path in committed.iterdir()) == ["digests.json", "regime_map.nc"]


def test_the_plan_counts_the_seeds_beyond_the_sweeps_own():
    runs = [run for seed in range(400, 409) for run in pair(8, 0.5, seed, effect=0.2)]
    labels = len(read_sweep("regime_map").labels())
    assert table_of("regime_map", stamped(runs)).attrs["planned_runs"] == 9 * labels
    with pytest.raises(ValueError, match="needs runs, got none: `mli sweep regime_map`"):
        table_of("regime_map", [])


@pytest.mark.parametrize("kept", [500, 0])
def test_a_damaged_table_is_refused(committed, kept):
    record_table("regime_map", None, committed)
    path = committed / "regime_map.nc"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DamagedRunError, match=r"regime_map.nc is not what was .*record it again"):
        committed_tables(TABLED)


def test_a_table_of_another_experiment_is_refused(committed):
    record_table("regime_map", None, committed)
    (committed / "regime_map.nc").rename(committed / "harder_problems.nc")
    digests = committed / "digests.json"
    digests.write_text(digests.read_text().replace("regime_map", "harder_problems"))
    with pytest.raises(DamagedRunError, match="is no table of harder_problems"):
        committed_tables(TABLED)


def test_the_profile_judges_the_table_and_trains_nothing(committed, tmp_path, monkeypatch):
    record_table("regime_map", None, committed)
    monkeypatch.setattr(main_job, "committed_runs", lambda _: [])
    outcome = run_main_job(tmp_path / "out", job_of(RECORDED), tmp_path / "no-store")
    verdicts = {v.claim.id: v for v in outcome.verdicts}
    assert verdicts["C14"].verdict == "undecided: too few seeds"
    assert "--profile recorded`" in verdicts["C14"].missing
    assert verdicts["C15"].verdict == "undecided: no data"
    data = write_report(tmp_path / "out", outcome)
    assert data["tables"] == [
        {"experiment": "regime_map", "runs": 48, "planned": 360, "seeds": "400 401", "made": "2020-01-02"}
    ]
    assert "48 of 360 runs of regime_map, seeds 400, 401" in (tmp_path / "out" / "report.md").read_text()


def planted_seeds(n, **changes):
    """A map that the border tells in full, of n seeds."""
    cells = [(2, 0.4, 0.0), (2, 1.0, 0.0), (8, 0.4, 0.2), (8, 1.0, 0.0)]
    runs = [
        run
        for seed in range(400, 400 + n)
        for depth, scale, effect in cells
        for run in pair(depth, scale, seed, effect=effect, m2_end=0.3 if effect else 0.01, **changes)
    ]
    return regime_map(runs)


def verdict(table):
    return judge([CLAIM], Observations(tables={"regime_map": table}))[0]


def test_c14_is_supported_refuted_and_undecided_on_tables():
    table = planted_seeds(9)
    found = verdict(table)
    assert found.verdict == "supported"
    assert found.results[0].by_seed[400] == pytest.approx(0.25)  # all four cells against three of four
    assert found.checks[0].state == "met"
    turned = table.assign(scale_to_the_depth=1 - table["scale_to_the_depth"])
    assert verdict(turned).verdict == "refuted"
    assert verdict(planted_seeds(8)).verdict == "undecided: too few seeds"


def test_c14_counts_no_seed_of_which_a_run_was_not_made_and_those_that_missed_their_target_it_does():
    table = planted_seeds(9)
    at = {"optimizer": "sgd", "bias": "none", "depth": 8, "init_scale": 0.4, "seed": 400}
    lacking = table.copy(deep=True)
    lacking["reached"].loc[at] = np.nan
    assert 400 not in verdict(lacking).results[0].by_seed
    missed = table.copy(deep=True)
    missed["reached"].loc[at] = 0
    assert 400 in verdict(missed).results[0].by_seed
