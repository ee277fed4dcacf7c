"""Every step is re-proved, and no step survives a wrong right side."""

from dataclasses import replace

import pytest
import sympy as sp

from mli_theory.derivations import THEOREMS, ProofError
from mli_theory.derivations.comparison import Comparison
from mli_theory.derivations.relations import Relation
from mli_theory.derivations.steps import CheckedStep

NO_WORDS = (
    *("T1", "T2", "T3", "T4'", "T5", "T6", "T7", "T8", "T9b", "T10", "T10b", "T10c", "T11b", "T11'"),
    *("T12c", "T13", "T14b", "T15", "T16"),
)
WRONG = {
    "times 2": lambda right: 2 * right,
    "plus 1": lambda right: right + 1,
    "a sign": lambda right: -right,
}
# The suite breaks each step in one of the three ways, taken in turn; `make test-long` in all of them.
STEPS = [(name, step) for name, theorem in THEOREMS.items() for step in theorem.checked_steps]


PROVED = {}  # id of a step: the step, which so keeps its id, and the premises that it was proved from


def kinds_of(kind):
    """The class, and all that are made of it."""
    return {kind}.union(*map(kinds_of, kind.__subclasses__()))


def once(prove):
    """`prove` of a kind of step; what was proved in this file is not proved from the same premises again."""

    def prove_or_know(step, premises):
        if PROVED.get(id(step)) != (step, premises):
            prove(step, premises)
            PROVED[id(step)] = step, premises

    return prove_or_know


@pytest.fixture(autouse=True)
def the_steps_before_the_changed_one_are_proved_once(monkeypatch):
    """Each test changes one step of a derivation, as another object: the others stand and fall as before."""
    for kind in kinds_of(CheckedStep):
        if "prove" in vars(kind):
            monkeypatch.setattr(kind, "prove", once(kind.prove))


def _free(relation):
    return {str(getattr(symbol, "base", symbol)) for symbol in relation.symbols}


def test_every_theorem_of_the_theory_is_there():
    numbers = [f"T{number}" for number in range(1, 17)]
    more = ["T4'", "T9b", "T10b", "T10c", "T11b", "T11'", "T12b", "T12c", "T14b"]
    assert sorted(THEOREMS) == sorted([*numbers, *more])


@pytest.mark.parametrize("theorem", THEOREMS.values(), ids=THEOREMS)
def test_check_reproves_every_step(theorem):
    report = theorem.check()
    assert report.checked == len(theorem.checked_steps) > 0
    assert report.in_words == len(theorem.word_steps)


@pytest.mark.parametrize("name", NO_WORDS)
def test_no_step_rests_on_words(name):
    assert THEOREMS[name].status() == "proved"


def in_turn():
    """Each step with each way to break it; two of the three are marked `long`."""
    for place, (name, step) in enumerate(STEPS):
        for turn, (way, wrong) in enumerate(WRONG.items()):
            marks = [] if turn == place % len(WRONG) else pytest.mark.long
            yield pytest.param(name, step, wrong, marks=marks, id=f"{way}-{name}: {step.name}")


@pytest.mark.parametrize(("name", "step", "wrong"), tuple(in_turn()))
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


COMPARED = [(name, step) for name, step in STEPS if isinstance(step, Comparison)]


def claimed(step):
    return next(function for function in step.rates if step.claim.difference.has(function))


FAULTS = {
    "forcing": lambda step: {"forcing": step.forcing + 1},
    "decay": lambda step: {"decay": step.decay + 1},
    # Of the first function that the claim speaks of: another one's rate is a condition that is not used.
    "a rate": lambda step: {"rates": {**step.rates, claimed(step): step.rates[claimed(step)] - 1}},
    "no equation": lambda _: {"equations": ()},
}


@pytest.mark.parametrize(("name", "step"), COMPARED, ids=[f"{name}: {step.name}" for name, step in COMPARED])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_a_comparison_rests_on_is_found(name, step, fault):
    if fault == "no equation" and not step.equations:
        return
    with pytest.raises(ProofError, match="could not decide") as failure:
        THEOREMS[name].with_step(replace(step, **FAULTS[fault](step))).check()
    assert f"step {step.name!r}" in str(failure.value)
