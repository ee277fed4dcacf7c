"""The theorems without a derivation that code re-checks, as `mli theory` shows them beside the others."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from validation.docs_pages.theory_map import STATEMENTS, UNDERIVED

__all__ = ["BY_WORDS", "words_as_data", "words_as_line", "words_as_text"]

BY_WORDS = tuple(name for name in UNDERIVED if name.startswith("T"))


def words_as_line(name: str, width: int = 100) -> str:
    """Name, status, title and the beginning of the statement, in at most `width` characters."""
    title, in_short, _ = UNDERIVED[name]
    words = textwrap.shorten(f"{title}: {STATEMENTS[name].says}", width - 32, placeholder=" …")
    return f"{name:<5} {in_short:<25} {words}"


def words_as_text(name: str) -> str:
    """Title, statement, status, and the files that compute and test it."""
    statement, (title, _, status) = STATEMENTS[name], UNDERIVED[name]
    plain_status = re.sub(r"\[theory\.md\]\([^)]*\)", "docs/theory/theory.md", status)
    lines = [f"{name}  {title}", "", statement.says, "", f"Status: {plain_status}"]
    for words, files in (("Computed in", statement.modules), ("Tested in", statement.tests)):
        lines += [f"{words}:", *(f"  - {file}" for file in files)] if files else []
    return "\n".join(lines) + "\n"


def words_as_data(name: str) -> dict[str, Any]:
    """With the keys that a derivation has, of which there are no steps and no hypotheses."""
    title, in_short, _ = UNDERIVED[name]
    return {
        "name": name,
        "title": title,
        "statement": STATEMENTS[name].says,
        "status": in_short,
        "scope": "",
        "steps_by_machine": 0,
        "steps_by_words": 0,
        "hypotheses": [],
    }
