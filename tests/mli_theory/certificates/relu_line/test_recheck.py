"""The second proof's arithmetic is true, its bounds are needed, it shares nothing with the first."""

import ast
import importlib
import inspect
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory.certificates.relu_line import recheck, recheck_backward
from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.relu_line.search import search
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line
from tests.mli_theory.certificates.relu_line.test_soundness import every_style, some_cells
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits


def outside(module, style, seed, rows=24):
    """How many logits of random cells lie outside their Bernstein enclosure, of how many looked at."""
    line, inputs = small_line(style, seed)
    rng = np.random.default_rng(seed)
    return outside_at(module, line, inputs[rng.integers(0, len(inputs), rows)], *some_cells(rng, rows), rng)


def outside_at(module, line, x, lower, upper, rng):
    values, radius = module._logits(line, x, lower, upper)
    wrong = seen = 0
    for r in range(len(x)):
        for s in (Fraction(0), Fraction(1), Fraction(int(rng.integers(1, 10**6)), 10**6)):
            alpha = (1 - s) * Fraction(lower[r]) + s * Fraction(upper[r])
            shares = ((1 - s) ** 2, 2 * s * (1 - s), s**2)
            for j, exact in enumerate(exact_logits(line, x[r], alpha)):
                if np.isfinite(radius[r, j]):
                    seen += 1
                    value = sum(share * Fraction(float(values[k, r, j])) for k, share in enumerate(shares))
                    wrong += abs(exact - value) > Fraction(float(radius[r, j]))
    return wrong, seen


@settings(max_examples=10, deadline=None)
@every_style
@given(style=st.sampled_from(STYLES), seed=st.integers(0, 10**6))
def test_every_logit_lies_in_its_enclosure(style, seed):
    wrong, seen = outside(recheck, style, seed)
    assert wrong == 0
    assert seen


@pytest.mark.parametrize(
    ("old", "new", "style"),
    [
        ("e = (e + abs(third) +", "e = (e +", "positive"),
        ("lam * e + offset / 2", "lam * e + offset / 4", "plain"),
        ("(lam * e + offset", "(offset", "plain"),
        ("b[:, None] * (sizes", "0 * b[:, None] * (sizes", "plain"),
    ],
)
def test_a_broken_bound_is_caught(monkeypatch, old, new, style):
    module = broken(monkeypatch, "recheck", old, new)["recheck"]
    assert any(outside(module, style, seed)[0] for seed in range(12))


def cancelling(biased):
    """One layer of thirty units whose outputs nearly vanish: their size does not hide their rounding.

    Without biases w_1 x_1 = -w_2 x_2 up to rounding; with them b(alpha) vanishes near alpha = 1/3.
    """
    rng = np.random.default_rng(1)
    size = rng.uniform(1, 2, 30)
    weight = np.column_stack([0.3 * size, -0.1 * size])
    lower = np.full(2, 1 / 3 - 2.0**-48)
    if biased:
        line = ReluLine([(0 * weight, 0 * weight, size, -2 * size * (1 + 2.0**-50), False)])
    else:
        line = ReluLine([(weight, weight, None, None, False)])
    return line, np.array([[0.1, 0.3], [0.2, 0.6]]), lower, lower + 2.0**-46, rng


@pytest.mark.parametrize(
    ("old", "new", "biased"),
    [
        ("(radius + (fan_in + 10) * _U * largest)", "radius", False),
        ("10 * u * (abs(start_bias", "0 * u * (abs(start_bias", True),
    ],
)
def test_a_dropped_rounding_is_caught_where_it_is_not_hidden(monkeypatch, old, new, biased):
    assert outside_at(recheck, *cancelling(biased))[0] == 0
    assert outside_at(broken(monkeypatch, "recheck", old, new)["recheck"], *cancelling(biased))[0]


@pytest.mark.parametrize("style", ["plain", "kinks", "mixed sizes", "one class", "relu last"])
def test_what_the_search_proves_is_proved_again(style):
    for seed in range(3):
        line, inputs = small_line(style, seed)
        cells = search(Enclosure(line, inputs, block=64), len(inputs), 2.0**-20, most_rows=500)
        found = recheck.recheck(line, inputs, cells)
        assert found.cells == len(cells.sample)
        assert not len(found.unproved)


def test_a_false_cell_is_not_proved():
    line, inputs = small_line("plain", 4)
    cells = search(Enclosure(line, inputs), len(inputs), 2.0**-20)
    whole = np.zeros(1)
    seen = set()
    for sample in range(len(inputs)):
        classes = {c for _, _, c in cells.intervals(sample) if c is not None}
        for winner in range(line.n_classes):
            candidates = (np.arange(line.n_classes) == winner)[None]
            one = Cells(np.array([sample]), whole, whole + 1, np.array([winner]), candidates)
            proved = not len(recheck.recheck(line, inputs, one).unproved)
            assert proved == (
                classes == {winner} and (cells.winner[cells.sample == sample] != UNDECIDED).all()
            )
            seen.add(proved)
    assert False in seen


def test_it_imports_nothing_of_the_search():
    # How loops are compiled, the weights, the cells themselves; and its own other module.
    allowed = {"compiled", "network", "cells", "recheck_backward"}
    for module in (recheck, recheck_backward):
        tree = ast.parse(inspect.getsource(importlib.import_module(module.__name__)))
        rooms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.rpartition(".")[2] for name in rooms if name.startswith("mli_theory")} <= allowed
