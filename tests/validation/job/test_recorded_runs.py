"""Runs as small files: what is kept of a run, nothing half there, and read by claims as a run is."""

import tomllib
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from simulations.runs.one_run import Store, make_run
from simulations.runs.spec_to_training import run_data, run_network
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime import netcdf
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import PlannedRun, Sweep
from simulations.sweeps.runner import record_failure
from tests.simulations.runs.helpers.tiny_runs import tiny
from validation.claims import CLAIMS
from validation.claims.observations import balanced, class_counts, observe
from validation.job import main_job
from validation.job.main_job import run_main_job
from validation.job.profiles import RECORDED, Job, job_of
from validation.job.recorded_digests import keep_digest
from validation.job.recorded_runs import committed_runs, read_recorded, record_sweep
from validation.report.report_data import write_report

REACHED = tiny(seed=300, evaluate_every=3, paths=("linear", "homogeneous"))
STAGNATED = tiny(seed=301, max_epochs=1, target_loss=1e-6)
FAILED = tiny(seed=302)
NOT_MADE = tiny(seed=303)
SWEEP = Sweep(
    "tiny_realistic",
    "tiny",
    tuple(PlannedRun("bias=last", spec) for spec in (REACHED, STAGNATED, FAILED, NOT_MADE)),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    for spec in (REACHED, STAGNATED):
        make_run(spec, store)
    record_failure(store, FAILED, MemoryError("planted"))
    return store


@pytest.fixture(scope="module")
def folder(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    record_sweep(SWEEP, store, folder)
    return folder


def test_each_run_is_one_small_file_and_a_second_call_writes_none(store, folder):
    files = sorted((folder / "tiny_realistic").glob("*.nc"))
    assert [path.stem for path in files] == sorted(spec.name for spec in (REACHED, STAGNATED, FAILED))
    assert all(path.stat().st_size < 60_000 for path in files)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    again = record_sweep(SWEEP, store, folder)
    assert again.written == 0
    assert again.recorded == 3
    assert again.statuses_text() == "1 failed, 1 reached, 1 stagnated"
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files} == before


def test_what_is_kept_is_what_the_store_has(store, folder):
    reached, *_ = read_recorded(folder)
    run = store.load(REACHED)
    kept = set(reached.variables) & set(run.variables)
    assert {"loss", "error", "class_share", "history_loss", "history_steps", "bias", "end_loss"} <= kept
    for name in kept:
        np.testing.assert_array_equal(reached[name], run[name], err_msg=str(name))
    assert "sample" not in reached.dims
    assert {"signal", "labels"} <= set(run.variables) - kept
    assert class_counts(reached).tolist() == [2] * 10
    assert balanced(reached)
    assert reached["epoch"].values.tolist() == run["epoch"].values.tolist()
    recorded = store.provenance(REACHED)
    for name in ("network", "depth", "init_scale", "seed", "code", "commit"):
        assert reached.attrs[name] == run.attrs[name]
    assert reached.attrs["bias_mode"] == "last"
    assert reached.attrs["experiment"] == "tiny_realistic"
    assert reached.attrs["arm"] == "tiny_realistic/bias=last"
    assert reached.attrs["cpu_seconds"] == recorded["cpu_seconds"]
    assert RunSpec.from_dict(tomllib.loads(reached.attrs["spec"])) == REACHED


def test_numbers_in_place_of_the_samples_are_those_of_the_checkpoints(store, folder):
    """By torch and fractions, from the checkpoints: T14's lead over gap, the sizes of the two signals."""
    reached, *_ = read_recorded(folder)
    data, _ = run_data(REACHED)
    signals = {}
    for which in ("start", "end"):
        network = run_network(REACHED, data)
        state = load_file(store.path(REACHED, f"{which}.safetensors"))
        network.load_state_dict(state)
        with torch.no_grad():
            (bias,) = (value for name, value in state.items() if name.endswith("bias"))
            signals[which] = (network.eval()(data.inputs) - bias).double().numpy()
    for name, which in (("start_signal_rms", "start"), ("signal_rms", "end")):
        by_hand = (sum(float(s) ** 2 for s in signals[which].flat) / signals[which].size) ** 0.5
        assert float(reached[name]) == pytest.approx(by_hand, rel=1e-5)
    biases = [Fraction(float(b)) for b in bias]
    held = biases.index(max(biases))
    slowest = max(
        (Fraction(float(row[i])) - Fraction(float(row[held]))) / (biases[held] - biases[i])
        for row in signals["start"]
        for i in range(10)
        if i != held
    )
    assert float(reached["start_lead_over_bias_gap"]) == pytest.approx(float(max(slowest, 0)), rel=1e-4)


def test_claims_count_a_recorded_run_as_they_count_the_stores(store, folder):
    recorded = observe(read_recorded(folder))
    arm = recorded.arm("tiny_realistic/bias=last")
    assert list(arm) == [300]
    (run,) = observe([store.load(REACHED).assign_attrs(arm="x")]).runs
    for name in ("zero_start_loss", "zero_start_error"):  # foretold from samples that the file has not
        np.testing.assert_array_equal(arm[300][name], run[name])
    reasons = {(out.seed, out.reason) for out in recorded.left_out}
    assert reasons == {
        (301, "stagnated: did not reach the target loss"),
        (302, "ended in an error: MemoryError: planted"),
    }


@pytest.mark.parametrize("seed", [*range(8), *range(20, 40)])
def test_no_pilots_seed_counts(store, seed):
    run = store.load(REACHED).assign_attrs(arm="x", seed=seed)
    (left_out,) = observe([run]).left_out
    assert left_out.reason == "a pilot seed"


def test_a_write_that_fails_leaves_nothing_and_the_old_file(store, tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", fail)
        with pytest.raises(OSError, match="planted"):
            record_sweep(SWEEP, store, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert record_sweep(SWEEP, store, tmp_path).written == 3


def flipped(content):
    """One bit of a number far from any word of the file."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def as_recorded(path, place, content=None):
    """The file at another place, or with other content, as if it had been recorded so."""
    content = path.read_bytes() if content is None else content
    path.unlink()
    path.with_name("digests.json").unlink()
    place.write_bytes(content)
    keep_digest(place, content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "is not what was"),
        (lambda path: path.write_bytes(b""), "is not what was"),
        (lambda path: path.write_bytes(flipped(path.read_bytes())), "is not what was"),
        (lambda path: path.unlink(), "lacks .*nc, which digests.json lists"),
        (lambda path: path.with_name("digests.json").unlink(), "has no digest"),
        (lambda path: path.with_name("digests.json").write_text("[]"), "cannot be read"),
        (lambda path: path.rename(path.with_stem("0" * 20)), "lacks"),
        (lambda path: as_recorded(path, path.with_stem("0" * 20)), "holds the run"),
        (lambda path: as_recorded(path, path.parent.with_name("other") / path.name), "holds the run"),
        (lambda path: as_recorded(path, path, b"no dataset"), "is no recorded run"),
    ],
    ids=["cut", "empty", "one bit", "removed", "no digests", "digests", "renamed", "named", "moved", "other"],
)
def test_a_file_that_is_not_what_was_recorded_under_its_name_is_refused(store, tmp_path, damage, message):
    record_sweep(SWEEP, store, tmp_path)
    (tmp_path / "other").mkdir()
    damage(tmp_path / "tiny_realistic" / f"{REACHED.name}.nc")
    with pytest.raises(DamagedRunError, match=f"{message}.*record (it|all) again"):
        read_recorded(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*none.* `mli runs record` makes it"):
        read_recorded(tmp_path / "none")


def test_a_job_on_recorded_runs_needs_no_store_and_trains_nothing(folder, tmp_path, monkeypatch):
    def no_work(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(main_job, "run_sweeps", no_work)
    monkeypatch.setattr(main_job, "integrate", no_work)
    monkeypatch.setattr(main_job, "committed_runs", lambda _: read_recorded(folder))
    job = Job(RECORDED, (), trains=False, power_model_seeds=(), claims=CLAIMS[2:4], recorded=("mnist_fcn",))
    outcome = run_main_job(tmp_path / "out", job, tmp_path / "no-store")
    assert [v.claim.id for v in outcome.verdicts] == ["C3", "C4"]
    assert [run.attrs["status"] for run in outcome.runs] == ["reached", "stagnated"]
    data = write_report(tmp_path / "out", outcome)
    assert data["runs"][0]["n_samples"] == 20
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| tiny_realistic/bias=last | digits | fcn | 2 | 1 |" in text
    assert "(ended in an error: MemoryError: planted)" in text
    assert "over the two claims" in text
    assert "nine" not in text
    assert not (tmp_path / "no-store").exists()
    # The pages of docs/ are about the star's claims.
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"report.md", "report.json", "evidence.md"}


def test_the_profile_names_the_realistic_experiments():
    job = job_of(RECORDED)
    assert not job.trains
    assert not job.judged
    assert [e["name"] for e in job.settings()["experiments"]] == [*job.recorded, *job.tables]
    planned = {e["name"]: e["runs_planned"] for e in job.settings()["experiments"]}
    assert planned == {
        "mnist_fcn": 48,
        "cifar_vgg16_small_start": 22,
        "cifar_resnet18": 22,
        "cifar_vgg16": 22,
        "cifar_resnet18_plain": 22,
        "mnist_fcn_all_biases": 12,
        "cifar_vgg16_small_start_all_biases": 11,
        "cifar_resnet18_all_biases": 11,
        "regime_map": 360,
        "harder_problems": 256,
    }


def test_a_run_is_written_by_its_own_bytes_alone(store, folder, tmp_path):
    """Of another process, another folder, another time: the same bytes."""
    record_sweep(replace(SWEEP, title="another"), store, tmp_path)
    for path in (folder / "tiny_realistic").glob("*.nc"):
        assert (tmp_path / "tiny_realistic" / path.name).read_bytes() == path.read_bytes()
    assert netcdf.dataset_from_bytes(path.read_bytes()).attrs["form"] == "recorded"


def test_the_packages_own_recorded_runs_can_be_read():
    try:
        runs = committed_runs()
    except FileNotFoundError:
        pytest.skip("no run is recorded yet")
    assert {run.attrs["status"] for run in runs} <= {"reached", "stagnated", "diverged", "failed"}
    assert all("+" not in run.attrs["commit"] for run in runs)  # made by committed code
    assert len({(run.attrs["arm"], int(run.attrs["seed"])) for run in runs}) == len(runs)
