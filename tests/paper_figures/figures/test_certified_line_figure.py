"""F15: the bands drawn are the bounds, the grey interval the plateau, the dots the measured curve."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import Rectangle

from paper_figures.figures import f15_certified_line
from tests.paper_figures.helpers.drawn import drawn, line

CELLS, LOSS_CELLS = 16, 32


def planted():
    """Two networks: error 0.9 to 0, one sample in ten undecided in a cell; a plateau on the first alone."""
    error = np.linspace(0.9, 0.0, CELLS)
    one = xr.Dataset(
        {
            "error_lower": ("cell", error),
            "error_upper": ("cell", error + 0.1),
            "loss_lower": ("loss_cell", np.linspace(2.0, 0.1, LOSS_CELLS)),
            "loss_upper": ("loss_cell", np.linspace(2.5, 0.2, LOSS_CELLS)),
            "error": ("alpha", [0.95, 0.5, 0.05]),
            "loss": ("alpha", [2.2, 1.1, 0.15]),
            "plateau": ("edge", [0.1, 0.3]),
            "no_plateau": 0,
            "label": 3,
        },
        coords={"alpha": [0.0, 0.5, 1.0]},
    )
    none = one.assign(plateau=("edge", [np.nan, np.nan]), no_plateau=1)
    both = xr.concat([one.assign_coords(network="held"), none.assign_coords(network="never")], "network")
    return both.assign_attrs(data="10 digits")


def band_of(ax, alpha):
    """Lowest and highest point of the one filled band just right of alpha."""
    (band,) = ax.collections
    points = band.get_paths()[0].vertices
    xs = np.unique(points[:, 0])
    left, right = xs[xs <= alpha][-1], xs[xs > alpha][0]
    ys = [y for x, y in points if x == left], [y for x, y in points if x == right]
    inside = sorted(set(np.round(ys[0], 12)) & set(np.round(ys[1], 12)))
    return inside[0], inside[-1]


@pytest.mark.parametrize(("rows", "name", "cells"), [((0, 2), "error", CELLS), ((1, 3), "loss", LOSS_CELLS)])
def test_the_bands_are_the_bounds_of_each_cell_and_the_dots_the_curve(rows, name, cells):
    dataset, axes = drawn(f15_certified_line, planted())
    for row in rows:
        for column in range(2):
            ax = axes[row, column]
            for cell in (0, 1, cells // 2, cells - 1):
                low, high = band_of(ax, (cell + 0.5) / cells)
                assert low == pytest.approx(float(dataset[f"{name}_lower"][column, cell]))
                assert high == pytest.approx(float(dataset[f"{name}_upper"][column, cell]))
            dots = line(ax, "measured")
            np.testing.assert_array_equal(dots.get_xdata(), [0.0, 0.5, 1.0])
            np.testing.assert_array_equal(dots.get_ydata(), dataset[name][column])
        upto = 1 if row < 2 else f15_certified_line.START
        low, high = axes[row, 0].get_xlim()
        assert -0.03 * upto < low < 0 < upto < high < 1.03 * upto


def test_the_plateau_is_grey_where_one_is_proved_and_its_page_tells_it():
    dataset, axes = drawn(f15_certified_line, planted())
    for row in (0, 2):
        (span,) = [p for p in axes[row, 0].patches if isinstance(p, Rectangle)]
        assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx((0.1, 0.3))
        assert not axes[row, 1].patches
    words = " ".join(f15_certified_line.details(dataset))
    assert "held: plateau proved on [0.1, 0.3]; the bands are 0.1 (error) and 0.3 nats (loss)" in words
    assert "never: proved that at every alpha some sample is not on that class" in words
    open_ = dataset.assign(no_plateau=("network", [0, 0]))
    assert "never: no plateau proved" in " ".join(f15_certified_line.details(open_))


def test_data_without_a_band_are_refused_and_told_who_makes_them():
    with pytest.raises(ValueError, match="loss_upper is missing: python -m benchmarks"):
        f15_certified_line.collect(planted().drop_vars("loss_upper"))
