"""A store is read while another process removes and makes runs: what vanishes is skipped, and said once."""

import shutil

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.runs.finished_runs import experiment_runs
from simulations.runs.one_run import Store, make_run
from simulations.runs.store import NotFinishedError
from simulations.runs.store_inventory import garbage, stored_runs
from simulations.runs.verified_files import DamagedRunError
from tests.simulations.runs.helpers.tiny_runs import SWEEP, tiny
from validation.html_report.measured_lines import read_lines

SPECS = [tiny(alphas=3, seed=seed) for seed in (0, 1)]
VERBS = [("list",), ("verify",), ("gc", "--dry-run"), ("list", "--json")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    for spec in SPECS:
        make_run(spec, store)
    return store


@pytest.fixture
def store(made, tmp_path):
    return Store(shutil.copytree(made.folder, tmp_path / "store"))


STEPS = ["spec", "is_finished", "provenance", "_provenance_bytes", "_recorded", "_problems", "_load"]
STEPS += ["_verified"]


def meddle(monkeypatch, step, how, *, before):
    """At the first use of this step for the first run, another process removes it, or makes it again."""
    name, original, done = SPECS[0].name, getattr(Store, step), []

    def meddling(self, run, *rest):
        asked = run if isinstance(run, str) else run.name

        def act():
            if asked == name and not done:
                done.append(step)
                how(self)

        if before:
            act()
        found = original(self, run, *rest)
        act()
        return found

    monkeypatch.setattr(Store, step, meddling)
    return done


def remove(store):
    Store.remove(store, SPECS[0])


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_vanishes_at_any_step_is_skipped_and_said_once(store, monkeypatch, step, before):
    def read(folder):
        shown = [{"run": spec.name, "status": "reached", "arm": "a"} for spec in SPECS]
        return read_lines(folder, shown)

    keep = store.folder.parent / "keep"
    shutil.copytree(store.path(SPECS[0]), keep)
    for words in (*VERBS, None):
        if not store.path(SPECS[0]).exists():
            shutil.copytree(keep, store.path(SPECS[0]))
        with monkeypatch.context() as patch:
            done = meddle(patch, step, remove, before=before)
            if words is None:
                if step in ("spec", "_problems", "_load", "provenance"):
                    continue
                with pytest.MonkeyPatch.context():
                    try:
                        lines = read(store.folder)
                    except UserWarning:  # pytest makes an error of the one that is said
                        continue
                assert {line.arm for line in lines} <= {"a"}
                continue
            found = CliRunner().invoke(app, ["runs", *words, "--store", str(store.folder)])
        assert found.exit_code == 0, (found.output, found.exception)
        assert SPECS[0].name not in found.stderr or found.stderr.count("\n") == 1
        assert found.stderr.count("vanished") <= 1
        if done and SPECS[0].name not in found.stdout and "list" in words:
            assert "1 run vanished" in found.stderr
        if words == ("verify",):
            assert "0 problems" in found.stdout


def test_a_run_that_is_made_again_while_it_is_read_is_no_damage(store, monkeypatch):
    other = store.folder.parent / "other"
    shutil.copytree(store.path(SPECS[0]), other)
    provenance = other / "provenance.json"
    recorded = store.provenance(SPECS[0])

    def again(self):
        """As a sweep repairs it: gone, then other bytes with other digests."""
        from simulations.runs.provenance_file import provenance_text
        from simulations.runs.verified_files import digest

        remove(self)
        (other / "curves" / "linear.nc").write_bytes((other / "curves" / "endpoints.nc").read_bytes())
        digests = recorded["digests"] | {
            "curves/linear.nc": digest((other / "curves" / "linear.nc").read_bytes())
        }
        provenance.write_text(provenance_text(recorded | {"digests": digests, "time": "later"}))
        shutil.copytree(other, self.path(SPECS[0]))

    done = meddle(monkeypatch, "_problems", again, before=True)
    assert store.problems(SPECS[0]) == []
    assert done


def test_real_damage_is_still_told(store):
    store.path(SPECS[0], "history.nc").write_bytes(b"damaged")
    assert len(store.problems(SPECS[0])) == 1
    with pytest.raises(DamagedRunError, match=r"history\.nc"):
        store.load(SPECS[0])
    assert [run.name for run in garbage(store)] == [SPECS[0].name]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_show_of_a_run_that_vanishes_is_one_line(store, monkeypatch, words):
    meddle(monkeypatch, "spec", remove, before=False)
    found = CliRunner().invoke(app, ["runs", "show", SPECS[0].name, *words, "--store", str(store.folder)])
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1
    assert "vanished" in found.stderr


def test_an_experiment_is_read_without_the_runs_that_vanish(tmp_path, monkeypatch):
    file = tmp_path / "tiny.toml"
    file.write_text(SWEEP.replace("[2, 3]", "[2]").replace("alphas = 5", "alphas = 3"))
    store = Store(tmp_path / "store")
    store.prepare()
    for spec in SPECS:
        make_run(spec, store)
    meddle(monkeypatch, "_load", remove, before=True)
    with pytest.warns(UserWarning, match="1 run vanished from .*it is left out"):
        (left,) = experiment_runs(store, str(file))
    assert left.attrs["run"] == SPECS[1].name


def test_the_error_of_a_run_that_is_not_there_reads_like_words(store):
    with pytest.raises(NotFinishedError, match=r"^run none is not in .*, or not finished$"):
        store.provenance("none")
    assert [run.name for run in stored_runs(store)] == sorted(spec.name for spec in SPECS)
