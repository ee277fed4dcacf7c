"""A sealed file is whole, or it is told to be damaged before it is parsed: every bit of it."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given
from hypothesis import strategies as st

from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.sealed_files import (
    DamagedFileError,
    read_sealed_netcdf,
    seal,
    unseal,
)


def dataset():
    return xr.Dataset(
        {"loss": ("alpha", np.array([1.0, 0.25]))}, {"alpha": [0.0, 1.0]}, {"note": "two points"}
    )


@given(st.binary(), st.integers(0), st.integers(0, 7))
@example(b"", 0, 0)
def test_what_was_sealed_comes_back_and_with_any_bit_flipped_it_does_not(content, at, bit):
    whole = seal(content)
    assert unseal(whole, "a.nc") == content
    damaged = bytearray(whole)
    damaged[at % len(whole)] ^= 1 << bit
    with pytest.raises(DamagedFileError, match=r"a\.nc is not what was written"):
        unseal(bytes(damaged), "a.nc")


@given(st.binary(), st.integers(1))
def test_a_file_that_was_cut_or_has_no_digest_is_damaged(content, cut):
    whole = seal(content)
    for damaged in (whole[: len(whole) - 1 - cut % len(whole)], content, whole + b"\n"):
        with pytest.raises(DamagedFileError):
            unseal(damaged, "a.nc")


def test_every_bit_of_a_netcdf_file_is_covered_and_other_readers_still_read_it(tmp_path):
    path = tmp_path / "new" / "a.nc"
    write_netcdf(path, dataset(), sealed_by=seal)
    assert read_sealed_netcdf(path).identical(dataset())
    for engine in ("h5netcdf", "netcdf4"):
        assert xr.load_dataset(path, engine=engine).identical(dataset())
    whole = path.read_bytes()
    for at in range(0, len(whole), 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with pytest.raises(DamagedFileError):
            read_sealed_netcdf(path)
    write_netcdf(path, dataset())  # not sealed
    with pytest.raises(DamagedFileError):
        read_sealed_netcdf(path)
    with pytest.raises(FileNotFoundError):
        read_sealed_netcdf(tmp_path / "nowhere.nc")
