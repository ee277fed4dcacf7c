"""Dropping a hypothesis breaks the conclusion: every counterexample is one, and every theorem has one."""

import re
from pathlib import Path

import numpy as np
import pytest

from mli_theory import COUNTEREXAMPLES

THEOREMS = [f"T{i}" for i in range(1, 15)] + ["T4'", "T10b", "T10c", "T11'"]


@pytest.mark.parametrize("case", COUNTEREXAMPLES, ids=lambda c: f"{c.theorem}: {c.dropped}")
def test_the_conclusion_fails_without_the_hypothesis(case):
    found, allowed = case.measure()
    assert np.isfinite(found)
    # Clearly so: by more than any rounding.
    assert found > allowed + 1e-9 * max(1.0, abs(allowed))


def test_every_theorem_has_a_counterexample():
    assert {case.theorem for case in COUNTEREXAMPLES} == set(THEOREMS)
    assert len({(case.theorem, case.dropped) for case in COUNTEREXAMPLES}) == len(COUNTEREXAMPLES)


def test_the_page_of_counterexamples_shows_each_of_them():
    page = (Path(__file__).parents[2] / "docs" / "counterexamples.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (T\S+) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", page, flags=re.M)
    shown = {(theorem, dropped): (conclusion, example) for theorem, dropped, conclusion, example, *_ in rows}
    numbers = {(row[0], row[1]): row[4:] for row in rows}
    for case in COUNTEREXAMPLES:
        assert shown[case.theorem, case.dropped] == (case.conclusion, case.example)
        assert numbers[case.theorem, case.dropped] == tuple(f"{x:.3g}" for x in case.measure())
    assert len(rows) == len(COUNTEREXAMPLES)
