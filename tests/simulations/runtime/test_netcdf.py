"""Files written and read by netCDF4 against what h5netcdf reads and writes."""

import errno
import io
import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr

from simulations.runs.one_run import Store, make_run
from simulations.runtime.netcdf import dataset_from_bytes, write_netcdf
from tests.simulations.runs.helpers.tiny_runs import tiny


@pytest.fixture(scope="module")
def files(tmp_path_factory, early):
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


def sample():
    return xr.Dataset(
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


def test_what_our_files_may_hold(tmp_path):
    sample().to_netcdf(tmp_path / "file.nc", engine="h5netcdf")
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


def written(folder):
    """The sample, plain and packed, as their bytes."""
    packed = {"a": {"zlib": True, "complevel": 9}}
    for name, encoding in (("plain", None), ("packed", packed)):
        write_netcdf(folder / f"{name}.nc", sample(), encoding=encoding)
    return [(folder / f"{name}.nc").read_bytes() for name in ("plain", "packed")]


@pytest.fixture(scope="module")
def early(tmp_path_factory):
    """Before the runs of `files`, which take seconds: HDF5 may keep the second of a file's making."""
    return written(tmp_path_factory.mktemp("early"))


def test_the_same_dataset_gives_the_same_bytes_at_any_time(early, files, tmp_path):
    assert written(tmp_path) == early
    for content in early:
        xr.testing.assert_identical(dataset_from_bytes(content), sample())
        xr.testing.assert_identical(by_h5netcdf(content), sample())


def test_what_the_library_cannot_write_is_an_os_error(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("NetCDF: HDF error")

    monkeypatch.setattr(xr.Dataset, "dump_to_store", fails)
    with pytest.raises(OSError, match=r"NetCDF: HDF error.*content\.nc"):
        write_netcdf(tmp_path / "file.nc", sample())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_names_the_folder(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(OSError, match=f"the folder {tmp_path} cannot be written") as raised:
            write_netcdf(tmp_path / "x.nc", xr.Dataset({"x": ("i", np.arange(1e3))}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())
