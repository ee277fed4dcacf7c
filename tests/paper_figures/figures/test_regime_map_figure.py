"""F14: colours and numbers are means over seeds, lines the borders, marks the runs that missed."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle

from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.figures import f14_regime_map
from tests.paper_figures.helpers.drawn import drawn
from tests.validation.regimes.helpers.planted_map import pair, planted_map
from validation.regimes import BORDER

OF_RUNS = {"max_epochs": 200, "torch_version": "none", "form": "quick", "made": "2020-01-02"}


def stamped(runs):
    for run in runs:
        run.attrs |= OF_RUNS
    return runs


@pytest.fixture(scope="module")
def whole():
    return drawn(f14_regime_map, stamped(planted_map()))


def mesh(ax):
    (found,) = [part for part in ax.collections if isinstance(part, QuadMesh)]
    return found.get_array().reshape(2, 3)


def test_every_panel_shows_the_planted_means(whole):
    _, axes = whole
    assert axes.shape == (2, 3)
    effect = np.array([[0.0, 0.0, 0.0], [0.2, 0.2, 0.0]])  # depths 2 and 8, scales 0.4, 0.5, 1
    for row in axes:
        np.testing.assert_allclose(mesh(row[0]), 0.2 + effect)
        np.testing.assert_allclose(mesh(row[1]), 0.1 + effect)
        np.testing.assert_allclose(mesh(row[2]), effect, atol=1e-12)
        words = [text.get_text() for text in row[1].texts]
        assert words == [".10", ".10", ".10", ".30", ".30", ".10"]


def test_the_measured_border_runs_along_the_cells_that_have_a_plateau(whole):
    _, axes = whole
    black = [
        tuple(map(tuple, np.array(line.get_data()).T))
        for line in axes[0, 2].get_lines()
        if line.get_linewidth() == f14_regime_map.MEASURED["linewidth"] and len(line.get_xdata())
    ]
    assert set(black) == {((0, 1), (1, 1)), ((1, 1), (2, 1)), ((2, 1), (2, 2))}


def test_the_border_of_the_scale_is_where_its_formula_says(whole):
    _, axes = whole
    look = f14_regime_map.LOOKS["scale"]
    (line,) = [
        line
        for line in axes[0, 2].get_lines()
        if line.get_linestyle() == look["linestyle"] and len(line.get_xdata())
    ]
    x, y = line.get_data()
    scales = np.interp(x, [0.5, 1.5, 2.5], [0.4, 0.5, 1.0])
    depths = np.interp(y, [0.5, 1.5], [2, 8])
    np.testing.assert_allclose(scales**depths, BORDER, rtol=1e-6)
    assert len(x) > 10


def test_cells_that_missed_are_hatched_or_crossed_and_counted():
    runs = [
        *pair(2, 0.4, 400, effect=0.0),
        *pair(8, 0.4, 400, effect=0.2, status="stagnated"),
        *pair(2, 1.0, 400, effect=0.0),
        *pair(8, 1.0, 400, effect=0.1),
        *pair(8, 1.0, 401, effect=0.1, status="stagnated"),
    ]
    dataset, axes = drawn(f14_regime_map, stamped(runs))
    for ax in axes[0]:
        hatched = [p.get_xy() for p in ax.patches if isinstance(p, Rectangle) and p.get_width()]
        assert hatched == [(0, 1)]  # depth 8 at 0.4
        crosses = [
            (line.get_xdata()[0], line.get_ydata()[0])
            for line in ax.get_lines()
            if line.get_marker() == "x" and len(line.get_xdata())
        ]
        assert [(int(x), int(y)) for x, y in crosses] == [(1, 1)]  # depth 8 at 1
    assert "(4 of 10)" in f14_regime_map.caption(dataset)
    # No border is drawn along a cell that is not known: only below and left of depth 8 at 1 (effect 0.1).
    black = [
        tuple(map(tuple, np.array(line.get_data()).T))
        for line in axes[0, 2].get_lines()
        if line.get_linewidth() == f14_regime_map.MEASURED["linewidth"] and len(line.get_xdata())
    ]
    assert black == [((1, 1), (2, 1))]


def test_the_caption_is_short_and_counts_the_plateaus(whole):
    dataset, _ = whole
    words = f14_regime_map.caption(dataset)
    assert len(words.split()) < 120
    assert "exceeded in 4 of 12 cells" in words
    assert "seeds 400, 401" in words
    assert "A part of the map: 312 runs are not there yet." in words  # of the quick form's 360
    whole_map = dataset.assign_attrs(planned_runs=48)
    assert "part of the map" not in f14_regime_map.caption(whole_map)


def test_a_map_without_one_kind_of_network_is_no_map():
    with pytest.raises(NothingToDrawError, match="with and without a last-layer bias"):
        f14_regime_map.collect(stamped([run for run in planted_map() if run.attrs["bias_mode"] == "last"]))
