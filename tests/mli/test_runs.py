"""`mli sweep`, `mli train` and `mli runs` as a user types them."""

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.runs import store_inventory
from simulations.runs.one_run import Store
from simulations.runs.store_inventory import StoredRun
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
    assert done.output == f"reached: {store / tiny().name}\n"
    return store


def test_a_run_by_its_fields_or_by_its_file_is_one_run(folder):
    again = mli("train", folder / tiny().name / "spec.toml", "--store", folder)
    assert again.output == f"reached, as it was in the store: {folder / tiny().name}\n"
    assert Store(folder).names() == [tiny().name]


def test_a_stored_run_is_listed_shown_and_verified(folder):
    listed = mli("runs", "list", "--store", folder)
    assert listed.output == f"{tiny().name}  reached     digits  fcn  bias=last  seed=0\n"
    shown = mli("runs", "show", tiny().name[:6], "--store", folder)
    assert shown.exit_code == 0
    assert all(word in shown.output for word in ("learning_rate = 0.05", '"data_hash"', "effective_degree"))
    assert mli("runs", "verify", "--store", folder).output == "1 finished runs, 0 problems\n"


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
    assert mli("train", *nowhere, "--store", tmp_path / "store").exit_code != 0
    listed = mli("runs", "list", "--store", tmp_path / "store").output
    assert "  failed  " in listed
    assert "nowhere" in mli("runs", "show", listed.split()[0], "--store", tmp_path / "store").output
    assert mli("train", *settings(*FIELDS), "--device", "cuda:99", "--store", tmp_path / "new").exit_code != 0
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
    assert done.exit_code == 1
    (line,) = str(done.exception).splitlines()
    assert message in line
    assert not (tmp_path / "store").exists()


def test_a_run_that_is_not_there_is_named(tmp_path):
    done = mli("runs", "show", "zzz", "--store", tmp_path)
    assert done.exit_code == 1
    assert "begins with 'zzz'" in str(done.exception)
