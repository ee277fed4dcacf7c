"""Where a figure's data come from: the store, else the package, else a command that makes them."""

import numpy as np
import pytest
import xarray as xr

from paper_figures import sources
from paper_figures.catalogue import FIGURES, figure_names
from paper_figures.figure_files import write_figure
from paper_figures.sources import NoDataError, collect_data, figure_data, figure_module
from tests.paper_figures.helpers.planted_runs import accuracy, experiment


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An empty folder in place of the package's data."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(sources, "SHIPPED", folder)
    return folder


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of planted runs, and line-accuracy.nc beside it."""
    folder = tmp_path / "results" / "store"
    folder.mkdir(parents=True)
    accuracy().to_netcdf(folder.parent / "line-accuracy.nc", engine="h5netcdf")

    def runs(where, name, form):
        assert form == "quick"
        return experiment(name) if where == folder else []

    monkeypatch.setattr(sources, "_runs", runs)
    return folder


def test_what_the_store_has_is_drawn_from_it_without_a_label(store, shipped):
    found = figure_data("F2", store)
    assert found.attrs["shipped"] == ""
    assert found.attrs["experiments"] == "star"
    assert found.attrs["dates_of_runs"] == "2020-01-02"
    assert found.attrs["seeds"] == "200 201 202"
    assert len(found.attrs["runs"].split()) == found.attrs["n_runs"] == 9
    assert figure_data("F10", store).attrs["shipped"] == ""


def test_without_a_store_the_shipped_data_are_drawn_and_labelled(store, shipped, tmp_path):
    collect_data(shipped, ("F2",), store)
    own = figure_data("F2", store)
    found = figure_data("F2", tmp_path / "no-store")
    assert found.attrs["shipped"] == xr.load_dataset(shipped / "F2.nc", engine="h5netcdf").attrs["made"]
    xr.testing.assert_equal(found, own)
    assert figure_data("F2", store, shipped=True).attrs["shipped"]
    assert not (tmp_path / "no-store").exists()  # looking makes no folder


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("F4", "`mli sweep depth_and_bias` and `mli sweep initial_scale` make them"),
        ("F7", "`mli simulate power-model --experiment plateau-laws` makes them"),
        ("F10", "`python -m benchmarks.line_accuracy` makes them"),
    ],
)
def test_without_any_data_the_command_that_makes_them_is_named(shipped, tmp_path, name, command):
    with pytest.raises(NoDataError, match=command):
        figure_data(name, tmp_path / "no-store")
    assert list(tmp_path.iterdir()) == [shipped]


def test_runs_of_which_none_can_be_drawn_are_no_data(shipped, store, monkeypatch):
    no_gain = [run.drop_vars("gain") for run in experiment("star")]
    monkeypatch.setattr(sources, "_runs", lambda *_: no_gain)
    with pytest.raises(NoDataError, match="F2 has no data"):
        figure_data("F2", store)


def test_collected_data_are_kilobytes_and_draw_the_same_figure(store, tmp_path):
    names = ("F2", "F6", "F9", "F10")
    folder = tmp_path / "collected"
    written = collect_data(folder, names, store)
    for name in names:
        assert written[name] == folder / f"{name}.nc"
        assert written[name].stat().st_size < 200_000
        kept = xr.load_dataset(written[name], engine="h5netcdf")
        assert figure_module(name).caption(kept) == figure_module(name).caption(figure_data(name, store))
    own = write_figure(tmp_path / "own", "F6", figure_data("F6", store), ("pdf",))
    again = write_figure(
        tmp_path / "again", "F6", xr.load_dataset(folder / "F6.nc", engine="h5netcdf"), ("pdf",)
    )
    assert own[0].read_bytes() == again[0].read_bytes()


def test_collecting_from_nothing_keeps_what_is_there(shipped, tmp_path):
    (shipped / "F4.nc").write_bytes(b"of before")
    written = collect_data(shipped, ("F4",), tmp_path / "no-store")
    assert isinstance(written["F4"], NoDataError)
    assert (shipped / "F4.nc").read_bytes() == b"of before"


@pytest.mark.parametrize("name", [name for name in FIGURES if sources.shipped_data(name) is not None])
def test_what_the_package_ships_can_be_drawn(name, tmp_path):
    found = sources.shipped_data(name)
    assert found.attrs["figure"] == name
    assert found.nbytes < 500_000
    figure, text, page = write_figure(tmp_path, name, found, ("png",))
    assert page.read_text().startswith(f"# {name}: ")
    assert figure.stat().st_size > 5_000
    assert text.read_text().startswith(f"{name}. ")
    assert np.isfinite(next(values for values in found.data_vars.values() if values.dtype.kind == "f")).any()


def test_a_figure_of_a_recorded_table_is_not_collected_a_second_time(shipped, store):
    written = collect_data(shipped, ("F14",), store)
    assert "`mli runs record validation/recorded regime_map --store" in str(written["F14"])
    assert not list(shipped.iterdir())
    assert figure_data("F14", store, shipped=True).attrs["experiment"] == "regime_map"


def test_names():
    assert figure_names(()) == tuple(FIGURES)
    assert figure_names(["f10", "F2", "F2"]) == ("F2", "F10")
    with pytest.raises(ValueError, match="no figure 'F99': choose from F1, F2"):
        figure_names(["F99"])
