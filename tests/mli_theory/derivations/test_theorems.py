"""Every step is re-proved, and no step survives a wrong right side."""

from dataclasses import replace

import pytest
import sympy as sp

from mli_theory.derivations import THEOREMS, ProofError
from mli_theory.derivations.relations import Relation

NO_WORDS = ("T1", "T2", "T3", "T4", "T5", "T7", "T8", "T13")
WRONG = {
    "times 2": lambda right: 2 * right,
    "plus 1": lambda right: right + 1,
    "a sign": lambda right: -right,
}
STEPS = [(name, step) for name, theorem in THEOREMS.items() for step in theorem.checked_steps]


def _free(relation):
    return {str(getattr(symbol, "base", symbol)) for symbol in relation.symbols}


def test_every_theorem_of_the_theory_is_there():
    numbers = [f"T{number}" for number in range(1, 15)]
    assert sorted(THEOREMS) == sorted([*numbers, "T4'", "T10b", "T10c", "T11'"])


@pytest.mark.parametrize("theorem", THEOREMS.values(), ids=THEOREMS)
def test_check_reproves_every_step(theorem):
    report = theorem.check()
    assert report.checked == len(theorem.checked_steps) > 0
    assert report.in_words == len(theorem.word_steps)


@pytest.mark.parametrize("name", [name for name in NO_WORDS if name in THEOREMS])
def test_no_step_rests_on_words(name):
    assert THEOREMS[name].status() == "proved"


@pytest.mark.parametrize(("name", "step"), STEPS, ids=[f"{name}: {step.name}" for name, step in STEPS])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_right_side_is_not_proved(name, step, wrong):
    theorem = THEOREMS[name]
    claim = Relation(step.claim.left, step.claim.sign, wrong(step.claim.right))
    broken = theorem.with_step(replace(step, claim=claim))
    with pytest.raises(ProofError, match="could not decide") as failure:
        broken.check()
    assert f"step {step.name!r}" in str(failure.value)  # the broken step's own failure, not a later one's


@pytest.mark.parametrize("theorem", THEOREMS.values(), ids=THEOREMS)
def test_the_conclusion_contains_the_hypotheses_symbols(theorem):
    concluded = set()
    for step in theorem.conclusions:
        concluded |= _free(step.claim).union(*map(_free, step.conditions))
    assumed = {str(getattr(s, "base", s)) for h in theorem.hypotheses for s in h.symbols}
    assert assumed <= concluded, assumed - concluded


@pytest.mark.parametrize("theorem", THEOREMS.values(), ids=THEOREMS)
def test_each_dropped_hypothesis_has_an_exact_counterexample(theorem):
    assert theorem.counterexamples
    for counterexample in theorem.counterexamples:
        assert not any(
            fact.left.atoms(sp.Float) | fact.right.atoms(sp.Float) for fact in counterexample.facts
        )
        counterexample.check()
