"""A written curve reads back as the same numbers."""

import csv

import numpy as np
import pytest
import xarray as xr

from simulations.curves.files import save_curve


@pytest.fixture
def curve():
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "loss": ("alpha", rng.normal(size=7)),
            "class_share": (("alpha", "predicted_class"), rng.random((7, 3))),
            "bias_exit": ("sample", rng.random(5)),
        },
        coords={"alpha": np.linspace(0, 1, 7), "predicted_class": [0, 1, 2]},
        attrs={"path": "linear", "start": "two\nlines", "n_samples": 5},
    )


def test_netcdf_keeps_everything(tmp_path, curve):
    save_curve(tmp_path / "c.nc", curve)
    with xr.open_dataset(tmp_path / "c.nc", engine="h5netcdf") as found:
        xr.testing.assert_identical(found.load(), curve)


def test_csv_reads_back_to_the_last_bit(tmp_path, curve):
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
