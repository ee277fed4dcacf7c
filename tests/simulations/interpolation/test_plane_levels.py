"""A plane's splines are another library's, and its checks lie where the levels changed most."""

import numpy as np
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.interpolate import RectBivariateSpline

from simulations.interpolation.adaptive_rows import RowSums
from simulations.interpolation.plane_levels import CHECKS, check_points, plane_nodes, plane_sums


def test_values_between_nodes_are_those_of_a_two_dimensional_spline():
    rng = np.random.default_rng(19)
    values = rng.standard_normal((17, 17, 1, 3))
    places = np.linspace(0, 1, 21)

    def of_values(found, _rows):
        return found[:, 0], found[:, 0]

    sums = RowSums(of_values, lambda rows: rows, 3.0, counts=True)
    nodes = [plane_nodes(m) for m in (5, 9, 17)]
    found = plane_sums(torch.as_tensor(values), nodes, places, sums)
    by_level = []
    for every, level in zip((4, 2, 1), nodes, strict=True):
        rows = [
            RectBivariateSpline(level, level, values[::every, ::every, 0, row], s=0)(places, places)
            for row in range(3)
        ]
        by_level.append(np.array(rows))
    np.testing.assert_allclose(found.losses, by_level[-1].sum(axis=0), atol=1e-12)
    assert (found.wrong == (by_level[-1] <= 0).sum(axis=0)).all()
    assert (found.flips == ((by_level[-1] <= 0) != (by_level[-2] <= 0)).sum(axis=0)).all()
    changed = np.abs((by_level[-1] - by_level[-2]).sum(axis=0))
    on_nodes = np.ix_([0, 20], [0, 20])
    assert (found.systematic[on_nodes] < 1e-12).all()
    ratio = found.systematic[changed > 1e-6] / changed[changed > 1e-6]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert 0.1 <= ratio[0] <= 0.5
    assert found.loss_error(3.0) > found.without_loss_doubt().loss_error(3.0) == 0


@given(seed=st.integers(0, 999), r=st.integers(2, 60), m=st.sampled_from([5, 17, 33]))
@example(seed=0, r=51, m=17)
@example(seed=0, r=2, m=33)  # fewer points than cells
def test_the_checks_are_next_to_the_middles_of_the_cells_with_the_most_doubt(seed, r, m):
    places, doubt = np.linspace(0, 1, r), np.random.default_rng([19, seed]).exponential(size=(r, r))
    found = check_points(doubt, m, places)
    assert 1 <= len(found) == len(set(found)) <= CHECKS
    assert all(0 <= i < r and 0 <= j < r for i, j in found)
    # By a plain loop: every cell's most doubt, and the point of the grid that is nearest to its middle.
    most = {}
    for i, u in enumerate(places):
        for j, v in enumerate(places):
            cell = min(int(u * (m - 1)), m - 2), min(int(v * (m - 1)), m - 2)
            most[cell] = max(most.get(cell, 0.0), doubt[i, j])
    cells = sorted(most, key=most.get, reverse=True)[:CHECKS]
    nearest = {
        tuple(min(range(r), key=lambda i: abs(places[i] - (k + 0.5) / (m - 1))) for k in cell)
        for cell in cells
    }
    assert set(found) == nearest
