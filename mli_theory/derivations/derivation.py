"""A theorem as hypotheses, steps and a conclusion, re-proved by `Derivation.check`.

The conclusion is not typed a second time: it is the claims of the steps it names, so nothing can be
concluded that was not proved. A premise is an earlier step, at values its symbols may take and with its
own conditions met, a hypothesis, or a condition the claim itself is stated under.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import sympy as sp

from mli_theory.derivations.decisions import identical, positive, undefined_part
from mli_theory.derivations.relations import Relation
from mli_theory.derivations.steps import (
    By,
    CannotDecideError,
    CheckedStep,
    Secant,
    Words,
    require_in_domain,
    require_not_captured,
)

__all__ = ["Counterexample", "Derivation", "Hypothesis", "ProofError", "Report"]


class ProofError(AssertionError):
    """A step that check() could not re-prove: names the theorem, the step and what was not decided."""


@dataclass(frozen=True)
class Hypothesis:
    """What is assumed: of the symbols (through their sympy assumptions) or as a relation between them."""

    text: str
    symbols: tuple[sp.Expr, ...]
    relation: Relation | None = None
    name: str = ""


@dataclass(frozen=True)
class Counterexample:
    """The statement failing, in exact numbers, where the hypothesis `dropped` does not hold.

    `facts` are relations between exact numbers: the first ones set the scene, the last contradicts the
    conclusion.
    """

    dropped: str
    text: str
    facts: tuple[Relation, ...]

    def check(self) -> None:
        """Decide every fact by exact arithmetic.

        Raises:
            ProofError: a fact is false or was not decided.
        """
        for fact in self.facts:
            if fact.sign == "=":
                holds = identical(fact.left, fact.right)
            else:
                difference = sp.sympify(fact.difference.doit())
                holds = positive(difference) or (fact.sign == ">=" and difference.is_nonnegative is True)
            if not holds:
                raise ProofError(f"counterexample to dropping {self.dropped!r}: could not decide {fact}")


@dataclass(frozen=True)
class Report:
    """What check() did."""

    checked: int
    in_words: int


@dataclass(frozen=True)
class Derivation:
    """One theorem.

    `claimed` is the status of the argument as written; `status` is what check() supports. `scope` says for
    which k, r and n the symbols stand where it is not all of them; `assembled` says who puts the conclusion's
    lemmas together to the statement: the reader ("by words"), or a machine too.
    """

    name: str
    title: str
    statement: str
    claimed: Literal["proved", "derived", "measured"]
    hypotheses: tuple[Hypothesis, ...]
    steps: tuple[CheckedStep | Words, ...]
    conclusion: tuple[str, ...]
    scope: str = ""
    assembled: str = "by words"
    counterexamples: tuple[Counterexample, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    @property
    def checked_steps(self) -> tuple[CheckedStep, ...]:
        """The steps sympy re-proves."""
        return tuple(step for step in self.steps if isinstance(step, CheckedStep))

    @property
    def word_steps(self) -> tuple[Words, ...]:
        """The steps that rest on words."""
        return tuple(step for step in self.steps if isinstance(step, Words))

    @property
    def conclusions(self) -> tuple[CheckedStep, ...]:
        """The steps whose claims are the conclusion."""
        named = {step.name: step for step in self.checked_steps}
        return tuple(named[name] for name in self.conclusion)

    def check(self) -> Report:
        """Re-prove every step, in order.

        Raises:
            ProofError: naming the theorem, the step and what sympy could not decide; or a name used twice,
                a premise that is not there, a conclusion that names no step.
        """
        known: dict[str, CheckedStep] = {}
        rests_on: dict[str, set[str]] = {}
        for step in self.steps:
            if step.name in known or any(step.name == other.name for other in self.hypotheses):
                raise ProofError(f"{self.name}: two relations are called {step.name!r}")
            if isinstance(step, Words):
                continue
            if isinstance(step, Secant):
                self._require_new(step, known)
            try:
                step.prove(
                    {str(i): self._premise(by, step, known, rests_on) for i, by in enumerate(step.premises)}
                )
            except CannotDecideError as error:
                raise ProofError(
                    f"{self.name}, step {step.name!r}, {step.claim}: could not decide {error}"
                ) from error
            known[step.name] = step
            names = {by.name for by in step.premises}
            inherited = (rests_on.get(name, set()) for name in names)
            rests_on[step.name] = {h.name for h in self.hypotheses if h.name in names}.union(*inherited)
        missing = [name for name in self.conclusion if name not in known]
        if missing or not self.conclusion:
            raise ProofError(f"{self.name}: no checked step for the conclusion {missing}")
        return Report(checked=len(known), in_words=len(self.word_steps))

    def _require_new(self, step: Secant, known: dict[str, CheckedStep]) -> None:
        """The mean slope is a symbol that nothing before speaks of: it is defined by this step."""
        before = {symbol for hypothesis in self.hypotheses for symbol in hypothesis.symbols}
        for other in known.values():
            before |= other.claim.symbols.union(*(condition.symbols for condition in other.conditions))
        if step.slope in before:
            raise ProofError(f"{self.name}, step {step.name!r}: {step.slope} has a meaning already")

    def status(self) -> str:
        """The status check() supports: it is run, and a failure is said, not hidden."""
        try:
            report = self.check()
        except ProofError as error:
            return f"NOT PROVED ({error})"
        if self.claimed != "proved" or report.in_words == 0:
            return self.claimed
        plural = "" if report.in_words == 1 else "s"
        return f"proved, {report.in_words} step{plural} by words"

    def with_step(self, changed: CheckedStep) -> Derivation:
        """The derivation with the step of that name changed (a test breaks each step in turn)."""
        steps = tuple(changed if step.name == changed.name else step for step in self.steps)
        return replace(self, steps=steps)

    def _premise(
        self, by: By, step: CheckedStep, known: dict[str, CheckedStep], rests_on: dict[str, set[str]]
    ) -> Relation:
        """The relation a premise stands for, after checking that it may be used here.

        An earlier claim holds for all values of its symbols, so it may be used at other values that meet the
        conditions it was given under and the hypotheses it rests on.
        """
        assumed = {h.name: h.relation for h in self.hypotheses if h.relation is not None}
        as_it_is = step.given.get(by.name) or assumed.get(by.name)
        if as_it_is is not None:
            if by.values:
                raise CannotDecideError(f"the condition {by.name!r} at other values")
            return as_it_is
        earlier = known.get(by.name)
        if earlier is None:
            raise CannotDecideError(f"{by.name!r}: no earlier checked step, hypothesis or condition")
        for symbol, value in by.values.items():
            require_in_domain(symbol, value)
            part = undefined_part(value)
            if part is not None:
                raise CannotDecideError(f"that {part} is defined")
        for relation in (earlier.claim, *earlier.conditions, *assumed.values()):
            require_not_captured(by.values, relation.left, relation.right)
        met = [*step.conditions, *assumed.values()]
        met += [other.claim for other in known.values() if not other.conditions]
        conditions = [*earlier.conditions, *(assumed[name] for name in sorted(rests_on[by.name]))]
        for condition in conditions:
            needed = condition.substituted(by.values)
            if not any(_same(needed, other) for other in met):
                raise CannotDecideError(f"the condition {needed} of {by.name!r}")
        return earlier.claim.substituted(by.values)


def _same(one: Relation, other: Relation) -> bool:
    return (one.sign == other.sign or (one.sign, other.sign) == (">=", ">")) and identical(
        one.difference, other.difference
    )
