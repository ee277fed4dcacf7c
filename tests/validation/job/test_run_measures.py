"""The measures of all runs of a store: against the stored curves and states, read plainly."""

import math
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from paper_figures.figures import f24_measures
from paper_figures.sources import figure_data
from simulations.runs.one_run import Store, make_run
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.python_topics import topics_digest
from simulations.specs.run_spec import RunSpec
from tests.paper_figures.helpers.drawn import drawn_dataset
from tests.simulations.runs.helpers.tiny_runs import tiny
from validation.job.run_gauss_length import run_gauss_length
from validation.job.run_measures import MEASURES, measure_runs

SPECS = (
    tiny(),
    tiny(depth=3, seed=1),
    tiny(target_loss=1e-9, max_epochs=1),  # stagnates: no line
    RunSpec(
        data="pydoc_topics", text_digest=topics_digest(), limit=2, network="lstm", depth=1, width=4, seed=0,
        learning_rate=0.1, max_epochs=1, alphas=5, method="grid",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("results") / "store")
    store.prepare()
    for spec in SPECS:
        make_run(spec, store)
    return store


def test_each_measure_is_that_of_the_stored_curve_and_states(store):
    found = measure_runs(store)
    assert found["run"].values.tolist() == sorted(spec.name for spec in SPECS if spec is not SPECS[2])
    assert found.attrs["without_line"] == 1
    assert found.attrs["without_gauss_length"] == 1
    for spec in SPECS[:2]:
        row = found.sel(run=spec.name)
        loss = store.load(spec)["loss"].values[0]
        rise = max([0.0] + [loss[j] - loss[i] for i in range(5) for j in range(i + 1, 5)])
        assert float(row["max_rise"]) == float(row["bump_height"]) == rise
        assert float(row["relative_rise"]) == rise / (loss[0] - loss[-1])
        assert float(row["local_convexity"]) == np.mean(
            [loss[i - 1] - 2 * loss[i] + loss[i + 1] >= 0 for i in (1, 2, 3)]
        )
        assert float(row["gauss_length"]) == run_gauss_length(store, spec) > 0
        start, end = store.state(spec, "start"), store.state(spec, "end")
        squares = {name: float(((end[name].double() - start[name].double()) ** 2).sum()) for name in end}
        assert float(row["distance_moved"]) == pytest.approx(math.sqrt(sum(squares.values())), rel=1e-12)
        began = sum(float((tensor.double() ** 2).sum()) for tensor in start.values())
        assert float(row["distance_normalised"]) == pytest.approx(
            math.sqrt(sum(squares.values()) / began), rel=1e-12
        )
        assert float(row["distance_by_layer"][0]) == pytest.approx(math.sqrt(squares["1.weight"]), rel=1e-12)
        assert np.isfinite(row["distance_by_layer"].values).sum() == spec.depth
    assert math.isnan(float(found["gauss_length"].sel(run=SPECS[3].name)))
    assert float(found["distance_moved"].sel(run=SPECS[3].name)) > 0


def test_the_command_writes_what_the_figure_draws(store):
    said = CliRunner().invoke(app, ["runs", "measures", "--store", str(store.folder)])
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert lines[0].split()[-len(MEASURES) :] == list(MEASURES)
    assert sum(line.startswith(tuple(spec.name for spec in SPECS)) for line in lines) == 3
    written = store.folder.parent / "run-measures.nc"
    assert written.is_file()
    assert "distance_moved" in (written.with_suffix(".csv")).read_text()
    dataset = figure_data("F24", store.folder)
    assert dataset.attrs["source"] == f"data of {written}"
    drawn_dataset(f24_measures, dataset)
    words = f24_measures.caption(dataset)
    assert "3 runs" in words
    told = " ".join(f24_measures.details(dataset))
    assert "1 further runs have no line, and 1 no Gauss length" in told


def test_a_store_without_lines_is_refused_in_one_line(tmp_path):
    store = Store(tmp_path / "store")
    store.prepare()
    make_run(SPECS[2], store)
    said = CliRunner().invoke(app, ["runs", "measures", "--store", str(store.folder)])
    assert said.exit_code == 2
    assert "has a linear path: there is nothing to measure" in said.output
    assert not (tmp_path / "run-measures.nc").exists()


def test_a_damaged_spec_is_named_and_leads_to_no_other_run(store, tmp_path):
    shutil.copytree(store.folder, tmp_path / "store")
    copy = Store(tmp_path / "store")
    file = copy.path(SPECS[1], "spec.toml")
    file.write_text(file.read_text().replace("seed = 1", "seed = 7"))
    with pytest.raises(DamagedRunError, match=rf"{SPECS[1].name}/spec\.toml is not what was written"):
        measure_runs(copy)


@pytest.mark.parametrize("name", ["run-measures.nc", "run-measures.csv"])
def test_a_file_that_cannot_be_written_is_found_before_the_measuring(store, name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.setattr("validation.job.run_measures.measure_runs", lambda _: pytest.fail("it was measured"))
    words = ["runs", "measures", "--store", str(store.folder), "--output", str(tmp_path)]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 1
    assert f"{name} is a folder itself" in ran.stderr
