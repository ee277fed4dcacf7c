"""Bounds of differences of logits that do not go through |W|, of both proofs: true, needed, and tight."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory.certificates.relu_line import enclosure, norms, recheck, recheck_backward
from mli_theory.certificates.relu_line.network import ReluLine
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line
from tests.mli_theory.certificates.relu_line.test_recheck import cancelling
from tests.mli_theory.certificates.relu_line.test_soundness import every_style, some_cells
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits

OURS = {"enclosure": enclosure, "recheck": recheck, "recheck_backward": recheck_backward}
MIDDLE = Fraction(5, 11)


def first_proof(modules, line, inputs, samples, lower, upper):
    """For all pairs: models of the difference as functions of alpha, and the backward bounds alone."""
    made = modules["enclosure"].Enclosure(line, inputs, block=len(samples))
    model, radius, centre, half = made.logits(samples, lower, upper)
    kept = [one.of(len(samples)) for one in made._kept]
    rows, i, j = all_pairs(len(samples), line.n_classes)
    bounds = made._pairs._bounds(rows, i, j, kept, (lower, upper, centre, half), np.full(len(rows), -1.0))

    def value(pair, alpha):
        r = rows[pair]
        t = (alpha - Fraction(centre[r])) / Fraction(half[r])
        q = [Fraction(model[k, r, i[pair]]) - Fraction(model[k, r, j[pair]]) for k in range(3)]
        return q[0] + q[1] * t + q[2] * t**2

    return value, bounds, radius[rows, i] + radius[rows, j]


def second_proof(modules, line, inputs, samples, lower, upper):
    layers = []
    values, radius = modules["recheck"]._logits(line, inputs[samples], lower, upper, layers)
    rows, i, j = all_pairs(len(samples), line.n_classes)
    bounds = modules["recheck_backward"].BackwardBounds(line).differences(layers, rows, i, j, lower, upper)

    def value(pair, alpha):
        r = rows[pair]
        s = (alpha - Fraction(lower[r])) / (Fraction(upper[r]) - Fraction(lower[r]))
        q = [Fraction(values[k, r, i[pair]]) - Fraction(values[k, r, j[pair]]) for k in range(3)]
        return q[0] * (1 - s) ** 2 + 2 * q[1] * s * (1 - s) + q[2] * s**2

    return value, bounds, radius[rows, i] + radius[rows, j]


PROOFS = {"first": first_proof, "second": second_proof}


def all_pairs(rows, classes):
    r, i, j = np.indices((rows, classes, classes)).reshape(3, -1)
    return r[i != j], i[i != j], j[i != j]


def outside(proof, modules, line, inputs, samples, lower, upper):
    """Differences of logits outside their backward bound, of how many, at three alphas of each cell."""
    with np.errstate(all="ignore"):
        value, bounds, _ = PROOFS[proof](modules, line, inputs, samples, lower, upper)
    rows, i, j = all_pairs(len(samples), line.n_classes)
    wrong = seen = 0
    for r, (a, b) in enumerate(zip(lower, upper, strict=True)):
        for share in (Fraction(0), MIDDLE, Fraction(1)):
            alpha = Fraction(a) + share * (Fraction(b) - Fraction(a))
            exact = exact_logits(line, inputs[samples[r]], alpha)
            for pair in np.flatnonzero((rows == r) & np.isfinite(bounds)):
                seen += 1
                off = exact[i[pair]] - exact[j[pair]] - value(pair, alpha)
                wrong += abs(off) > Fraction(bounds[pair])
    return wrong, seen


def drawn(style, seed, rows=8):
    line, inputs = small_line(style, seed)
    rng = np.random.default_rng(seed)
    return line, inputs, rng.integers(0, len(inputs), rows), *some_cells(rng, rows)


@settings(max_examples=8, deadline=None)
@every_style
@given(style=st.sampled_from(STYLES), seed=st.integers(0, 10**6))
def test_every_difference_lies_within_its_bound(style, seed):
    for proof in PROOFS:
        wrong, seen = outside(proof, OURS, *drawn(style, seed))
        assert wrong == 0
        assert seen or style == "one class" or drawn(style, seed)[0].n_classes == 1


def wide_line(seed=0):
    """Eight layers of 16 units: |W| after |W| is far above what the errors become."""
    rng = np.random.default_rng(seed)
    widths = [16] * 8 + [3]
    steps = [(*rng.normal(0, 0.35, (2, n, 16)), None, None, k < 7) for k, n in enumerate(widths[1:])]
    return ReluLine(steps), rng.normal(size=(6, 16))


@pytest.mark.parametrize("proof", PROOFS)
def test_it_is_several_times_tighter_on_a_deep_network(proof):
    line, inputs = wide_line()
    lower = np.arange(6) / 8
    _, bounds, forward = PROOFS[proof](OURS, line, inputs, np.arange(6), lower, lower + 2.0**-6)
    assert np.median(bounds / forward) < 0.2


@pytest.mark.parametrize(
    ("proof", "module", "old", "new"),
    [
        ("first", "backward", "total[p] + by_radius +", "total[p] +"),
        ("first", "backward", "total[p] + by_own +", "total[p] +"),
        ("first", "backward", "moved = half[r] * (math.sqrt(squares) + SMALLEST)", "moved = 0.0"),
        ("first", "passes", "(lam * n + 0.5 * offset", "(lam * n + 0.1 * offset"),
        ("first", "passes", "norms[j] + TINY + biases + abs(z_3)", "norms[j] + TINY + biases"),
        ("first", "passes", "factor[r, j] = lam", "factor[r, j] = 0.5 * lam"),
        ("second", "recheck_backward", 'above + np.einsum("pk,pk->p", size, radius) +', "above +"),
        ("second", "recheck_backward", '(above + np.einsum("pk,pk->p", size, own)', "(above"),
        ("second", "recheck_backward", "moved = 0.5 * (b - a)", "moved = 0.0 * (b - a)"),
        ("second", "recheck", "n = (lam * n + offset / 2", "n = (lam * n"),
        ("second", "recheck", "taken[r, j] = lam", "taken[r, j] = 0.5 * lam"),
    ],
)
def test_a_broken_bound_is_caught(monkeypatch, proof, module, old, new):
    modules = broken(monkeypatch, module, old, new)
    for style, seed in (
        ("plain", 0),
        ("plain", 3),
        ("plain", 5),
        ("positive", 1),
        ("no bias", 2),
        ("leaky", 4),
    ):
        if outside(proof, modules, *drawn(style, seed, 16))[0]:
            return
    raise AssertionError("not caught")


def own_outside(proof, modules):
    """Logits of one layer at exact inputs that are further off than what the layer calls its own."""
    line, inputs, lower, upper, _ = cancelling(biased=False)
    samples, layers = np.arange(len(inputs)), []
    if proof == "first":
        made = modules["enclosure"].Enclosure(line, inputs, block=len(inputs))
        model, _, centre, half = made.logits(samples, lower, upper)
        own = made._kept[0].own
    else:
        values, _ = modules["recheck"]._logits(line, inputs, lower, upper, layers)
        own = layers[0].own
    wrong = 0
    for r in samples:
        alpha = Fraction(lower[r])
        t = (alpha - Fraction(centre[r])) / Fraction(half[r]) if proof == "first" else None
        for j, exact in enumerate(exact_logits(line, inputs[r], alpha)):
            if proof == "first":
                value = sum(Fraction(model[k, r, j]) * t**k for k in range(3))
            else:
                value = Fraction(values[0, r, j])
            wrong += abs(exact - value) > Fraction(own[r, j])
    return wrong


@pytest.mark.parametrize(
    ("proof", "module", "old", "new"),
    [
        ("first", "passes", "(rounded[r] * norms[j] + TINY", "(TINY"),
        ("second", "recheck", "n = rounded[r] *", "n = 0.0 * rounded[r] *"),
    ],
)
def test_the_rounding_of_a_layer_is_its_own_and_a_dropped_one_is_caught(monkeypatch, proof, module, old, new):
    assert own_outside(proof, OURS) == 0
    assert own_outside(proof, broken(monkeypatch, module, old, new))


@pytest.mark.parametrize("seed", range(4))
def test_norms_from_above_are_above_and_near(seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=rng.integers(1, 40, 2)) * 10.0 ** rng.integers(-8, 8)
    true = np.linalg.norm(w, 2)
    for above in (norms.spectral_norm_above(w), recheck_backward._spectral(w)):
        assert true <= above * (1 + 1e-13)
        assert above <= 1.2 * true
    exact = [sum(Fraction(v) ** 2 for v in row) for row in w]
    for found in (norms.norms_above(w, 1), recheck_backward.euclidean(w)):
        assert all(Fraction(f) ** 2 >= e for f, e in zip(found.tolist(), exact, strict=True))
