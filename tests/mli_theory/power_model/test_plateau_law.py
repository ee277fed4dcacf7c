"""T11: the two laws against mpmath at 50 digits, theory.md's table and an integration of the flow."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mli_theory import DomainError, escape_gap, largest_admissible_loss, plateau_law
from tests.mli_theory.second_routes.reduced_flow import reduced_flow

REGIMES = ("small_scale", "small_loss")
classes, degrees = st.integers(2, 200), st.integers(3, 40)
regimes, orders = st.sampled_from(REGIMES), st.booleans()


def residual(v, k, r, eps, regime, next_order):
    """v minus the right side of T11, as printed, in mpmath."""
    c = r**2 * v ** (2 - mpmath.mpf(2) / r)
    m, active = (4, 1) if regime == "small_scale" else (2 * k, k - 1)
    rho = 1 / (1 + c / m)
    gap = mpmath.log(active * (1 + rho) / (k * eps))
    right = 2 * gap + mpmath.log(1 + c / m)
    if next_order:
        right -= mpmath.log(1 + (2 - mpmath.mpf(2) / r) * (c / (m + c)) ** 2 / v)
    return v - right, gap


@example(k=2, r=3, depth=1e-6, regime="small_scale", next_order=False)
@example(k=200, r=40, depth=300.0, regime="small_loss", next_order=True)
@given(k=classes, r=degrees, depth=st.floats(1e-3, 300), regime=regimes, next_order=orders)
def test_T11_solves_the_printed_equations(k, r, depth, regime, next_order):
    eps = float(largest_admissible_loss(k, r, regime, next_order=next_order)) * 10**-depth
    law = plateau_law(k, r, eps, regime, next_order=next_order)
    with mpmath.workdps(50):
        off, gap = residual(mpmath.mpf(law.signal), k, r, mpmath.mpf(eps), regime, next_order)
        # The slope of the residual is between 1/4 and 1 (module docstring), so this bounds the error of v.
        assert abs(off) <= 1e-14 * max(law.signal, 1)
        assert abs(gap - law.bias_gap) <= 1e-14 * max(law.signal, 1)
    assert law.beta == law.bias_gap / law.signal
    assert 0 < law.beta < 0.5
    assert law.signal > max(law.bias_gap, 2 - 2 / r)
    assert law.plateau_end == pytest.approx(law.beta ** (1 / (r - 1)), rel=1e-14)


@given(k=classes, r=degrees, regime=regimes, next_order=orders)
def test_T11_there_is_no_larger_root(k, r, regime, next_order):
    eps = float(largest_admissible_loss(k, r, regime, next_order=next_order)) * 0.9
    v = plateau_law(k, r, eps, regime, next_order=next_order).signal
    beyond = [mpmath.mpf(v) * (1 + mpmath.mpf(2) ** j) for j in range(-20, 12)]
    assert all(residual(w, k, r, mpmath.mpf(eps), regime, next_order)[0] > 0 for w in beyond)


@given(k=classes, r=degrees, regime=regimes, next_order=orders)
def test_T11_the_admissible_loss_is_true_and_tight(k, r, regime, next_order):
    largest = float(largest_admissible_loss(k, r, regime, next_order=next_order))
    assert plateau_law(k, r, 0.999 * largest, regime, next_order=next_order).bias_gap > 0
    with pytest.raises(DomainError, match=r"final loss must be below") as caught:
        plateau_law(k, r, largest, regime, next_order=next_order)
    assert f"{largest:.6g}" in str(caught.value)
    # Tight: there either the loss is (k-1)/k, or v is 2 - 2/r, or the first-order gap is 0.
    if largest < (k - 1) / k:
        v = plateau_law(k, r, largest * (1 - 1e-12), regime, next_order=next_order).signal
        c_over_m = r**2 * v ** (2 - 2 / r) / (4 if regime == "small_scale" else 2 * k)
        assert min(abs(v - 2 + 2 / r), abs(v - np.log1p(c_over_m))) < 1e-9


@settings(max_examples=50)  # each is a table of 200 values in mpmath
@example(k=10, r=20, regime="small_scale", factor=0.999)
@given(k=classes, r=degrees, regime=regimes, factor=st.floats(1e-12, 0.999))
def test_T11_the_first_order_pair_has_one_root_at_an_admissible_loss(k, r, regime, factor):
    eps = float(largest_admissible_loss(k, r, regime)) * factor
    grid = np.concatenate([np.geomspace(1e-30, 1e-3, 50), np.geomspace(1e-3, 1e4, 150)])
    signs = [residual(mpmath.mpf(v), k, r, mpmath.mpf(eps), regime, False)[0] > 0 for v in grid]
    assert np.sum(np.diff(np.array(signs, int)) != 0) == 1


def test_T11_a_larger_loss_can_have_three_roots_none_of_them_admissible():
    k, r, eps = 10, 20, 0.1985
    grid = np.geomspace(1e-4, 1e2, 2000)
    signs = np.array([residual(v, k, r, eps, "small_scale", False)[0] > 0 for v in grid])
    changes = np.flatnonzero(np.diff(signs.astype(int)))
    assert len(changes) == 3
    assert all(
        residual(grid[i + 1], k, r, eps, "small_scale", False)[1] < 0 or grid[i] < 1.9 for i in changes
    )
    with pytest.raises(DomainError, match=r"must be below 0\.100"):
        plateau_law(k, r, eps)


@given(k=classes, r=degrees, regime=regimes, factor=st.floats(1e-9, 0.9))
def test_T11_a_smaller_loss_means_a_larger_gap_and_signal(k, r, regime, factor):
    largest = float(largest_admissible_loss(k, r, regime))
    law = plateau_law(k, r, largest * factor * np.array([1.0, 0.9]), regime)
    assert law.bias_gap[0] < law.bias_gap[1]
    assert law.signal[0] < law.signal[1]


@pytest.mark.parametrize("regime", REGIMES)
def test_T11_the_limit_is_one_half(regime):
    # beta = 1/2 - log(1 + x) / (2 v): the limit is reached like log v / v only.
    law = plateau_law(5, 4, np.array([1e-50, 1e-100, 1e-200, 1e-300]), regime)
    assert (np.diff(law.beta) > 0).all()
    assert_allclose(0.5 - law.beta[-1], np.log(law.signal[-1]) / law.signal[-1], rtol=0.5)
    assert_allclose(law.plateau_end, law.beta ** (1 / 3), rtol=1e-14)


def test_T11_two_classes_have_one_law_and_arrays_equal_scalars():
    k, r = np.meshgrid([2, 3, 10], [3, 5, 9], indexing="ij")
    eps = np.array([1e-2, 1e-5, 1e-9])[:, None, None]
    for next_order in (False, True):
        a = plateau_law(k, r, eps, "small_scale", next_order=next_order)
        b = plateau_law(k, r, eps, "small_loss", next_order=next_order)
        assert a.beta.shape == (3, 3, 3)
        assert_allclose(a.beta[:, 0], b.beta[:, 0], rtol=1e-13)
        assert (a.beta[:, 1:] < b.beta[:, 1:]).all()
        one = plateau_law(10, 5, 1e-5, next_order=next_order)
        assert isinstance(one.beta, float)
        assert one.beta == a.beta[1, 2, 1]


@pytest.mark.parametrize(("eps", "printed"), [(1e-2, 0.3302), (1e-4, 0.3889), (1e-8, 0.4304)])
def test_T11_two_classes_next_order_is_the_flow_at_scale_1e_3(eps, printed):
    diagonal = np.array([1e-3, 0.6e-3])
    flow = reduced_flow(diagonal, 3, eps)
    found = flow.beta_min(3)
    assert found == pytest.approx(printed, abs=1.1e-4)
    assert flow.gaps()[0] < escape_gap(diagonal, 3)
    first, second = plateau_law(2, 3, eps), plateau_law(2, 3, eps, next_order=True)
    assert abs(second.beta - found) < 0.3 * abs(first.beta - found)
    assert second.beta == pytest.approx(found, abs=5e-4)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((1, 3, 0.1), "n_classes >= 2, got 1"),
        ((10, 2, 0.1), "degree >= 3, got 2"),
        ((10, [3, 2], 0.1), "degree >= 3, got 2"),
        ((10.0, 3, 0.1), "integers for n_classes, got 10.0"),
        ((10, 3.5, 0.1), "integers for degree, got 3.5"),
        ((10, 3, 0.0), "final loss > 0 and finite, got 0.0"),
        ((10, 3, [0.01, np.nan]), "final loss > 0 and finite, got nan"),
        ((10, 3, "small"), "real numbers for final_loss, got 'small'"),
        ((10, 3, 0.9), "final_loss = 0.9 .* below 0.117456"),
        ((2, 3, 0.5), "final_loss = 0.5 .* below 0.5"),
        ((10, 3, 0.01, "crossover"), "got 'crossover'"),
    ],
)
def test_T11_refuses_bad_input_with_its_value(arguments, shown):
    with pytest.raises(DomainError, match=shown) as caught:
        plateau_law(*arguments)
    assert str(caught.value).startswith("T11")
