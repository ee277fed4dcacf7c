"""Runs that were really trained: what the store gives is what the figures take."""

import pytest

from paper_figures import sources
from paper_figures.sources import figure_data, load_experiments
from simulations.runs import finished_runs
from simulations.runs.one_run import make_run
from simulations.runs.store import Store
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import PlannedRun, Sweep


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two networks of a second: a star of one seed."""
    folder = tmp_path_factory.mktemp("results") / "store"
    runs = [PlannedRun(label, spec) for label, spec in _specs().items()]
    made = Store(folder)
    made.prepare()
    for run in runs:
        assert make_run(run.spec, made).status == "reached"
    return folder, Sweep("star", "two small runs", tuple(runs))


def _specs():
    common = {"limit": 100, "width": 16, "learning_rate": 0.1, "target_loss": 0.5}
    common |= {"depth": 3, "max_epochs": 200, "alphas": 21, "paths": ("linear", "homogeneous"), "seed": 0}
    return {
        "centre": RunSpec(**common),
        "bias-none": RunSpec(**common | {"bias": "none", "paths": ("linear",)}),
    }


@pytest.mark.parametrize("name", ["F1", "F2", "F8", "F9"])
def test_the_stores_runs_can_be_drawn(store, monkeypatch, name):
    folder, star = store
    monkeypatch.setattr(
        finished_runs, "read_sweep", lambda which, _: star if which == "star" else _none(which)
    )
    found = figure_data(name, folder)
    assert found.attrs["shipped"] == ""
    assert found.attrs["seeds"] == "0"
    assert set(found.attrs["runs"].split()) <= {run.spec.name for run in star.runs}
    assert found.attrs["dates_of_runs"].startswith("20")


def test_runs_read_together_are_those_read_one_by_one(store, monkeypatch):
    folder, star = store
    monkeypatch.setattr(
        finished_runs, "read_sweep", lambda which, _: star if which == "star" else _none(which)
    )
    loaded = load_experiments(("F2", "F8"), folder)
    assert {name: len(runs) for name, runs in loaded.items()} == {
        "star": 2,
        "initial_scale": 0,
        "imposed_bias": 0,
    }
    assert figure_data("F8", folder, loaded=loaded).identical(figure_data("F8", folder))
    # what a worker does where there are many
    monkeypatch.setattr(sources, "_MANY_RUNS", 0)
    monkeypatch.setattr(
        sources, "in_processes", lambda read, where, jobs, **_: (read(where, job) for job in jobs)
    )
    again = load_experiments(("F2", "F8"), folder)
    assert [run.attrs for run in again["star"]] == [run.attrs for run in loaded["star"]]


def _none(which):
    return Sweep(which, "nothing", ())
