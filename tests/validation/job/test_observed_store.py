"""Runs in a store become observations under the labels of their arms; failures are listed."""

from dataclasses import replace

import pytest

from simulations.runs.one_run import Store, make_run
from simulations.runs.spec_to_training import run_data
from simulations.runs.verified_files import DamagedRunError, OtherDataError
from simulations.specs.sweep_file import PlannedRun, Sweep
from tests.simulations.runs.helpers.tiny_runs import tiny
from validation.html_report.write import write_report_page
from validation.job import run_gauss_length
from validation.job.main_job import run_main_job
from validation.job.observed_store import not_judged, observe_store
from validation.job.profiles import JudgedSweep, job_of
from validation.report.report_data import write_report

REACHED, MISSED, FAILED, ABSENT = tiny(seed=100), tiny(seed=101, max_epochs=1), tiny(seed=102), tiny(seed=103)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    for spec in (REACHED, MISSED):
        make_run(spec, store)
    store.record_failure(FAILED, {"error": "OSError: planted"})
    return store


def judged(name, form="quick"):
    runs = tuple(PlannedRun("arm", spec) for spec in (REACHED, MISSED, FAILED, ABSENT))
    return JudgedSweep(Sweep(name, "title", runs), form)


def test_what_reached_its_target_counts_and_the_rest_says_why(store):
    runs, observations = observe_store(store, [judged("width")])
    assert [int(run.attrs["seed"]) for run in runs] == [100, 101]
    (counted,) = observations.runs
    assert (counted.attrs["arm"], counted.attrs["experiment"]) == ("width/arm", "width")
    reasons = {out.seed: out.reason for out in observations.left_out}
    assert set(reasons) == {101, 102}
    assert "did not reach" in reasons[101]
    assert reasons[102] == "ended in an error: OSError: planted"


def test_only_the_star_has_no_experiment_before_its_label_and_has_gauss_lengths(store):
    _, star = observe_store(store, [judged("star")])
    assert star.arms() == star.star() == ("arm",)
    assert "gauss_length" in star.runs[0]
    _, width = observe_store(store, [judged("width")])
    assert width.star() == ()
    assert "gauss_length" not in width.runs[0]


def test_forms_are_never_counted_together(store):
    _, both = observe_store(store, [judged("star"), judged("star", "paper"), judged("width", "paper")])
    assert both.arms() == ("arm", "paper/arm", "paper/width/arm")
    assert both.star() == ("arm",)
    assert both.experiment("width") == ()


def test_seeds_that_no_sweep_plans_count_where_all_that_is_stored_is_judged(store):
    planned = JudgedSweep(
        Sweep("width", "title", (PlannedRun("arm", MISSED), PlannedRun("arm", ABSENT))), "quick"
    )
    other_arm = Sweep("width", "title", (PlannedRun("wide", tiny(seed=100, width=8)),))
    _, without = observe_store(store, [planned])
    _, found = observe_store(store, [planned, JudgedSweep(other_arm, "paper")], every_seed=True)
    assert without.runs == ()
    (counted,) = found.runs
    assert (counted.attrs["arm"], counted.attrs["seed"]) == ("width/arm", 100)
    assert [out.seed for out in found.left_out] == [101]


@pytest.mark.parametrize("which", ["start", "end"])
def test_a_flipped_bit_of_a_checkpoint_gives_no_gauss_length(store, which):
    """One bit of a weight, which any reader of tensors would take."""
    file = store.path(REACHED, f"{which}.safetensors")
    whole = file.read_bytes()
    observe_store(store, [judged("star")])
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(DamagedRunError, match=rf"{which}\.safetensors is not what was written"):
            observe_store(store, [judged("star")])
    finally:
        file.write_bytes(whole)


def test_other_data_than_the_run_was_trained_on_give_no_gauss_length(store, monkeypatch):
    monkeypatch.setattr(run_gauss_length, "run_data", lambda spec: run_data(replace(spec, limit=10)))
    with pytest.raises(OtherDataError, match=rf"are now others .* run {REACHED.name} was trained on"):
        observe_store(store, [judged("star")])


def test_a_store_of_own_sweeps_alone_gives_a_report_that_judges_none_of_them(store, tmp_path):
    """`mli validate --profile full` after own sweeps: no claim has data, and every page is written."""
    job = replace(job_of("full"), power_model_seeds=())
    outcome = run_main_job(tmp_path, job, store)
    assert outcome.runs == ()
    assert not_judged(store, outcome.runs) == 2
    data = write_report(tmp_path, outcome)
    assert {claim["verdict"] for claim in data["claims"]} == {"undecided: no data"}
    for page in ("report.md", "evidence.md"):
        assert (tmp_path / page).stat().st_size > 500
    assert write_report_page(tmp_path, store.folder, tmp_path / "figures", tmp_path / "page").is_file()


def test_one_run_under_two_arms_counts_in_both(store):
    _, observations = observe_store(store, [judged("width"), judged("hardness")])
    assert observations.arms() == ("width/arm", "hardness/arm")
