"""The slope lies between its bounds: exact dual numbers at rational alphas; planted faults are caught."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from mli_theory.certificates.relu_line import slope
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.domain import DomainError
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line


def exact_slope(line, x, label, alpha):
    """The slope of one sample's loss from the right, to 60 digits of exact logits and derivatives.

    None at an alpha at which a unit is exactly 0 without standing still: the slope may jump there.
    """
    units = [(Fraction(float(v)), Fraction(0)) for v in x]
    for step in line.steps:
        after = []
        for w_0, w_1, b_0, b_1, s in zip(
            step.start_weight, step.end_weight, step.start_bias, step.end_bias, step.slope, strict=True
        ):
            first, last, s = Fraction(float(b_0)), Fraction(float(b_1)), Fraction(float(s))
            z, dz = first + alpha * (last - first), last - first
            for (h, dh), one, other in zip(units, w_0, w_1, strict=True):
                at_0, at_1 = Fraction(float(one)), Fraction(float(other))
                weight = at_0 + alpha * (at_1 - at_0)
                z, dz = z + weight * h, dz + (at_1 - at_0) * h + weight * dh
            if z == 0 and dz != 0 and s != 1:
                return None
            after.append((z, dz) if z >= 0 else (s * z, s * dz))
        units = after
    with mpmath.workdps(60):
        z, dz = ([precisely(unit[side] - units[label][side]) for unit in units] for side in (0, 1))
        weights = [mpmath.exp(value) for value in z]
        return sum(w * d for w, d in zip(weights, dz, strict=True)) / sum(weights)


def precisely(value):
    return mpmath.mpf(value.numerator) / value.denominator


def outside(modules, style, seed, alphas=12, finest=6):
    """How many exact slopes lie outside their bounds, at random rationals and on the cells' ends."""
    line, inputs = small_line(style, seed, samples=2)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, line.n_classes, len(inputs))
    found = modules["slope"].loss_slopes(line, inputs, labels, coarsest=2, finest=finest)
    assert found.start[0] == 0.0
    assert found.end[-1] == 1.0
    assert (found.start[1:] == found.end[:-1]).all()
    wrong = 0
    for alpha in [
        Fraction(1, 10**9),
        Fraction(1, 3),
        *(Fraction(int(n), 10**6) for n in rng.integers(0, 10**6, alphas)),
    ]:
        each = [exact_slope(line, x, label, alpha) for x, label in zip(inputs, labels, strict=True)]
        if None in each:
            continue
        cell = np.searchsorted(found.start, float(alpha), side="right") - 1
        mean = sum(each) / len(each)
        wrong += not found.lower[cell] <= mean <= found.upper[cell]
    return wrong


@pytest.mark.parametrize("style", STYLES)
def test_slopes_lie_between_their_bounds(style):
    assert outside({"slope": slope}, style, 0) == 0


FAULTS = {
    "D h is dropped": (
        "[[weight, np.zeros_like(weight)], [change, weight]]",
        "[[weight, np.zeros_like(weight)], [0 * change, weight]]",
    ),
    "biases stand still": (
        "np.concatenate([step.start_bias, shift])",
        "np.concatenate([step.start_bias, 0 * shift])",
    ),
    "a changing sign is no doubt": ("0.5 * (1.0 - s) + 2.0 * U", "0.0"),
    "a negative unit moves on": ("mid = s if sign[r, j] == -1 else", "mid = 1.0 if sign[r, j] == -1 else"),
    "a middling average": ("for least in value:", "for least in value[:1]:"),
    "label left out": (
        "np.add.at(sums[side], cell, bounds[side])",
        "np.add.at(sums[side], cell, 0.9 * bounds[side])",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_bound_is_caught(monkeypatch, fault):
    modules = broken(monkeypatch, "slope", *FAULTS[fault])
    assert any(
        outside(modules, style, seed, finest=4)
        for style in ("plain", "leaky", "some rectified")
        for seed in range(3)
    )


def test_the_sign_of_a_known_loss_is_found():
    """Logits (z, 0), z = (1 + alpha)(1 + 2 alpha): the loss of class 0 falls, that of class 1 rises."""
    line = ReluLine(
        [
            (np.array([[1.0]]), np.array([[2.0]]), None, None, True),
            (np.array([[1.0], [0.0]]), np.array([[3.0], [0.0]]), None, None, False),
        ]
    )
    ones = np.ones((1, 1))
    falls, rises = (slope.loss_slopes(line, ones, np.array([label])) for label in (0, 1))
    assert falls.falls.all()
    assert not falls.rises.any()
    assert rises.rises.all()
    both = slope.loss_slopes(line, np.ones((2, 1)), np.array([0, 1]))
    assert both.rises.all()  # z grows from 1: class 1's loss gains more than class 0's loses
    assert falls.decided_share == rises.decided_share == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([0, 9])}, "labels from 0 to"),
        ({"labels": np.array([-1, 0])}, "labels from 0 to"),
        ({"labels": np.array([0.0, 1.0])}, "one whole number a sample"),
        ({"labels": np.array([0])}, "one whole number a sample"),
        ({"finest": 2}, "coarsest = 5, finest = 2"),
        ({"finest": 41}, "finest = 41"),
        ({"inputs": np.ones((2, 9))}, "inputs"),
    ],
)
def test_bad_input_is_refused(change, message):
    line, inputs = small_line("plain", 0, samples=2)
    with pytest.raises(DomainError, match=message):
        slope.loss_slopes(line, **({"inputs": inputs, "labels": np.array([0, 1])} | change))
