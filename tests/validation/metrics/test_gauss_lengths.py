"""The turning of the logits' path, against curves whose tangent is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.interpolation.chebyshev import chebyshev_nodes
from validation.metrics.gauss_lengths import gauss_length

NODES = chebyshev_nodes(33)


@given(
    angle=st.floats(0.1, 6.0), radius=st.floats(0.01, 100), shift=st.floats(-10, 10), seed=st.integers(0, 9)
)
def test_an_arc_turns_by_its_angle_in_any_plane(angle, radius, shift, seed):
    plane, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 2)))
    arc = radius * np.stack([np.cos(angle * NODES), np.sin(angle * NODES)], axis=1) @ plane.T + shift
    # The shift costs digits: rounding of size |shift| eps, differentiated twice (times m^4 / 3), over the
    # radius.
    rounding = 33**4 * 1e-16 * (1 + abs(shift) / radius) / angle**2
    assert gauss_length(NODES, arc[:, None]) == pytest.approx(angle, abs=1e-6 + rounding)


def test_it_is_the_mean_over_samples_and_standing_still_is_no_turn():
    arc = np.stack([np.cos(NODES), np.sin(NODES)], axis=1)
    still = np.ones_like(arc)
    assert gauss_length(NODES, np.stack([arc, still], axis=1)) == pytest.approx(0.5, abs=1e-8)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("power", [1, 2, 7])
def test_a_straight_path_has_exactly_none_at_any_speed(kind, power):
    direction = np.random.default_rng(0).normal(size=(4, 10))
    logits = (3.0 + NODES[:, None, None] ** power * direction).astype(kind)
    assert gauss_length(NODES, logits) == 0.0


def test_a_parabola_against_its_angle():
    # z = (a, a^2): the tangent turns from 0 to atan(2).
    parabola = np.stack([NODES, NODES**2], axis=1)[:, None]
    assert gauss_length(NODES, parabola) == pytest.approx(np.arctan(2), rel=1e-9)


@pytest.mark.parametrize(
    ("nodes", "logits", "message"),
    [
        (np.linspace(0, 1, 5), np.zeros((5, 1, 2)), "chebyshev_nodes"),
        (chebyshev_nodes(5), np.zeros((4, 1, 2)), r"\(5, n, k\), got \(4, 1, 2\)"),
        (chebyshev_nodes(3), np.full((3, 1, 2), np.nan), r"logits\[0, 0, 0\] = nan"),
    ],
)
def test_bad_input_is_shown(nodes, logits, message):
    with pytest.raises(ValueError, match=message):
        gauss_length(nodes, logits)
