"""Several splits walked in one sweep."""

import numpy as np
import pytest

from simulations.curves.logit_paths import logit_path
from simulations.curves.one_path import interpolation_curves


@pytest.mark.parametrize(
    "options",
    [{"method": "grid", "alphas": 7}, {"alphas": 201, "error_tolerance": 0.03}],
    ids=["grid", "adaptive"],
)
def test_several_splits_are_one_sweep_of_the_weights(trained, digits, options):
    run = trained.model, trained.start, trained.end
    splits = {"train": (digits.inputs[:400], digits.labels[:400])}
    splits["test"] = digits.inputs[400:], digits.labels[400:]
    seen = []

    def linear(name, alpha):
        if name == "1.weight":  # asked once whenever the weights are moved
            seen.append(alpha)
        return alpha

    both = interpolation_curves(*run, splits, path=linear, **options)
    # Before the work the weights are at the start and in the middle, to see whether the network draws there.
    assert seen[:2] == [0.0, 0.5]
    moves, seen[:] = seen[2:], []
    for name, data in splits.items():
        alone = interpolation_curves(*run, data, path=linear, **options)
        for quantity in ("loss", "error", "class_share", "class_error"):
            np.testing.assert_array_equal(both[quantity].sel(split=name), alone[quantity])
        assert both.forward_passes.sel(split=name) == alone.attrs["forward_passes"]
    # Alone, both splits need the first levels' 9 + 8 alphas, and all of a grid.
    assert len(seen) - 2 * 2 - len(moves) >= min(17, options["alphas"])
    if "method" in options:
        assert moves == [*np.linspace(0, 1, 7)]


def test_splits_are_named(trained, digits):
    run = trained.model, trained.start, trained.end
    for splits in ({"": digits}, {1: digits, "1": digits}):
        with pytest.raises(ValueError, match="splits must have different names"):
            interpolation_curves(*run, splits)
    with pytest.raises(ValueError, match="no splits"):
        interpolation_curves(*run, {})
    with pytest.raises(ValueError, match="one data set, got the splits 'train'"):
        logit_path(*run, {"train": digits})
