"""T10b and T11' along an integrated flow: true at every record, tight where they can be."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory import DomainError, bias_gap_bounds
from tests.mli_theory.second_routes.reduced_flow import reduced_flow


@settings(max_examples=15)  # each integrates a flow, about 0.2 s
@given(
    diagonal=st.lists(st.floats(0.02, 0.4), min_size=2, max_size=5, unique=True),
    degree=st.integers(3, 5),
    exponent=st.floats(1, 10),
)
def test_T11_prime_and_T10b_hold_along_the_flow(diagonal, degree, exponent):
    k, eps = len(diagonal), 0.5 * 10**-exponent / len(diagonal)
    bounds = bias_gap_bounds(np.diag(diagonal), degree, eps)
    flow = reduced_flow(diagonal, degree, eps)
    assert (flow.bias < bounds.bias + 1e-6).all()  # 1e-6 nats: the integrator's drift
    assert np.ptp(flow.bias, axis=1).max() < bounds.gap
    v = flow.weights[-1] ** degree
    margins = (flow.bias[-1] + v)[:, None] - flow.bias[-1][None, :]
    assert margins[~np.eye(k, dtype=bool)].min() >= bounds.margin - 1e-6
    assert flow.beta_min(degree) <= bounds.beta
    assert flow.beta_min(degree) ** (1 / (degree - 1)) <= bounds.plateau_end


def test_T10b_is_an_identity_for_each_sample():
    # logsumexp over i != l of (b_i + W_il^r) - b_l - W_ll^r = log(e^(loss_l) - 1), in mpmath.
    with mpmath.workdps(50):
        b, column = (
            [mpmath.mpf("0.3"), mpmath.mpf(-1), mpmath.mpf(2)],
            [mpmath.mpf(7), mpmath.mpf(0), mpmath.mpf(1)],
        )
        logits = [x + y for x, y in zip(b, column, strict=True)]
        loss = mpmath.log(sum(mpmath.exp(z) for z in logits)) - logits[0]
        left = mpmath.log(sum(mpmath.exp(z) for z in logits[1:])) - logits[0]
        assert abs(left - mpmath.log(mpmath.expm1(loss))) < mpmath.mpf(10) ** -45


def test_T10b_margin_is_tight_when_one_sample_holds_all_the_loss():
    # k = 2: all of the loss eps on one sample puts k eps there, and the bound is attained.
    eps = 1e-3
    margin = bias_gap_bounds(np.diag([0.1, 0.1]), 3, eps).margin
    assert margin == pytest.approx(-np.log(np.expm1(2 * eps)), rel=1e-14)
    assert np.log1p(np.exp(-margin)) == pytest.approx(2 * eps, rel=1e-13)
    with mpmath.workdps(50):
        tiny = bias_gap_bounds(np.diag([0.1, 0.1]), 3, 1e-200).margin
        assert abs(tiny + mpmath.log(mpmath.expm1(2 * mpmath.mpf(1e-200)))) < 1e-12


def test_T11_prime_bounds_are_tight_for_two_very_different_classes():
    diagonal = np.array([0.3, 0.01])
    flow = reduced_flow(diagonal, 3, 1e-60)
    bounds = bias_gap_bounds(np.diag(diagonal), 3, 1e-60)
    assert flow.bias[-1, 1] > 0.9 * bounds.bias[1]
    assert np.ptp(flow.bias[-1]) > 0.9 * bounds.gap


def test_T11_prime_two_classes_plateau_of_the_note():
    # W(0) = diag(0.1, 0.05), r = 3: alpha_2 = 0.592, 0.506, 0.39, 0.149 at eps = 1e-4, 1e-8, 1e-16, 1e-128.
    diagonal = np.array([0.1, 0.05])
    found = []
    for exponent in (4, 8, 16, 128):
        eps = 10.0**-exponent
        flow = reduced_flow(diagonal, 3, eps)
        found.append(flow.beta_min(3) ** 0.5)
        assert found[-1] <= bias_gap_bounds(np.diag(diagonal), 3, eps).plateau_end
    assert [round(x, d) for x, d in zip(found, (3, 3, 2, 3), strict=True)] == [0.592, 0.506, 0.39, 0.149]


def test_T11_prime_the_bound_on_the_plateau_vanishes_with_the_loss():
    ends = [bias_gap_bounds(np.diag([0.1, 0.05]), 3, 10.0**-e).plateau_end for e in (4, 16, 64, 256)]
    assert (np.diff(ends) < 0).all()
    with pytest.raises(DomainError, match=r"0 < k eps < log 2, got final_loss = 0\.0"):
        bias_gap_bounds(np.diag([0.1, 0.05]), 3, 0.0)


@pytest.mark.parametrize(
    ("weights", "degree", "loss", "shown"),
    [
        (np.eye(2), 2, 0.1, "T11' needs an integer degree >= 3, got 2"),
        (np.eye(2), 3, 0.4, "T10b needs 0 < k eps < log 2, got final_loss = 0.4 at k = 2"),
        ([[1, 0.1], [-0.1, 1]], 3, 0.1, r"weights\[1, 0\] = -0.1"),
        ([[1, 0.1], [0, 1]], 3, 0.1, r"weights\[1, 0\] = 0"),
        ([[1, 0], [0, -1]], 3, 0.1, r"diagonal\[1\] = -1"),
        ([[1, 0, 0], [0, 1, 0]], 3, 0.1, "square"),
        ([[1, np.nan], [0, 1]], 3, 0.1, r"weights\[0, 1\] = nan"),
    ],
)
def test_bad_input_is_refused_with_its_value(weights, degree, loss, shown):
    with pytest.raises(DomainError, match=shown):
        bias_gap_bounds(weights, degree, loss)


@pytest.mark.parametrize(("classes", "finite"), [(2, True), (14, True), (15, False), (100, False)])
def test_T11_prime_gap_beyond_float64_is_inf_and_bounds_say_nothing(classes, finite):
    bounds = bias_gap_bounds(np.diag(np.full(classes, 1e-154)), 4, 1e-5)
    with mpmath.workdps(50):
        # Phi = w^-2 / 8, and the largest is counted twice, the least left out: k Phi for equal weights.
        gap = classes / (8 * mpmath.mpf(1e-154) ** 2)
        assert (gap < np.finfo(np.float64).max) == finite
    assert bounds.gap == (pytest.approx(float(gap), rel=1e-14) if finite else np.inf)
    assert (bounds.beta, bounds.plateau_end) == (1, 1)  # margins of 10 nats are nothing beside it
    assert np.isfinite(bounds.bias).all()
    assert bounds.margin == pytest.approx(-np.log(np.expm1(classes * 1e-5)))
