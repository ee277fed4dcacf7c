"""The theory's statements as the page links to them, and which of them a claim tests."""

from __future__ import annotations

from typing import NamedTuple

from validation.text.theory_statements import STATEMENTS

__all__ = ["TheoremRow", "theorem_place", "theorem_rows", "theorems_of"]


class TheoremRow(NamedTuple):
    """A statement: its name, its place on the page, a line, and where the repository has it."""

    name: str
    place: str
    says: str
    docs: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    claims: tuple[str, ...]
    figures: tuple[str, ...]


def theorem_rows() -> list[TheoremRow]:
    """Every statement, in the order of the theory."""
    return [
        TheoremRow(
            name,
            theorem_place(name),
            one.says,
            f"docs/theory/{name.replace(chr(39), 'p')}.md"
            if name.startswith("T")
            else "docs/theory/theory.md",
            one.modules,
            one.tests,
            one.claims,
            one.figures,
        )
        for name, one in STATEMENTS.items()
    ]


def theorem_place(name: str) -> str:
    """Where on the page a statement stands: T4' at "theorem-T4p"."""
    return f"theorem-{name.replace(chr(39), 'p')}"


def theorems_of(claim: str) -> list[tuple[str, str]]:
    """(name, place) of the statements that name a claim."""
    return [(name, theorem_place(name)) for name, one in STATEMENTS.items() if claim in one.claims]
