"""Chebyshev points, and the logits at them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.curves.logit_paths import logit_path
from simulations.interpolation.chebyshev import chebyshev_nodes, differentiation_matrix, interpolation_matrix
from tests.simulations.curves.helpers.networks import logit_of


@given(level=st.integers(1, 7), x=st.floats(0, 1))
def test_nested_points_carry_polynomials_exactly(level, x):
    m = 2**level + 1
    nodes = chebyshev_nodes(m)
    assert nodes[0] == 0
    assert nodes[-1] == 1
    assert np.array_equal(nodes[::2], chebyshev_nodes((m + 1) // 2)) or m == 3
    degree = min(m - 1, 12)
    value = interpolation_matrix(nodes, [x])[0] @ nodes**degree
    assert value == pytest.approx(x**degree, abs=1e-13)
    slope = differentiation_matrix(nodes) @ nodes**degree
    np.testing.assert_allclose(slope, degree * nodes ** (degree - 1), atol=1e-11 * m**2)


def test_logit_paths_hold_the_networks_own_logits(trained, digits):
    path = logit_path(trained.model, trained.start, trained.end, digits, nodes=9)
    assert path.logits.dims == ("node", "sample", "output")
    for i, alpha in enumerate(path.alpha.values):
        np.testing.assert_allclose(path.logits[i], logit_of(trained, digits, float(alpha)), atol=1e-4)
    with pytest.raises(ValueError, match=r"2\^p \+ 1, .* got 10"):
        logit_path(trained.model, trained.start, trained.end, digits, nodes=10)
