"""T11b: flows lie between the bounds, the bounds are tight, and each hypothesis is needed."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mli_theory import DomainError, plateau_law, two_class_plateau_bounds
from simulations.gradient_flow import integrate


def end_of_flow(weights, degree, loss, **more):
    """(g, v, beta, W_22^r) at the loss, of a solved flow."""
    flow = integrate(weights, degree, loss, record=2, **more)
    w, b = flow.weights.values[-1], flow.bias.values[-1]
    v = w[0, 0] ** degree
    return b[1] - b[0], v, (b[1] - b[0]) / v, w[1, 1] ** degree


@settings(max_examples=10)
@given(
    largest=st.floats(0.01, 0.9),
    ratio=st.just(0.0) | st.floats(0.01, 0.9),
    degree=st.integers(3, 7),
    depth=st.floats(0.7, 9),
)
@example(largest=0.05, ratio=0.0, degree=3, depth=6.0)
@example(largest=0.001, ratio=0.5, degree=3, depth=12.0)
@example(largest=0.3, ratio=0.999, degree=7, depth=1.0)
def test_a_flow_lies_between_the_bounds(largest, ratio, degree, depth):
    diagonal = [largest, largest * ratio]
    try:
        found = two_class_plateau_bounds(diagonal, degree, 10**-depth)
    except DomainError:
        assume(False)
    gap, signal, beta, last = end_of_flow(np.diag(diagonal), degree, 10**-depth)
    for (low, high), value in ((found.bias_gap, gap), (found.signal, signal), (found.beta, beta)):
        assert low - 1e-6 <= value <= high + 1e-6  # the solver's own error
    assert last <= found.last_signal + 1e-6
    assert beta < 0.5


def test_the_bounds_close_on_law_a_as_the_scale_and_the_loss_fall():
    widths = []
    for scale, eps in ((1e-1, 1e-2), (1e-3, 1e-6), (1e-6, 1e-12)):
        found = two_class_plateau_bounds([scale, scale / 2], 3, eps)
        law = plateau_law(2, 3, eps).beta
        assert abs(found.beta[0] - law) < 0.02
        widths.append(found.beta[1] - found.beta[0])
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 1.2e-3


def test_the_order_of_the_classes_does_not_matter():
    assert two_class_plateau_bounds([0.01, 0.005], 3, 1e-4) == two_class_plateau_bounds(
        [0.005, 0.01], 3, 1e-4
    )


@pytest.mark.parametrize(
    ("weights", "more"),
    [
        (np.diag([0.1, 0.05]), {"class_shares": [0.8, 0.2]}),
        (np.diag([0.1, 0.05]), {"bias": [1.5, -1.5]}),
        (np.array([[0.1, -0.5], [-0.4, 0.05]]), {}),
    ],
    ids=["equal classes", "b(0) = 0", "weights off the diagonal 0"],
)
def test_a_dropped_hypothesis_breaks_the_bounds(weights, more):
    found = two_class_plateau_bounds([0.1, 0.05], 3, 1e-2)
    gap, _, beta, _ = end_of_flow(weights, 3, 1e-2, **more)
    inside = [found.bias_gap[0] <= gap <= found.bias_gap[1], found.beta[0] <= beta <= found.beta[1]]
    assert not all(inside)


def test_after_the_escape_the_bound_of_the_last_weight_is_broken():
    # eps = 1e-6 from diag(0.1, 0.05): refused, since log(1/eps) > 2 (Phi(0.05) - Phi(0.1)) = 6.67.
    assert end_of_flow(np.diag([0.1, 0.05]), 3, 1e-6)[3] > 1
    with pytest.raises(DomainError, match="may escape"):
        two_class_plateau_bounds([0.1, 0.05], 3, 1e-6)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (([0.1, 0.05], 2, 1e-2), "T11b needs an integer degree >= 3, got 2"),
        (([0.1, 0.05, 0.01], 3, 1e-2), r"shape \(2\)"),
        (([0.1, 0.1], 3, 1e-2), r"two different weights >= 0, got \[0\.1, 0\.1\]"),
        (([0.1, -0.1], 3, 1e-2), "two different weights >= 0"),
        (([0.1, 0.05], 3, 0.7), r"the loss at the start, got 0\.7"),
        (([0.1, 0.05], 3, 0.0), r"got 0\.0"),
        (([0.01, 0.005], 3, 0.3), "needs a gap of at least 1/2"),
        (([1e200, 0.5], 3, 0.1), "beyond float64"),
    ],
)
def test_outside_the_theorem_it_and_the_value_are_named(arguments, shown):
    with pytest.raises(DomainError, match=shown):
        two_class_plateau_bounds(*arguments)
