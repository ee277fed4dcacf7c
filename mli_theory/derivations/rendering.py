"""A derivation as text, LaTeX or Markdown: strings only, written to files by the command line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from typing import Any

import sympy as sp

from mli_theory.derivations.derivation import Derivation, Hypothesis
from mli_theory.derivations.names import shell_name
from mli_theory.derivations.steps import CheckedStep, Words

__all__ = ["as_data", "as_latex", "as_line", "as_markdown", "as_text", "file_name", "index_markdown"]

_SHOWN = ("integer", "positive", "nonnegative", "nonzero", "real")


def file_name(name: str) -> str:
    """The Markdown file of a theorem: T4' is T4p.md, for a file name holds no quote."""
    return shell_name(name) + ".md"


def as_line(theorem: Derivation, width: int = 100) -> str:
    """Name, status, title and the beginning of the statement, in at most `width` characters."""
    status = theorem.status()
    if len(status) > 25:  # not proved, and why
        return f"{theorem.name:<5} {textwrap.shorten(status, width - 6, placeholder=' …')}"
    words = textwrap.shorten(f"{theorem.title}: {theorem.statement}", width - 32, placeholder=" …")
    return f"{theorem.name:<5} {status:<25} {words}"


def as_data(theorem: Derivation, *, steps: bool = False) -> dict[str, Any]:
    """What `as_text` says, as nested dicts and lists of words and whole numbers."""
    found: dict[str, Any] = {
        "name": theorem.name,
        "title": theorem.title,
        "statement": theorem.statement,
        "status": theorem.status(),
        "scope": theorem.scope,
        "steps_by_machine": len(theorem.checked_steps),
        "steps_by_words": len(theorem.word_steps),
        "hypotheses": [h.text + _assumptions(h) for h in theorem.hypotheses],
    }
    if steps:
        found["steps"] = [_step_data(step) for step in theorem.steps]
        found["counterexamples"] = [{"dropped": c.dropped, "text": c.text} for c in theorem.counterexamples]
    return found


def _step_data(step: CheckedStep | Words) -> dict[str, Any]:
    if isinstance(step, Words):
        return {"name": step.name, "kind": "words", "text": step.text}
    return {
        "name": step.name,
        "kind": type(step).__name__.lower(),
        "text": step.text,
        "conditions": [str(condition) for condition in step.conditions],
        "by": [by.name for by in step.premises if by.name not in step.given],
        "claim": str(step.claim),
    }


def as_text(theorem: Derivation, *, steps: bool = False) -> str:
    """Statement, hypotheses and status; every step with its claim where `steps`."""
    lines = [f"{theorem.name}  {theorem.title}", "", theorem.statement, ""]
    lines += [f"Status: {theorem.status()}"]
    lines += [f"Steps: {len(theorem.checked_steps)} checked by machine, {len(theorem.word_steps)} by words"]
    lines += [f"Scope: {theorem.scope}"] if theorem.scope else []
    lines += [f"Assembled: {theorem.assembled}"]
    lines += ["", "Hypotheses:", *(f"  - {h.text}{_assumptions(h)}" for h in theorem.hypotheses)]
    if steps:
        lines += ["", "Steps:"]
        for number, step in enumerate(theorem.steps, 1):
            lines += _step_text(number, step)
        lines += ["", "Where a hypothesis is dropped:"]
        lines += [f"  - {c.dropped}: {c.text}" for c in theorem.counterexamples]
    return "\n".join(lines) + "\n"


def _step_text(number: int, step: CheckedStep | Words) -> list[str]:
    if isinstance(step, Words):
        return [f"  {number}. {step.name} [BY WORDS]", f"     {step.text}"]
    lines = [f"  {number}. {step.name} [{type(step).__name__}]", f"     {step.text}"]
    lines += [f"       if {condition}" for condition in step.conditions]
    lines += [f"       by {by.name}" for by in step.premises if by.name not in step.given]
    return [*lines, f"       {step.claim}"]


def as_latex(theorem: Derivation) -> str:
    """The claims of the steps as LaTeX, one display each, words marked."""
    lines = [rf"\paragraph{{{theorem.name}: {theorem.title}}}", f"% {theorem.status()}"]
    for step in theorem.steps:
        if isinstance(step, Words):
            lines += [rf"% step {step.name!r} rests on words"]
            continue
        conditions = r",\; ".join(condition.latex() for condition in step.conditions)
        premise = rf"{conditions} \;\Longrightarrow\; " if conditions else ""
        lines += [f"% {step.name}", rf"\[ {premise}{step.claim.latex()} \]"]
    return "\n".join(lines) + "\n"


