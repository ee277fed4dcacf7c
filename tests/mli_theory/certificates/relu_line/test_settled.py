"""Settled stretches are exactly true: whole numbers at rationals say the same; planted faults are caught."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from flint import fmpz_poly
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory.certificates.exact_roots import unit_roots
from mli_theory.certificates.relu_line import exact_walk, settled, settled_again
from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.relu_line.recheck import Recheck
from mli_theory.certificates.relu_line.search import search
from tests.mli_theory.certificates.relu_line.small_lines import STYLES, broken, small_line
from tests.mli_theory.certificates.relu_line.test_soundness import every_style
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits


def leaders(line, x, alpha):
    logits = exact_logits(line, x, alpha)
    return tuple(i for i, value in enumerate(logits) if value == max(logits))


def whole_line(line, samples):
    """One undecided cell a sample, [0, 1]: all kinks of the line lie in it."""
    zeros = np.zeros(samples)
    undecided = np.full(samples, UNDECIDED)
    return Cells(np.arange(samples), zeros, zeros + 1, undecided, np.ones((samples, line.n_classes), bool))


def settle(modules, line, inputs, cells):
    found = modules["settled"].settle(
        modules["exact_walk"].ExactLine(line), Enclosure(line, inputs), inputs, cells
    )
    return list(found)


OURS = {"settled": settled, "exact_walk": exact_walk}


def wrong_stretches(line, inputs, found):
    """Stretches that say, at their ends or between two changes, something else than whole numbers do."""
    wrong = 0
    for one in found:
        said = [(Fraction(one.start), one.leaders)]
        reached, now = Fraction(one.start), one.leaders
        for change in (*one.changes, None):
            upto = Fraction(one.end if change is None else change.lower)
            if upto > reached:
                shares = (Fraction(1, 9), Fraction(1, 2), Fraction(1))
                said += [(reached + share * (upto - reached), now) for share in shares]
            if change is not None:
                reached, now = Fraction(change.upper), change.after
        wrong += any(leaders(line, inputs[one.sample], alpha) != classes for alpha, classes in said)
    return wrong


@settings(max_examples=8, deadline=None)
@every_style
@given(style=st.sampled_from(STYLES), seed=st.integers(0, 10**6))
def test_what_is_settled_is_what_whole_numbers_say(style, seed):
    line, inputs = small_line(style, seed, samples=3)
    coarse = search(Enclosure(line, inputs), len(inputs), 2.0**-6, most_rows=100)
    for cells in (coarse, whole_line(line, len(inputs))):
        found = settle(OURS, line, inputs, cells)
        assert wrong_stretches(line, inputs, found) == 0
        fine = settled.with_settled(cells, found)
        assert fine.tile(len(inputs))
        narrow = fine.winner == UNDECIDED
        tied = any(len(one.leaders) > 1 or any(len(c.after) > 1 for c in one.changes) for one in found)
        assert tied or (fine.end - fine.start)[narrow].max(initial=0.0) <= 1e-15 * max(
            (len(one.changes) for one in found), default=0
        )
        again = settled_again.with_false_changes(Recheck(0, 0, np.zeros(0, int)), line, inputs, cells, found)
        assert not len(again.unproved)


def one_unit(*steps):
    """x = 1 and affine steps (w0, w1, b0, b1, rectified) of one or more units."""
    return ReluLine([(*(np.array(a, float) for a in step[:4]), step[4]) for step in steps])


def test_a_change_at_a_kink_a_touch_and_an_end_are_told_apart():
    # h = relu(2 alpha - 1) and relu(1 - 2 alpha); logits h_0 - h_1 and 0: a change exactly at the kink.
    both = one_unit(
        ([[-1], [1]], [[1], [-1]], [0, 0], [0, 0], True),
        ([[1, -1], [0, 0]], [[1, -1], [0, 0]], [0, 0], [0, 0], False),
    )
    (one,) = settle(OURS, both, np.ones((1, 1)), whole_line(both, 1))
    (change,) = one.changes
    assert (change.before, change.at, change.after) == ((1,), (0, 1), (0,))
    assert change.lower < 0.5 < change.upper
    # Logits h_0 + h_1 and 0 touch at the kink; without h_1 they are equal up to it.
    touch = one_unit(
        ([[-1], [1]], [[1], [-1]], [0, 0], [0, 0], True),
        ([[1, 1], [0, 0]], [[1, 1], [0, 0]], [0, 0], [0, 0], False),
    )
    (one,) = settle(OURS, touch, np.ones((1, 1)), whole_line(touch, 1))
    assert [(c.before, c.at, c.after) for c in one.changes] == [((0,), (0, 1), (0,))]
    assert one.class_changes == 0
    assert one.goes_wrong(0)
    flat = one_unit(
        ([[-1], [1]], [[1], [-1]], [0, 0], [0, 0], True),
        ([[1, 0], [0, 0]], [[1, 0], [0, 0]], [0, 0], [0, 0], False),
    )
    (one,) = settle(OURS, flat, np.ones((1, 1)), whole_line(flat, 1))
    assert [(c.before, c.at, c.after) for c in one.changes] == [((0, 1), (0, 1), (0,))]
    assert not one.goes_wrong(0)
    # Logits alpha and 0: a tie at 0 alone. Its enclosure begins at 0.
    start = one_unit(([[0], [0]], [[1], [0]], [0, 0], [0, 0], False))
    (one,) = settle(OURS, start, np.ones((1, 1)), whole_line(start, 1))
    assert [(c.lower, c.before, c.after) for c in one.changes] == [(0.0, (0, 1), (0,))]
    assert one.changes[0].upper < 1e-15


def test_two_changes_between_two_floats_make_one_undecided_cell():
    # (alpha - r)(alpha - r - 2^-60) at r = 1/3 rounded, against 0, as two layers of one unit each.
    r, gap = Fraction(1 / 3), Fraction(1, 2**60)
    line = one_unit(
        ([[1]], [[1 - float(r)]], [0], [0], False),
        ([[1], [0]], [[1], [0]], [-float(r), 0], [-float(r), 0], False),
    )
    changes = tuple(
        settled.Change(float(r) - 2**-54, float(r) + 2**-54, (a,), (0, 1), (b,)) for a, b in ((0, 1), (1, 0))
    )
    one = settled.Settled(0, 0.25, 0.5, (0,), changes)
    cells = Cells(np.zeros(3, int), np.array([0, 0.25, 0.5]), np.array([0.25, 0.5, 1]),
                  np.array([0, -1, 0]), np.array([[True, False], [True, True], [True, False]]))  # fmt: skip
    fine = settled.with_settled(cells, [one])
    assert fine.tile(1)
    assert fine.winner.tolist() == [0, 0, -1, 0, 0]
    assert gap < 2**-54
    assert line.n_classes == 2


def test_enclosures_are_narrow_and_hold_the_root():
    # (1 + alpha)^2 / 2 = 1 at sqrt 2 - 1: two layers of one unit.
    line = one_unit(([[1]], [[2]], [0], [0], True), ([[0.5], [0]], [[1], [0]], [0, 1], [0, 1], False))
    (one,) = settle(OURS, line, np.ones((1, 1)), whole_line(line, 1))
    (change,) = one.changes
    assert change.upper - change.lower < 1e-15
    assert (1 + Fraction(change.lower)) ** 2 < 2 < (1 + Fraction(change.upper)) ** 2
    ((root, _),) = unit_roots(fmpz_poly([-1, 2, 1]))
    assert root.compare(change.lower) > 0 > root.compare(change.upper)


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("exact_walk", "if multiplicity % 2 and compare", "if multiplicity % 2 == 0 and compare"),
        ("exact_walk", "here = told.after", "here = told.before"),
        ("exact_walk", "largest *= max(step.growth, 1", "largest *= max(1, 1"),
        ("exact_walk", "else step.slope[j]\n        units", "else one\n        units"),
        ("settled", "return max(below, float(lower))", "return max(below, float(low) + 1e-9)"),
    ],
)
def test_a_broken_walk_is_caught(monkeypatch, module, old, new):
    modules = broken(monkeypatch, module, old, new)
    assert any(_is_caught(modules, style, seed) for style in ("plain", "kinks") for seed in range(4))


def _is_caught(modules, style, seed):
    line, inputs = small_line(style, seed, samples=3)
    try:
        found = settle(modules, line, inputs, whole_line(line, 3))
    except (AssertionError, ValueError, ZeroDivisionError):
        return True
    return wrong_stretches(line, inputs, found) > 0


def test_the_second_look_finds_a_false_change():
    line, inputs = small_line("plain", 4)
    cells = whole_line(line, len(inputs))
    found = settle(OURS, line, inputs, cells)
    place = next(i for i, one in enumerate(found) if one.changes)
    one = found[place]
    change = one.changes[0]
    moved = settled.Change(change.lower + 1e-3, change.upper + 1e-3, change.before, change.at, change.after)
    false = settled.Settled(one.sample, one.start, one.end, one.leaders, (moved, *one.changes[1:]))
    nothing = Recheck(0, 0, np.zeros(0, int))
    again = settled_again.with_false_changes(nothing, line, inputs, cells, [false])
    assert again.unproved.tolist() == [one.sample]
    for alpha in (Fraction(0), Fraction(2, 7), Fraction(1)):
        assert settled_again.leading_classes(line, inputs[0], alpha) == leaders(line, inputs[0], alpha)


def test_a_neighbour_that_says_otherwise_is_a_broken_bound():
    line, inputs = small_line("plain", 4, samples=1)
    cells = search(Enclosure(line, inputs), 1, 2.0**-6)
    place = int(np.flatnonzero(cells.winner == UNDECIDED)[0])
    winner = cells.winner.copy()
    winner[place - 1] = (winner[place - 1] + 1) % line.n_classes
    false = Cells(cells.sample, cells.start, cells.end, winner, cells.candidates)
    with pytest.raises(AssertionError, match="a bound is broken"):
        settle(OURS, line, inputs, false)


def test_stretches_join_neighbouring_cells():
    cells = whole_line(ReluLine([(np.ones((2, 1)), np.ones((2, 1)), None, None, False)]), 2)
    halves = Cells.joined([cells, cells]).sorted()
    cut = Cells(
        halves.sample,
        np.array([0, 0.5, 0, 0.5]),
        np.array([0.5, 1, 0.5, 1]),
        halves.winner,
        halves.candidates,
    )
    assert [c.tolist() for c in settled.undecided_clusters(cut)] == [[0, 1], [2, 3]]
    assert all(a[-1] < b[0] for a, b in pairwise(settled.undecided_clusters(cut)))
