"""T6's window against exact rational evaluation of the condition, squared."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory import DomainError, certified_window

norms = st.floats(0, 30).map(lambda v: round(v, 3)) | st.sampled_from([0.0, 1.0])


@st.composite
def problems(draw):
    depth = draw(st.integers(1, 6))
    layers = st.lists(norms, min_size=depth, max_size=depth)
    return draw(layers), draw(layers), draw(st.floats(0, 5)), draw(st.floats(1e-3, 1e4))


def certified(start, end, input_norm, bias_gap, alpha):
    a = Fraction(float(alpha))
    product = 2 * Fraction(input_norm) ** 2
    for first, last in zip(start, end, strict=True):
        product *= ((1 - a) * Fraction(first) + a * Fraction(last)) ** 2
    return product < (a * Fraction(bias_gap)) ** 2


def inside(lo, hi):
    ends = [np.nextafter(lo, 2.0), np.nextafter(hi, -1.0)]
    return [a for a in [*ends, *(lo + (hi - lo) * np.linspace(0.001, 0.999, 9))] if lo < a < hi]


two_intervals = [12.685, 0.147, 0.726], [1.191, 26.011, 2.544], float(np.sqrt(0.5)), 306.5359


@example(problem=([0.0, 0.0], [0.0, 0.0], 0.0, 1.0))
@example(problem=([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 1.0, float(np.sqrt(2))))
@example(problem=([1.0], [1.0], 1.0, 2.0))
@example(problem=two_intervals)
@given(problem=problems())
def test_T6_the_window_is_certified_and_its_ends_are_tight(problem):
    lo, hi = certified_window(*problem)
    if np.isnan(lo):
        assert np.isnan(hi)
        assert not any(certified(*problem, a) for a in np.linspace(1 / 64, 1, 64))
        return
    assert 0 <= lo < hi <= 1
    assert all(certified(*problem, a) for a in inside(lo, hi))
    if lo > 0:
        assert not certified(*problem, np.nextafter(lo, -1.0))
    if hi < 1:
        assert not certified(*problem, np.nextafter(hi, 2.0))


@settings(max_examples=60)  # each evaluates the exact condition at 127 alphas
@given(problem=problems())
def test_T6_no_certified_stretch_of_the_grid_is_longer(problem):
    lo, hi = certified_window(*problem)
    grid = np.linspace(0, 1, 129)[1:-1]
    run = longest = 0
    for a in grid:
        run = run + 1 if certified(*problem, a) else 0
        longest = max(longest, run)
    # A run of m grid points is no longer than (m + 1) steps, and may hide an uncertified stretch between two.
    if longest == 0:
        return
    assert hi - lo > 0
    same_way = np.sign(np.subtract(problem[1], problem[0]))
    if len(same_way) <= 2 or (same_way >= 0).all() or (same_way <= 0).all():
        assert hi - lo >= (longest - 1) / 128
        assert all(lo < a < hi for a in grid if certified(*problem, a))  # one interval holds them all


def test_T6_mixed_directions_with_three_layers_give_two_intervals():
    # theory.md's counterexample: certified on (0.0235, 0.2518) and on (0.4233, 1]; the longest is returned.
    lo, hi = certified_window(*two_intervals)
    assert (round(lo, 4), hi) == (0.4233, 1.0)
    at = {a: certified(*two_intervals, a) for a in (0.02, 0.1, 0.25, 0.26, 0.42, 0.43, 1.0)}
    assert at == {0.02: False, 0.1: True, 0.25: True, 0.26: False, 0.42: False, 0.43: True, 1.0: True}


def test_T6_is_true_of_relu_networks():
    # Whatever the weights, no sample leaves the class of the largest bias inside the window.
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(30):
        start = [0.3 * rng.normal(size=(5, 5)) for _ in range(3)]
        end = [0.4 * rng.normal(size=(5, 5)) for _ in range(3)]
        bias = np.array([0.0, 0.3, 0.1, 20.0, -4.0])
        x = rng.normal(size=5)
        sizes = [[np.linalg.norm(w, 2) for w in layers] for layers in (start, end)]
        lo, hi = certified_window(*sizes, np.linalg.norm(x), 20.0 - 0.3)
        if np.isnan(lo):
            continue
        held += 1
        for a in inside(lo, hi):
            hidden = x
            for layer, (w0, w1) in enumerate(zip(start, end, strict=True)):
                hidden = ((1 - a) * w0 + a * w1) @ (hidden if layer == 0 else np.maximum(hidden, 0))
            assert np.argmax(hidden + a * bias) == 3
    assert held > 10


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (([1, -1], [1, 1], 1, 1), r"start_norms\[1\] = -1"),
        (([1, 1], [1, np.inf], 1, 1), r"end_norms\[1\] = inf"),
        (([1, 1], [1], 1, 1), r"end_norms must have shape \(2\)"),
        (([1], [1], -1, 1), "input_norm >= 0, got -1"),
        (([1], [1], 1, 0), "bias_gap > 0, got 0"),
        (([1], [1], 1, np.nan), "bias_gap must be finite"),
    ],
)
def test_bad_input_is_refused_with_its_value(arguments, shown):
    with pytest.raises(DomainError, match=shown):
        certified_window(*arguments)