def as_markdown(theorem: Derivation) -> str:
    """The page of a theorem in docs/theory."""
    lines = [
        f"# {theorem.name}: {_plain(theorem.title)}",
        "",
        _GENERATED,
        "",
        _plain(theorem.statement),
        "",
        f"**Status:** {_plain(theorem.status())}. {len(theorem.checked_steps)} steps checked by machine, "
        f"{len(theorem.word_steps)} by words.",
        "",
    ]
    lines += [f"**Scope:** {_plain(theorem.scope)}.", ""] if theorem.scope else []
    lines += [f"**Assembled** from its steps {_plain(theorem.assembled)}.", ""]
    lines += ["## Hypotheses", "", *(f"- {_plain(h.text + _assumptions(h))}" for h in theorem.hypotheses), ""]
    lines += ["## Steps", ""]
    for number, step in enumerate(theorem.steps, 1):
        lines += _step_markdown(number, step)
    lines += [
        "## Conclusion",
        "",
        "The claims of the steps " + ", ".join(map(_quoted, theorem.conclusion)) + ".",
        "",
    ]
    lines += ["## Counterexamples where a hypothesis is dropped", ""]
    for counterexample in theorem.counterexamples:
        lines += [f"**{_plain(counterexample.dropped)}.** {_plain(counterexample.text)} Checked exactly:", ""]
        for fact in counterexample.facts:
            lines += _display(fact.latex())
    return "\n".join(lines).rstrip() + "\n"


def _step_markdown(number: int, step: CheckedStep | Words) -> list[str]:
    if isinstance(step, Words):
        return [f"{number}. **{_plain(step.name)}** (**by words**, not checked). {_plain(step.text)}", ""]
    lines = [f"{number}. **{_plain(step.name)}** ({type(step).__name__.lower()}). {_plain(step.text)}", ""]
    if step.conditions:
        lines += ["   if", ""]
        for condition in step.conditions:
            lines += _display(condition.latex())
        lines += ["   then", ""]
    lines += _display(step.claim.latex())
    used = [by.name for by in step.premises if by.name not in step.given]
    return lines + ([f"   by {', '.join(map(_quoted, used))}.", ""] if used else [])


def index_markdown(theorems: Collection[Derivation]) -> str:
    """The table of all theorems, docs/theory/README.md."""
    lines = [
        "# The theory, theorem by theorem",
        "",
        _GENERATED,
        "",
        "The statements with their arguments, notation and figures: [theory.md](theory.md). What computes, "
        "tests and uses each of them: [map.md](map.md).",
        "",
        "A step is checked by machine where sympy re-proves it from the assumptions on its symbols; a step "
        "by words is marked on its theorem's page and counted here. *proved* alone means no step by words; "
        "*derived* is leading order. That the steps of a conclusion together are the statement is put "
        "together by "
        "words (for T1 to T3, where few classes make one closed sentence, by machine too): each page says "
        "so.",
        "",
        "| theorem | statement | status | steps by machine | by words | scope |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for theorem in theorems:
        cells = (
            f"[{theorem.name}]({file_name(theorem.name)}) {_plain(theorem.title)}",
            _plain(theorem.statement).replace("|", r"\|"),
            _plain(theorem.status()),
            str(len(theorem.checked_steps)),
            str(len(theorem.word_steps)),
            _plain(theorem.scope).replace("|", r"\|"),
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## What sympy could not decide: the steps by words", ""]
    for theorem in theorems:
        lines += [
            f"- {theorem.name}, {_plain(step.name)}: {_plain(step.text)}" for step in theorem.word_steps
        ]
    return "\n".join(lines) + "\n"


_GENERATED = "*Generated by `mli theory --write-docs docs/theory`; a test keeps it true.*"


def _display(latex: str) -> list[str]:
    return ["```math", latex, "```", ""]


def _plain(text: str) -> str:
    """Text in which Markdown finds no markup."""
    return re.sub(r"([\\*_<>\[\]`])", r"\\\1", text)


def _quoted(name: str) -> str:
    return f'"{_plain(name)}"'


def _assumptions(hypothesis: Hypothesis) -> str:
    """The sympy assumptions on the hypothesis's symbols, in brackets."""
    said = []
    for symbol in hypothesis.symbols:
        words = [word for word in _SHOWN if getattr(symbol, f"is_{word}", None)]
        if isinstance(symbol, sp.IndexedBase):
            words = [word for word in _SHOWN if symbol.assumptions0.get(word)]
        for strong, weak in (("positive", "nonnegative"), ("positive", "nonzero"), ("positive", "real")):
            words = [word for word in words if not (word == weak and strong in words)]
        words = [
            word
            for word in words
            if not (word == "real" and {"integer", "nonnegative", "nonzero"} & set(words))
        ]
        if symbol.is_commutative is False:
            words = ["not commuting"]
        said.append(f"{symbol}: {' '.join(words)}" if words else str(symbol))
    return f" [{', '.join(said)}]" if said else ""
