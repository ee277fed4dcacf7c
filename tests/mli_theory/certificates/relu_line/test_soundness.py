"""T15 is true: whole numbers at rational alphas inside thousands of cells, and every bound is needed."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mli_theory.certificates.relu_line import enclosure, leads, passes
from mli_theory.certificates.relu_line.cells import UNDECIDED
from mli_theory.certificates.relu_line.search import search
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits, leader

FRACTIONS = (Fraction(0), Fraction(1), Fraction(1, 3), Fraction(7, 1000))


def some_cells(rng, rows):
    """From the whole line to 2^-45, the ends of the line among them."""
    width = 2.0 ** -rng.integers(0, 46, rows)
    lower = np.floor(rng.uniform(0, 1, rows) / width) * width
    lower = np.where(rng.uniform(size=rows) < 0.2, 0.0, lower)
    lower = np.where(rng.uniform(size=rows) < 0.2, 1.0 - width, lower)
    return lower, np.minimum(lower + width, 1.0)


def outside(modules, style, seed, rows=24):
    """How many logits of random cells lie outside their enclosure, of how many looked at; exactly."""
    line, inputs = small_line(style, seed)
    rng = np.random.default_rng(seed)
    lower, upper = some_cells(rng, rows)
    samples = rng.integers(0, len(inputs), rows)
    made = modules.Enclosure(line, inputs, block=rows)
    model, radius, centre, half = made.logits(samples, lower, upper)
    wrong = seen = 0
    for r in range(rows):
        for share in (*FRACTIONS[:2], Fraction(int(rng.integers(1, 10**6)), 10**6)):
            alpha = Fraction(lower[r]) + share * (Fraction(upper[r]) - Fraction(lower[r]))
            t = (alpha - Fraction(centre[r])) / Fraction(half[r])
            for j, exact in enumerate(exact_logits(line, inputs[samples[r]], alpha)):
                if not np.isfinite(radius[r, j]):
                    continue
                seen += 1
                value = sum(Fraction(float(model[k, r, j])) * t**k for k in range(3))
                wrong += abs(exact - value) > Fraction(float(radius[r, j]))
    return wrong, seen


def every_style(test):
    for style in STYLES:
        test = example(style=style, seed=0)(test)
    return test


@settings(max_examples=15, deadline=None)
@every_style
@given(style=st.sampled_from(STYLES), seed=st.integers(0, 10**6))
def test_every_logit_lies_in_its_enclosure(style, seed):
    wrong, seen = outside(enclosure, style, seed)
    assert wrong == 0
    assert seen


@settings(max_examples=15, deadline=None)
@every_style
@given(style=st.sampled_from(STYLES), seed=st.integers(0, 10**6))
def test_the_class_of_a_cell_leads_alone_and_only_candidates_lead_elsewhere(style, seed):
    line, inputs = small_line(style, seed)
    cells = search(enclosure.Enclosure(line, inputs, block=64), len(inputs), 2.0**-20, most_rows=500)
    assert cells.tile(len(inputs))
    rng = np.random.default_rng(seed)
    some = rng.choice(len(cells.sample), min(len(cells.sample), 60), replace=False)
    # All undecided ones up to a number, and both ends of the line.
    ends = np.flatnonzero((cells.start == 0) | (cells.end == 1) | (cells.winner == UNDECIDED))[:40]
    for cell in np.union1d(some, ends):
        start, end = Fraction(cells.start[cell]), Fraction(cells.end[cell])
        for share in FRACTIONS:
            found = leader(exact_logits(line, inputs[cells.sample[cell]], start + share * (end - start)))
            if cells.winner[cell] != UNDECIDED:
                assert found == cells.winner[cell]
            elif found is not None:
                assert cells.candidates[cell, found]


def test_plain_networks_are_decided_nearly_everywhere():
    """A certificate that is true because it says nothing would pass the tests above."""
    for seed in range(8):
        line, inputs = small_line("plain", seed)
        cells = search(enclosure.Enclosure(line, inputs), len(inputs), 2.0**-22)
        undecided = (cells.end - cells.start)[cells.winner == UNDECIDED].sum() / len(inputs)
        always_tied = all(leader(exact_logits(line, x, Fraction(1, 7))) is None for x in inputs)
        assert undecided < 1e-4 or always_tied


def relu_outside(modules, rng, rows=400, slope=0.0):
    """The pass alone, on models that are exact: units that barely cross 0 make each of its terms count."""
    z = rng.normal(size=(3, rows))
    z[2] *= 2.0 ** -rng.integers(0, 60, rows)
    z[0] = abs(z[1]) + np.maximum(-z[2], 0) + rng.integers(-2, 3, rows) * 2.0**-52
    z[:, :2] = [[1.0, 1.0], [1.0, -1.0], [-(2.0**-54), -(2.0**-54)]]  # the lower end rounds to 0
    products = np.zeros((3, rows, 2))
    products[:, :, 0] = z
    model, radius, none = np.empty((3, rows, 1)), np.empty((rows, 1)), np.zeros(1)
    sign = np.empty((rows, 1), np.int8)
    centre, half = np.full((2, rows), 0.5)
    modules.layer_pass(
        products,
        np.zeros((rows, 1)),
        1.0,
        centre,
        half,
        none,
        none,
        False,
        np.full(1, slope),
        np.zeros(rows),
        np.zeros(1),
        model,
        radius,
        sign,
        *np.empty((2, rows, 1)),
    )
    wrong = 0
    for r in range(rows):
        for t in (Fraction(-1), Fraction(1), Fraction(int(rng.integers(-999, 1000)), 999)):
            exact = sum(Fraction(z[k, r]) * t**k for k in range(3))
            wrong += exact * sign[r, 0] < 0
            exact = max(exact, Fraction(slope) * exact)
            value = sum(Fraction(model[k, r, 0]) * t**k for k in range(3))
            wrong += abs(exact - value) > Fraction(radius[r, 0])
    return wrong


def leads_outside(modules, rng, rows=4000):
    """Certified ends of two classes whose difference barely touches 0 inside the cell."""
    root, curve = rng.uniform(-1, 1, rows), rng.uniform(0.1, 2, rows)
    q = np.array([curve * root**2, -2 * curve * root, curve])
    model = np.zeros((3, rows, 2))
    model[:, :, 1] = rng.normal(size=(3, rows))
    model[:, :, 0] = model[:, :, 1] + q
    left, right = np.empty((2, rows))
    classes = np.empty((2, rows), np.int64)
    no_bounds = np.full((2, rows, 2), np.inf)
    modules.lead_pass(model, np.zeros((rows, 2)), no_bounds, left, right, *classes)
    wrong = 0
    for r in range(rows):
        for length, sign, winner in ((left[r], -1, classes[0, r]), (right[r], 1, classes[1, r])):
            t = sign * (1 - Fraction(length))
            exact = [sum(Fraction(model[k, r, j]) * t**k for k in range(3)) for j in range(2)]
            wrong += length > 0 and not exact[winner] > exact[1 - winner]
    return wrong


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0])
def test_the_pass_alone_is_true(slope):
    assert relu_outside(passes, np.random.default_rng(0), slope=slope) == 0


def test_certified_ends_are_true_where_two_classes_touch():
    assert leads_outside(leads, np.random.default_rng(0)) == 0


@pytest.mark.parametrize(
    ("module", "old", "new", "style"),
    [
        ("rounding", "return 2.0 * (fan_in + 8) * U", "return 0.0", "no bias"),
        ("rounding", "BIAS = 8.0 * U", "BIAS = 0.0", "bias alone"),
        ("rounding", "TINY = 1e-270", "TINY = 0.0", "tiny"),
        ("passes", "lam * e + 0.5 * offset", "lam * e + 0.25 * offset", "plain"),
        ("passes", "lam = s if top <= 0.0", "lam = 0.0 if top <= 0.0", "leaky"),
        ("passes", "(lam * e + 0.5 * offset", "(0.5 * offset", "plain"),
        ("passes", "inflate + TINY + biases + abs(z_3)", "inflate + TINY + biases", "positive"),
        ("passes", "first * radius[r, i]", "0.0 * radius[r, i]", "plain"),
        ("passes", "upper[r] * (radius[r, i] + lost)", "upper[r] * lost", "plain"),
    ],
)
def test_a_broken_enclosure_is_caught(monkeypatch, module, old, new, style):
    modules = broken(monkeypatch, module, old, new)
    assert any(outside(modules["enclosure"], style, seed)[0] for seed in range(12))


def test_a_broken_range_or_relaxation_is_caught(monkeypatch):
    for old, new in (("RANGE = 16.0 * U", "RANGE = 0.0"), ("RELU = 8.0 * U", "RELU = 0.0")):
        modules = broken(monkeypatch, "rounding", old, new)
        assert relu_outside(modules["passes"], np.random.default_rng(0))


def test_a_broken_lead_is_caught(monkeypatch):
    modules = broken(monkeypatch, "rounding", "LEAD = 64.0 * U", "LEAD = 0.0")
    assert leads_outside(modules["leads"], np.random.default_rng(0))


@pytest.mark.parametrize("style", ["plain", "kinks", "tiny"])
def test_unbroken_source_gives_the_same(monkeypatch, style):
    """What is broken above is the code that is compiled: unbroken, it gives the compiled numbers."""
    modules = broken(monkeypatch, "rounding", "U = 2.0**-53", "U = 2.0**-53 + 0")
    line, inputs = small_line(style, 1)
    rows = np.arange(len(inputs))
    lower, upper = some_cells(np.random.default_rng(1), len(rows))
    plain, fast = (
        m.Enclosure(line, inputs).logits(rows, lower, upper) for m in (modules["enclosure"], enclosure)
    )
    for one, other in zip(plain, fast, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-280)
