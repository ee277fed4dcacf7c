"""Metrics against brute force that follows the definitions word by word."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mli.testing import curves
from validation.metrics.curve_shape import (
    HeldInterval,
    barrier,
    bumps,
    global_convexity,
    held_interval,
    local_convexity,
    max_rise,
    plateau_end,
)

# A coarse lattice makes ties, the case that definitions differ on, common.
LATTICE = st.integers(-4, 4).map(lambda i: i / 4)
VALUES = curves().map(lambda curve: curve.values.tolist())


def grid(n):
    return np.linspace(0, 1, n) if n > 1 else np.array([0.0])


@given(VALUES)
@example([1.0, 0.5, 0.6])  # the rise is the last step
@example([1.0])
def test_max_rise_is_the_largest_rise_over_all_pairs(values):
    pairs = [values[j] - values[i] for j in range(len(values)) for i in range(j)]
    assert max_rise(values) == max([0.0, *pairs])


@given(VALUES, st.data())
def test_a_nan_anywhere_makes_every_metric_of_the_curve_undefined(values, data):
    values.insert(data.draw(st.integers(0, len(values))), math.nan)
    alphas = grid(len(values))
    assert math.isnan(max_rise(values))
    assert math.isnan(barrier(values))
    assert math.isnan(plateau_end(alphas, values))
    assert math.isnan(local_convexity(alphas, values))
    assert math.isnan(global_convexity(alphas, values))
    (undefined,) = bumps(alphas, values)
    assert all(math.isnan(number) for number in undefined)


@pytest.mark.parametrize(
    ("values", "rise"), [([1, math.inf], math.inf), ([math.inf, math.inf, 0], 0), ([-math.inf, -math.inf], 0)]
)
def test_max_rise_of_an_overflowed_loss(values, rise):
    assert max_rise(values) == rise


def bumps_by_the_words(alphas, values):
    """The definition read as a state machine: one pass, an open bump or none."""
    found, opened = [], None
    for i in range(1, len(values)):
        if opened is None and values[i] > values[i - 1]:
            opened, top = i - 1, values[i - 1]
        if opened is not None:
            top = max(top, values[i])
            if values[i] < values[opened] or i == len(values) - 1:
                found.append((alphas[opened], alphas[i], top - values[opened], alphas[i] - alphas[opened]))
                opened = None
    return found


@given(VALUES)
@example([2.0, 1.0, 3.0, 0.0, 0.5])
@example([0.0, 1.0, 0.0, 1.0])  # equal to the start does not close
def test_bumps_open_at_a_rise_and_close_below_their_start(values):
    alphas = grid(len(values))
    assert list(bumps(alphas, values)) == bumps_by_the_words(alphas, values)


@given(VALUES)
def test_the_highest_bump_is_the_maximum_rise(values):
    heights = [bump.height for bump in bumps(grid(len(values)), values)]
    assert max(heights, default=0.0) == max_rise(values)


@given(st.lists(LATTICE, min_size=2, max_size=12), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
@example([1.0, 0.0], 1.0)
@example([1.0, 1.0, 0.0], 0.1)
@example([1.0, 0.0, 1.0, 0.5], 1.0)  # already spent before it comes back
def test_plateau_end_is_where_a_fine_walk_first_finds_the_fall_spent(values, spent):
    alphas = grid(len(values))
    end = plateau_end(alphas, values, spent)
    if values[-1] >= values[0]:
        assert math.isnan(end)
        return
    level = values[0] - spent * (values[0] - values[-1])
    assert np.interp(end, alphas, values) == pytest.approx(level, abs=1e-12)
    before = np.linspace(0, end, 1001)[:-1]
    assert (np.interp(before, alphas, values) > level - 1e-12).all()


def test_plateau_end_is_linear_between_grid_points():
    assert plateau_end([0, 0.5, 1], [1, 1, 0], 0.1) == pytest.approx(0.55, abs=1e-15)


@given(
    st.lists(
        st.sampled_from([(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.99, 0.01), (math.nan, 0.0)]), max_size=9
    ),
    st.data(),
)
def test_held_interval_is_the_longest_of_all_runs(rows, data):
    rows = [*rows, (0.5, 0.5)]
    steps = data.draw(st.lists(st.integers(1, 5), min_size=len(rows), max_size=len(rows)))
    alphas = np.cumsum(steps) / 64  # exact: equal lengths are equal
    best = (-1.0, math.nan, math.nan, -1)
    for i in range(len(rows)):
        for j in range(i, len(rows)):
            for c in (0, 1):
                held = all(row[c] >= 0.99 for row in rows[i : j + 1])
                if held and alphas[j] - alphas[i] > best[0]:
                    best = (alphas[j] - alphas[i], alphas[i], alphas[j], c)
    found = held_interval(alphas, rows)
    assert found.class_index == best[3]
    np.testing.assert_array_equal(found[:2], best[1:3])


def test_held_interval_needs_99_in_100_and_takes_it():
    held = held_interval([0, 0.5, 1], [[0.989, 0.011], [0.99, 0.01], [0.01, 0.99]])
    assert held == HeldInterval(0.5, 0.5, 0)


@given(VALUES)
def test_barrier_is_the_top_above_the_mean_of_the_ends(values):
    assert barrier(values) == pytest.approx(max(values) - (values[0] + values[-1]) / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: max_rise([]), "(0,)"),
        (lambda: max_rise([[1.0]]), "(1, 1)"),
        (lambda: plateau_end([0, 1], [1, 0, 0]), "2 and 3"),
        (lambda: plateau_end([0, 0], [1, 0]), "increasing"),
        (lambda: plateau_end([0, 1], [1, 0], spent=0), "0"),
        (lambda: plateau_end([0, 1], [1, 0], spent=1.01), "1.01"),
        (lambda: held_interval([0, 1], [[1.0]]), "(1, 1)"),
        (lambda: held_interval([0, 1], [[1.0], [1.0]], share=0.5), "0.5"),
        (lambda: bumps([1, 0], [1, 0]), "increasing"),
    ],
)
def test_bad_input_is_refused_with_its_value(call, shown):
    with pytest.raises(ValueError, match=re.escape(shown)):
        call()


@given(values=VALUES)
def test_convexity_locally_and_globally_by_a_plain_loop(values):
    # On a grid of thirds and halves, so that steps differ; fractions are exact.
    grid = [Fraction(i) + Fraction(i % 2, 3) for i in range(len(values))]
    alphas = [float(a) for a in grid]
    exact, grid = [Fraction(v) for v in values], [Fraction(a) for a in alphas]
    local, under = [], []
    for i in range(1, len(values) - 1):
        slopes = [(exact[j + 1] - exact[j]) / (grid[j + 1] - grid[j]) for j in (i - 1, i)]
        share = (grid[i] - grid[0]) / (grid[-1] - grid[0])
        chord = exact[0] + share * (exact[-1] - exact[0])
        local.append(slopes[1] - slopes[0])
        under.append(chord - exact[i])
    if len(values) < 3:
        assert math.isnan(local_convexity(alphas, values))
        assert math.isnan(global_convexity(alphas, values))
        return
    room = Fraction(1e-12) * (1 + max(map(abs, exact)))  # where rounding may decide
    for found, differences in (
        (local_convexity(alphas, values), local),
        (global_convexity(alphas, values), under),
    ):
        sure = sum(d > room for d in differences)
        may = sum(d >= -room for d in differences)
        assert sure <= round(found * len(differences)) <= may


def test_a_straight_curve_is_convex_and_on_its_chord_and_a_dome_is_neither():
    alphas = np.linspace(0, 1, 5)
    for slope in (1.0, -2.0, 0.0):
        assert local_convexity(alphas, slope * alphas) == global_convexity(alphas, slope * alphas) == 1
    dome = -((alphas - 0.5) ** 2)
    assert local_convexity(alphas, dome) == global_convexity(alphas, dome) == 0
    assert local_convexity(alphas, -dome) == global_convexity(alphas, -dome) == 1
