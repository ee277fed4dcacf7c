"""Pairs of floats name the class that leads alone, never another; a tie they leave open."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory.certificates.relu_line import double_double
from mli_theory.certificates.relu_line.network import ReluLine
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line
from tests.mli_theory.certificates.relu_line.test_soundness import every_style
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits


def alone(logits):
    places = [i for i, value in enumerate(logits) if value == max(logits)]
    return places[0] if len(places) == 1 else None


@settings(max_examples=8, deadline=None)
@every_style
@given(style=st.sampled_from(STYLES), seed=st.integers(0, 10**6))
def test_it_names_no_class_but_the_one_that_leads_alone(style, seed):
    line, inputs = small_line(style, seed, samples=3)
    network = double_double.DoubleDoubleNetwork(line)
    for x, alpha in zip(inputs, (0.0, 1.0, float(np.random.default_rng(seed).uniform())), strict=True):
        with np.errstate(all="ignore"):
            found = network.leads_alone(x, alpha)
        exact = exact_logits(line, x, Fraction(alpha))
        assert found is None or found == alone(exact)
        assert found is not None or style != "plain" or alone(exact) is None


def near_tie(gap):
    """Logits 0.1 x + ... that cancel to `gap` times the size of their terms, in two layers."""
    weight = np.array([[0.1, -0.3, 0.7], [0.1, -0.3, 0.7]])
    line = ReluLine(
        [
            (weight, weight, None, None, False),
            ([[1.0, -1.0 + gap], [0.0, 0.0]], [[1.0, -1.0 + gap], [0.0, 0.0]], None, None, False),
        ]
    )
    return line, np.array([1 / 3, 1 / 7, 1 / 11])


@pytest.mark.parametrize("gap", [2.0**-53, -(2.0**-52), 0.0])
def test_it_tells_what_one_float_cannot(gap):
    line, x = near_tie(gap)
    exact = alone(exact_logits(line, x, Fraction(0.3)))
    assert double_double.DoubleDoubleNetwork(line).leads_alone(x, 0.3) == exact


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lost = 8.0 * (fan_in + 8) * u * u * size", "lost = 0.0"),
        ("((r_h * s_error[j] + alpha * t_error[j]) * more + lost)", "(lost)"),
    ],
)
def test_a_broken_bound_is_caught(monkeypatch, old, new):
    """Two logits that are the same cancelling sum in another order: whoever names a class is wrong."""
    modules = broken(monkeypatch, "double_double", old, new)
    rng = np.random.default_rng(0)

    def named(module):
        found = 0
        for _ in range(40):
            w, y = rng.normal(size=(2, 6))
            w[0], w[5], y[5] = 1e8, -1e8, y[0]
            weight = np.zeros((2, 12))
            weight[0, :6], weight[1, 6:] = w, w[::-1]
            one = np.eye(2)
            line = ReluLine([(weight, 1.7 * weight, None, None, False), (one, one, None, None, False)])
            x = np.r_[y, y[::-1]]
            assert alone(exact_logits(line, x, Fraction(0.77))) is None
            found += module.DoubleDoubleNetwork(line).leads_alone(x, 0.77) is not None
        return found

    assert named(double_double) == 0
    assert named(modules["double_double"])
