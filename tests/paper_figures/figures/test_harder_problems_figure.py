"""F13b: the dots are C15's numbers, recomputed here from the runs without the claim's code."""

import numpy as np
import pytest

from paper_figures.figures import f13b_harder_problems
from tests.paper_figures.helpers.drawn import drawn_dataset, said
from validation.job.recorded_tables import committed_table

WAYS = ("half-random-labels", "random-labels", "slow-rate")


@pytest.fixture(scope="module")
def table():
    return committed_table("harder_problems")


def of(numbers, way):
    return np.stack([numbers.sel(arm=f"{way},init_scale={scale}").to_numpy() for scale in ("0.5", "1.0")])


def test_every_dot_is_a_seeds_difference_from_its_own_easy_run(table):
    axes = drawn_dataset(f13b_harder_problems, table)[0]
    rises = table["value"].sel(shape="rise")
    for place, way in enumerate(WAYS):
        expected = [np.log2(of(table["steps"], way) / of(table["steps"], "true-labels")).mean(axis=0)]
        for quantity in ("loss", "error"):
            one = rises.sel(quantity=quantity)
            expected.append((of(one, way) - of(one, "true-labels")).mean(axis=0))
        for ax, values in zip(axes, expected, strict=True):
            (dots,) = [line for line in ax.get_lines() if line.get_gid() == f"seeds{place}"]
            np.testing.assert_allclose(dots.get_ydata(), values, rtol=1e-12, atol=1e-15)
            assert np.all(np.abs(dots.get_xdata() - place) < 0.3)


def test_the_shaded_side_is_the_claimed_one_and_the_page_names_every_threshold(table):
    axes = drawn_dataset(f13b_harder_problems, table)[0]
    for ax, limit, above in zip(axes, (1.0, 0.01, 0.02), (True, False, False), strict=True):
        (shade,) = [patch for patch in ax.patches if patch.get_label() == "claimed of the mean"]
        low, high = shade.get_y(), shade.get_y() + shade.get_height()
        assert (low if above else high) == pytest.approx(limit)
    words = said(f13b_harder_problems, table)
    assert words.count("claimed above 1.") == 3
    assert words.count("claimed below 0.01.") == words.count("claimed below 0.02.") == 3


def test_without_a_run_at_its_target_there_is_nothing():
    with pytest.raises(ValueError, match="no run of harder_problems reached"):
        f13b_harder_problems.collect([])
