"""A curve comes from the cache only where everything it depends on is the same."""

import pytest

from simulations.curves import interpolation_curves
from simulations.datasets import load


def test_the_cache_is_keyed_by_content(trained, digits, tmp_path, monkeypatch):
    run = trained.model, trained.start, trained.end
    first = interpolation_curves(*run, digits, alphas=101, error_tolerance=0.05, cache=tmp_path)
    monkeypatch.setattr("simulations.curve_engine.follow_batch", None)  # a call would now fail
    again = interpolation_curves(*run, digits, alphas=101, error_tolerance=0.05, cache=tmp_path)
    assert again.equals(first)
    assert again.attrs.keys() == first.attrs.keys()
    other = trained.end | {"11.bias": trained.end["11.bias"] + 1e-3}
    for changed in ((run[0], run[1], other, digits), (*run, load("digits", limit=500))):
        with pytest.raises(TypeError, match="not callable"):
            interpolation_curves(*changed, alphas=101, error_tolerance=0.05, cache=tmp_path)
    with pytest.raises(ValueError, match="callable cannot be told"):
        interpolation_curves(*run, digits, path=lambda _, alpha: alpha, cache=tmp_path)
