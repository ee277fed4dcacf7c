"""Files read from their bytes, by netCDF4, against those read by what wrote them, h5netcdf."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr

from simulations.netcdf_reading import dataset_from_bytes
from simulations.runs import Store, make_run
from tests.simulations.tiny_runs import tiny


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of a run with all paths and a hidden bias, of one without a bias, and of one that missed."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    paths = ("linear", "homogeneous", "weights", "bias", "no_last_bias")
    specs = (tiny(bias="all", paths=paths), tiny(bias="none"), tiny(max_epochs=1))
    for spec in specs:
        make_run(spec, store)
    return [path for spec in specs for path in sorted(store.path(spec).rglob("*.nc"))]


def by_h5netcdf(content):
    return xr.load_dataset(io.BytesIO(content), engine="h5netcdf")


def test_every_file_of_a_run_reads_as_it_was_written(files):
    assert {path.name for path in files} >= {"history.nc", "endpoints.nc", "linear.nc", "no_last_bias.nc"}
    for path in files:
        content = path.read_bytes()
        read, expected = dataset_from_bytes(content), by_h5netcdf(content)
        xr.testing.assert_identical(read, expected)
        for name in expected.variables:
            assert read[name].dtype == expected[name].dtype


def test_what_our_files_may_hold(tmp_path):
    dataset = xr.Dataset(
        {
            "a": (("x", "y"), np.arange(6.0).reshape(2, 3), {"units": "nats"}),
            "with_nan": ("x", [np.nan, np.inf]),
            "counts": ("y", np.array([1, 2, 3], dtype=np.int64)),
            "scalar": 3,
            "one": ("single", [7.0]),
            "empty": ("nothing", np.zeros(0)),
        },
        coords={"x": ["left", "right"], "along_y": ("y", [0.1, 0.2, 0.3])},
        attrs={"words": "ü", "number": 2, "real": 0.5, "list": [1, 2]},
    )
    dataset.to_netcdf(tmp_path / "file.nc", engine="h5netcdf")
    content = (tmp_path / "file.nc").read_bytes()
    xr.testing.assert_identical(dataset_from_bytes(content), by_h5netcdf(content))


def test_threads_may_read_at_once(files):
    contents = [path.read_bytes() for path in files] * 3
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(dataset_from_bytes, contents))
    for read, path in zip(found, files * 3, strict=True):
        xr.testing.assert_identical(read, dataset_from_bytes(path.read_bytes()))


def test_what_is_no_file_is_an_error():
    with pytest.raises(OSError, match="Unknown file format"):
        dataset_from_bytes(b"not HDF5")
