"""`mli sweep`, `mli train` and `mli runs` as a user types them."""

import json

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.runs import store_inventory
from simulations.runs.one_run import Store
from simulations.runs.store_inventory import StoredRun
from simulations.specs.run_spec import RunSpec
from tests.simulations.runs.helpers.tiny_runs import SWEEP, tiny

FIELDS = ["limit=20", "depth=2", "width=16", "learning_rate=0.05", "target_loss=2.0", "max_epochs=60"]
FIELDS += ["alphas=5", "seed=0"]


def mli(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def settings(*fields):
    return [word for field in fields for word in ("--set", field)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    done = mli("train", *settings(*FIELDS), "--store", store)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"reached: {store / tiny().name}\n"
    return store


def test_a_run_by_its_fields_or_by_its_file_is_one_run(folder):
    again = mli("train", folder / tiny().name / "spec.toml", "--store", folder)
    assert again.stdout == f"reached, as it was in the store: {folder / tiny().name}\n"
    assert Store(folder).names() == [tiny().name]


def test_a_stored_run_is_listed_shown_and_verified(folder):
    listed = mli("runs", "list", "--store", folder)
    header, line = listed.output.splitlines()
    columns = ["name", "state", "network", "depth", "width", "scale", "bias", "data", "optimiser", "seed"]
    assert header.split() == [*columns, "remark"]
    assert line.split() == [tiny().name, "reached", "fcn", "2", "16", "1", "last", "digits", "sgd", "0"]
    shown = mli("runs", "show", tiny().name[:6], "--store", folder)
    assert shown.exit_code == 0
    assert all(word in shown.output for word in ("learning_rate = 0.05", '"data_hash"', "effective_degree"))
    assert mli("runs", "verify", "--store", folder).output == "1 finished runs, 0 problems\n"


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A store with three runs that failed or were not finished, and one whose spec cannot be read."""
    store = Store(tmp_path_factory.mktemp("several"))
    for spec in (tiny(seed=1), tiny(seed=2, depth=3, init_scale=0.5)):
        store.record_failure(
            spec, {"error": "OSError: a reason\n  in two lines", "traceback": "", "time": ""}
        )
    unfinished = tiny(seed=1, bias="none")
    store.path(unfinished).mkdir()
    store.path(unfinished, "spec.toml").write_text(unfinished.to_toml())
    store.path("damaged").mkdir()
    store.path("damaged", "spec.toml").write_text("no toml")
    return store.folder


@pytest.mark.parametrize(
    ("where", "seeds"),
    [
        ([], [1, 1, 2, None]),
        (["seed=1"], [1, 1]),
        (["seed=1", "bias=none"], [1]),
        (["seed=1", "seed=2"], [1, 1, 2]),
        (["scale=0.5"], [2]),
        (["init_scale=1"], [1, 1]),
        (["optimiser=sgd", "depth=3"], [2]),
        (["state=failed"], [1, 2]),
        (["state=damaged"], [None]),
        (["limit="], []),
        (["clip_norm=", "state=unfinished"], [1]),
        (["name=dam"], [None]),
    ],
)
def test_runs_are_filtered_and_are_the_same_as_json(several, where, seeds):
    arguments = [word for one in where for word in ("--where", one)]
    found = json.loads(mli("runs", "list", "--store", several, "--json", *arguments).output)
    assert sorted((run["spec"] or {}).get("seed", 9) for run in found) == [s or 9 for s in seeds]
    _, *lines = mli("runs", "list", "--store", several, *arguments).output.splitlines()
    assert [line.split()[0] for line in lines] == [run["name"] for run in found]
    for line, run in zip(lines, found, strict=True):
        assert line.split()[1] == run["state"]
        assert line.endswith("OSError: a reason in two lines") == (run["state"] == "failed")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("seeds=1", "runs are not listed by 'seeds': choose from network, depth"),
        ("bias=some", "bias must be one of all, last, none, got 'some'"),
        ("depth=deep", "depth must be an integer or absent, got 'deep'"),
        ("state=done", "state must be one of reached, stagnated"),
        ("seed", "expected KEY=VALUE, got 'seed'"),
    ],
)
def test_a_filter_that_no_run_can_pass_is_refused(several, where, message):
    done = mli("runs", "list", "--store", several, "--where", where)
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert message in line


def test_a_run_as_json_has_its_spec_its_making_and_its_numbers(folder):
    shown = json.loads(mli("runs", "show", tiny().name[:6], "--store", folder, "--json").output)
    assert RunSpec.from_dict(shown["spec"]) == tiny()
    assert shown["provenance"]["status"] == shown["state"] == "reached"
    run = Store(folder).load(tiny())
    assert shown["numbers"]["end_loss"] == float(run["end_loss"])
    assert shown["arrays"]["loss"] == {"path": 1, "alpha": 5}
    assert shown["failure"] is None


def test_damage_is_found_and_what_is_of_no_use_removed(folder):
    store, name = Store(folder), tiny().name
    file = store.path(name, "end.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        found = mli("runs", "verify", "--store", folder)
        assert found.exit_code == 1
        assert "end.safetensors is not what was written" in found.output
        would = mli("runs", "gc", "--dry-run", "--store", folder)
        assert would.output.startswith(f"{name}  damaged")
        assert store.is_finished(name)
    finally:
        file.write_bytes(whole)
    store.record_failure(tiny(seed=1), {"error": "ValueError: no", "traceback": "all of it", "time": ""})
    assert "all of it" in mli("runs", "show", tiny(seed=1).name, "--store", folder).output
    with store.locked(tiny(seed=1)):
        assert "is being made: kept" in mli("runs", "gc", "--store", folder).output
    assert store.names() == sorted([name, tiny(seed=1).name])
    assert mli("runs", "gc", "--store", folder).output == f"{tiny(seed=1).name}  failed  ValueError: no\n"
    assert store.names() == [name]


def test_what_a_sweep_finished_meanwhile_is_not_removed(folder, monkeypatch):
    """Reading a store takes minutes: what was unfinished when it was read may be finished now."""
    run = StoredRun(tiny().name, "unfinished", tiny(), "")
    monkeypatch.setattr(store_inventory, "garbage", lambda *_, **__: [run])
    assert mli("runs", "gc", "--store", folder).output == ""
    assert Store(folder).names() == [tiny().name]
    nowhere = mli("runs", "gc", "--store", folder / "typo")
    assert nowhere.exit_code != 0
    assert not (folder / "typo").exists()


def test_one_run_that_fails_is_recorded_and_a_wrong_device_is_refused_before_it(tmp_path):
    nowhere = settings(*FIELDS, f"data={tmp_path / 'nowhere'}")
    assert mli("train", *nowhere, "--store", tmp_path / "store").exit_code == 2
    _, failed = mli("runs", "list", "--store", tmp_path / "store").output.splitlines()
    assert failed.split()[1] == "failed"
    assert "ValueError: unknown data set" in failed  # why, in the same line
    assert "nowhere" in mli("runs", "show", failed.split()[0], "--store", tmp_path / "store").output
    assert mli("train", *settings(*FIELDS), "--device", "cuda:99", "--store", tmp_path / "new").exit_code == 2
    assert not (tmp_path / "new").exists()


def test_a_sweep_with_a_run_that_fails_says_so_and_ends_with_an_error(tmp_path):
    file = tmp_path / "mine.toml"
    nowhere = str(tmp_path / "nowhere")
    file.write_text(SWEEP.replace("[0, 1]", "[0]").replace("limit = 20", f"data = {nowhere!r}"))
    done = mli("sweep", file, "--store", tmp_path / "store", "--processes", "1")
    assert done.exit_code == 1
    assert "mine: 2 runs, 2 failed; 0 made now" in done.output
    assert f"depth=2 failed 1 times: ValueError: unknown data set '{nowhere}'" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "stars"], "'stars' is neither an experiment (star, "),
        (["sweep", "star", "--form", "quik"], "form must be one of quick, paper, got 'quik'"),
        (["sweep", "star", "--executor", "lokal"], "executor must be one of local, dask, slurm"),
        (["sweep", "star", "--scheduler", "tcp://x:1"], "an address goes with 'dask'"),
        (["sweep", "star", "--executor", "slurm", "--slurm", "minutes"], "expected KEY=VALUE, got 'minutes'"),
        (["train", "--set", "dept=3"], "unknown key 'dept': a run has data"),
        (["train", "--set", "depth"], "expected KEY=VALUE, got 'depth'"),
        (["train"], "a run needs learning_rate, max_epochs, seed"),
        (["runs", "show", "zzz"], "there is no store at"),
        (["runs", "list"], "there is no store at"),
        (["runs", "verify"], "give its folder by --store"),
    ],
)
def test_bad_input_is_one_line(tmp_path, arguments, message):
    done = mli(*arguments, "--store", tmp_path / "store")
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith("mli: ")
    assert message in line
    assert not (tmp_path / "store").exists()


def test_a_run_that_is_not_there_is_named(tmp_path):
    done = mli("runs", "show", "zzz", "--store", tmp_path)
    assert done.exit_code == 2
    assert "begins with 'zzz'" in done.output


def test_finished_runs_are_recorded_and_named_experiments_are_known(tmp_path):
    store, recorded = tmp_path / "store", tmp_path / "recorded"
    (tmp_path / "mine.toml").write_text(SWEEP)
    assert mli("sweep", tmp_path / "mine.toml", "--store", store, "--processes", "1").exit_code == 0
    said = mli("runs", "record", recorded, tmp_path / "mine.toml", "--store", store).output
    assert said == "mine: 4 of 4 runs recorded, 4 files written now; statuses: 4 reached\n"
    assert len(list((recorded / "mine").glob("*.nc"))) == 4
    said = mli("runs", "record", recorded, tmp_path / "mine.toml", "mnist_fcn", "--store", store).output
    assert "mine: 4 of 4 runs recorded, 0 files written now" in said
    assert "mnist_fcn: 0 of 48 runs recorded, 0 files written now; statuses: none" in said


def test_the_profile_recorded_has_its_own_claims_and_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "C10" in mli("validate", "--profile", "recorded", "--rules").output
    refused = mli("validate", "--profile", "recorded", "--claim", "C5")
    assert refused.exit_code == 2
    refused = mli("validate", "--profile", "recorded", "--smoke")
    assert refused.exit_code == 2
    assert not list(tmp_path.iterdir())
