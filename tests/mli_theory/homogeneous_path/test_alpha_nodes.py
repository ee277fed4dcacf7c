"""Fewer alphas for the mean loss: the remainder is one, the grid gets what all its alphas would give."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev

from mli_theory import predict_curves
from mli_theory.homogeneous_path.alpha_nodes import OddsSize, loss_on_grid
from mli_theory.homogeneous_path.path_loss import _ROWS, mean_loss


def plain_loss(signal, bias, degree):
    """Of one sample: log odds to the definition, in floats."""
    signal, bias = np.array(signal)[:, None], np.array(bias)[:, None]
    return lambda a: np.logaddexp(0, np.logaddexp.reduce(a**degree * signal + a * bias, axis=0))


odds = st.lists(st.floats(-12, 12), min_size=3, max_size=3)


@settings(max_examples=60)
@example(signal=[12.0, -12.0, 0.0], bias=[3.0, 0.0, -1.0], degree=9, low=0.5, width=0.2, n=16)
@example(signal=[12.0] * 3, bias=[12.0] * 3, degree=2, low=0.0, width=1.0, n=40)
@given(
    signal=odds,
    bias=odds,
    degree=st.integers(2, 9),
    low=st.floats(0, 0.9),
    width=st.floats(0.01, 1),
    n=st.integers(2, 40),
)
def test_the_remainder_bounds_the_error_of_the_interpolant(signal, bias, degree, low, width, n):
    high = min(low + width, 1.0)
    size = OddsSize(np.abs(signal).max(), np.abs(bias).max(), degree, 1, 4)
    loss = plain_loss(signal, bias, degree)
    # A second route to the interpolant: its Chebyshev series, by numpy.
    points = chebyshev.chebpts2(n + 1)
    series = chebyshev.chebfit(points, loss((low + high) / 2 + (high - low) / 2 * points), n)
    at = np.linspace(-1, 1, 41)
    off = np.abs(chebyshev.chebval(at, series) - loss((low + high) / 2 + (high - low) / 2 * at)).max()
    assert off <= size.remainder(low, high, n) + 1e-12 * (1 + loss(np.array([low, high])).max())


def test_the_remainder_is_not_empty_and_asks_for_few_nodes_where_little_happens():
    size = OddsSize(5.0, 3.0, 8, 1, 10)
    assert size.remainder(0.0, 0.5, 24) < 1e-11
    needed = size.nodes(0.0, 0.5, 1e-16)
    assert size.remainder(0.0, 0.5, int(needed)) <= 1e-16 < size.remainder(0.0, 0.5, int(needed) - 4)
    assert size.nodes(0.9, 1.0, 1e-16) < size.nodes(0.5, 1.0, 1e-16)
    assert OddsSize(1e300, 0.0, 8, 1, 10).nodes(0.0, 1.0, 1e-16) == np.inf


@pytest.mark.parametrize(("scale", "degree", "bias_degree"), [(1.0, 8, 1), (0.1, 2, 1), (3.0, 5, 5)])
def test_a_fine_grid_gets_the_loss_of_all_its_alphas_from_fewer(scale, degree, bias_degree, monkeypatch):
    rng = np.random.default_rng(0)
    n = 2 * _ROWS
    signal, bias, labels = scale * rng.normal(size=(n, 4)), rng.normal(size=4), rng.integers(0, 4, n)
    alphas = np.append(rng.permutation(np.linspace(0, 1, 251)), [0.3, 1.0])  # in any order, one twice
    evaluated = []

    def counted(s, b, y, **factors):
        evaluated.append(len(s) * len(factors["signal_factors"]))
        return mean_loss(s, b, y, **factors)

    monkeypatch.setattr("mli_theory.homogeneous_path.path_loss.mean_loss", counted)
    path = "linear" if bias_degree == 1 else "homogeneous"
    found = predict_curves(signal, bias, labels, degree, alphas, path).loss
    assert sum(evaluated) < 0.7 * n * len(alphas)
    direct = mean_loss(signal, bias, labels, signal_factors=alphas**degree, bias_factors=alphas**bias_degree)
    np.testing.assert_allclose(found, direct, rtol=1e-14)


def test_where_no_nodes_are_saved_the_grids_own_alphas_are_taken():
    alphas = np.linspace(0, 1, 101)
    loss = plain_loss([900.0, -5.0, 2.0], [0.0, 1.0, 2.0], 30)
    found = loss_on_grid(loss, OddsSize(900.0, 2.0, 30, 1, 4), alphas)
    assert (found[-20:] == loss(alphas)[-20:]).all()
    np.testing.assert_allclose(found, loss(alphas), rtol=1e-14)


def test_a_loss_that_falls_to_nothing_within_a_panel_is_not_interpolated():
    """Its smallest values would be rounded by its largest: 1e-16 beside 1."""
    alphas = np.linspace(0, 1, 201)
    loss = plain_loss([-40.0, -40.0, -40.0], [0.0, 0.0, 0.0], 2)
    found = loss_on_grid(loss, OddsSize(40.0, 0.0, 2, 1, 4), alphas)
    np.testing.assert_allclose(found, loss(alphas), rtol=1e-13)
