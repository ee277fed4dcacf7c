"""The loss's bounds are true: exact logits in high precision lie between them; broken bounds are caught."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory.certificates.relu_line import loss, sure_exponential
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.network import ReluLine
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits

CELLS = loss.LOSS_CELLS


def precisely(value):
    return mpmath.mpf(value.numerator) / value.denominator


def exact_loss(line, x, label, alpha):
    """log sum exp of logits minus the label's, to 60 digits of the exact logits."""
    logits = exact_logits(line, x, alpha)
    with mpmath.workdps(60):
        return mpmath.log(sum(mpmath.exp(precisely(z - logits[label])) for z in logits))


@settings(max_examples=40, deadline=None)
@example(x=0.0)
@example(x=-700.0)
@example(x=-0.34657359027997264)
@example(x=-0.3465735902799727)
@example(x=-5e-324)
@given(x=st.floats(-700, 0))
def test_exponential_keeps_its_bound(x):
    with mpmath.workdps(60):
        exact = mpmath.exp(mpmath.mpf(x))
        assert abs(sure_exponential.exponential(x) - exact) <= sure_exponential.EXP * exact


@settings(max_examples=40, deadline=None)
@example(s=1.0)
@example(s=1 + 2**-52)
@example(s=1e300)
@given(s=st.floats(1, 1e300))
def test_logarithms_lie_between_their_bounds(s):
    lower, upper = sure_exponential.logarithm_bounds(s)
    with mpmath.workdps(60):
        assert lower <= mpmath.log(mpmath.mpf(s)) <= upper
    assert upper - lower <= 1e-14 * (1 + upper)


def outside(modules, style, seed, alphas=8):
    """Means of the loss outside their bounds, at random rationals and at 0, of how many looked at."""
    line, inputs = small_line(style, seed, samples=2)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, line.n_classes, len(inputs))
    sums = modules["loss"].loss_sums(Enclosure(line, inputs, block=512), labels)
    lower, upper = sums.means
    wrong = 0
    asked = [Fraction(0), Fraction(1), *(Fraction(int(n), 10**6) for n in rng.integers(0, 10**6, alphas))]
    for alpha in asked:
        mean = sum(exact_loss(line, x, label, alpha) for x, label in zip(inputs, labels, strict=True))
        mean /= len(inputs)
        cell = min(int(alpha * CELLS), CELLS - 1)
        wrong += not lower[cell] <= mean <= upper[cell]
        if alpha == 0:
            low, high = sums.start_means
            wrong += not low <= mean <= high
    return wrong


@pytest.mark.parametrize("style", STYLES)
def test_losses_lie_between_their_bounds(style):
    assert outside({"loss": loss}, style, 0) == 0


def parts_outside(modules, rng, rows=200):
    """The pass alone, on exact models of two classes, at points of each part: its own terms count."""
    model = np.zeros((3, rows, 2))
    model[:, :, 0] = rng.normal(size=(3, rows)) * 3
    model[:, :, 1] = rng.normal(size=(3, rows)) * 1e-3
    radius = rng.uniform(0, 1e-3, (rows, 2))
    wrong = 0
    parts = 4
    for r in range(rows):
        lower, upper = np.zeros(parts), np.zeros(parts)
        one = np.ascontiguousarray(model[:, r : r + 1])
        modules["loss"].loss_pass(
            one, radius[r : r + 1], np.array([r % 2]), np.zeros(1, np.int64), parts, lower, upper
        )
        for part in range(parts):
            for share in (Fraction(0), Fraction(1), Fraction(int(rng.integers(1, 99)), 99)):
                t = Fraction(2, parts) * (part + share) - 1
                z = [sum(Fraction(float(one[k, 0, j])) * t**k for k in range(3)) for j in range(2)]
                y = r % 2
                for sign in (1, -1):
                    q = (
                        z[1 - y]
                        - z[y]
                        + sign * (Fraction(float(radius[r, 0])) + Fraction(float(radius[r, 1])))
                    )
                    with mpmath.workdps(60):
                        exact = mpmath.log(1 + mpmath.exp(precisely(q)))
                    wrong += not lower[part] <= exact <= upper[part]
    return wrong


def test_the_pass_alone_is_true():
    assert parts_outside({"loss": loss}, np.random.default_rng(0), rows=40) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("er = radius[r, j] + radius[r, y]", "er = radius[r, j]"),
        ("c_1 = abs(q_1 + 2.0 * q_2 * m) * h", "c_1 = abs(q_1) * h"),
        ("+ max(c_2, 0.0) + er", "+ er"),
        ("+ min(c_2, 0.0) - er", "+ er"),
        ("er = er + LEAD * (size + er)", "er = 0.999 * er"),
    ],
)
def test_a_broken_bound_is_caught(monkeypatch, old, new):
    modules = broken(monkeypatch, "loss", old, new)
    assert parts_outside(modules, np.random.default_rng(0), rows=12)


def test_a_dropped_rounding_is_caught(monkeypatch):
    """Ten thousand equal classes: their sum's rounding, and exp's, are all that is left."""
    exact = mpmath.log(10_000)
    whole = loss._log_sum(np.zeros(10_000), True), loss._log_sum(np.zeros(10_000), False)
    assert whole[1] < exact < whole[0]
    modules = broken(monkeypatch, "sure_exponential", "for i in range(14, 0, -1)", "for i in range(9, 0, -1)")
    with mpmath.workdps(60):
        worst = max(
            abs(modules["sure_exponential"].exponential(x) / mpmath.exp(mpmath.mpf(x)) - 1)
            for x in np.linspace(-0.7, 0, 50)
        )
    assert worst > sure_exponential.EXP


def test_what_is_not_known_is_not_bounded():
    line = ReluLine([(np.full((2, 1), 1e15), np.full((2, 1), 1e15), None, None, True)] * 1)
    huge = ReluLine([(np.full((1, 1), 1e15), np.full((1, 1), 1e15), None, None, True)] * 25)
    for one, labels in ((line, np.zeros(1, np.int64)), (huge, np.zeros(1, np.int64))):
        lower, upper = loss.loss_sums(Enclosure(one, np.full((1, 1), 1e15)), labels).means
        assert (lower >= 0).all()
        assert (upper >= lower).all()
    assert lower.max() == 0.0
