"""A written curve reads back as the same numbers."""

import csv

import numpy as np
import pytest
import xarray as xr

from simulations.curves.files import save_curve
from simulations.curves.one_path import interpolation_curves


@pytest.fixture
def curve():
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "loss": ("alpha", rng.normal(size=7)),
            "class_share": (("alpha", "predicted_class"), rng.random((7, 3))),
            "bias_exit": ("sample", rng.random(5)),
            "sample_correct": (("alpha", "sample"), rng.random((7, 5)) < 0.5),
        },
        coords={"alpha": np.linspace(0, 1, 7), "predicted_class": [0, 1, 2]},
        attrs={"path": "linear", "start": "two\nlines", "n_samples": 5},
    )


def test_netcdf_keeps_everything(tmp_path, curve):
    save_curve(tmp_path / "c.nc", curve)
    with xr.open_dataset(tmp_path / "c.nc", engine="h5netcdf") as found:
        xr.testing.assert_identical(found.load(), curve)


@pytest.fixture
def splits(curve):
    """Of two splits, one of them shorter; what differs between them by name."""
    names = xr.DataArray(["a", "b"], dims="split", name="split")
    both = xr.concat([curve, 2 * curve], dim=names)
    both["data_hash"] = ("split", ["0f", "f0"])
    both["n_samples"] = ("split", [5, 4])
    both["bias_exit"][1, 4] = np.nan
    return both


@pytest.mark.parametrize("which", ["curve", "splits"])
def test_csv_holds_every_number_of_every_variable(tmp_path, which, request):
    curve = request.getfixturevalue(which)
    save_curve(tmp_path / "c.csv", curve)
    lines = (tmp_path / "c.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    dims = [name for name in rows[0] if name not in ("quantity", "value")]
    assert sorted(dims) == sorted(curve.dims)
    found = {(row["quantity"], *(row[dim] for dim in dims)): row["value"] for row in rows}
    numbers = [name for name in curve if name != "data_hash"]
    assert len(found) == len(rows) == sum(curve[name].size for name in numbers)
    for name in numbers:
        for place in np.ndindex(curve[name].shape):
            at = dict(zip(curve[name].dims, place, strict=True))
            key = (str(curve[dim].values[at[dim]]) if dim in at else "" for dim in dims)
            np.testing.assert_equal(float(found[name, *key]), float(curve[name].values[place]))
    assert ("# data_hash of split b: f0" in lines) == (which == "splits")


def test_csv_of_two_splits_has_what_netcdf_has(tmp_path, trained, digits):
    run = trained.model, trained.start, trained.end
    parts = {
        "train": (digits.inputs[:300], digits.labels[:300]),
        "test": (digits.inputs[300:340], digits.labels[300:340]),
    }
    curves = interpolation_curves(*run, parts, alphas=3, exits=True, samples=True)
    save_curve(tmp_path / "c.csv", curves)
    with (tmp_path / "c.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    numeric = {str(name) for name in curves if curves[name].dtype.kind not in "OSU"}
    assert {row["quantity"] for row in rows} == numeric >= {"class_share", "class_error", "bias_exit"}
    wanted = ("class_error", "test", "0.5", "7")
    value = next(r["value"] for r in rows if (r["quantity"], r["split"], r["alpha"], r["label"]) == wanted)
    assert float(value) == curves.class_error.sel(split="test", alpha=0.5, label=7)


def test_csv_reads_back_to_the_last_bit(tmp_path, curve):
    curve = curve.drop_dims("sample")
    save_curve(tmp_path / "c.csv", curve)
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[:3] == ["# path: linear", "# start: two lines", "# n_samples: 5"]
    rows = list(csv.DictReader(lines[3:]))
    assert list(rows[0]) == ["alpha", "loss", "class_share_0", "class_share_1", "class_share_2"]
    np.testing.assert_array_equal([float(row["alpha"]) for row in rows], curve["alpha"])
    np.testing.assert_array_equal([float(row["loss"]) for row in rows], curve["loss"])
    np.testing.assert_array_equal([float(row["class_share_2"]) for row in rows], curve["class_share"][:, 2])


def test_another_suffix_is_refused_and_nothing_written(tmp_path, curve):
    with pytest.raises(ValueError, match=r"as .nc or .csv, got "):
        save_curve(tmp_path / "c.xlsx", curve)
    assert not list(tmp_path.iterdir())
