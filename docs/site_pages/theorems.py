"""What computes, tests and uses a theorem: a section at the end of its page."""

from __future__ import annotations

from collections.abc import Sequence

from site_pages.links import code_page
from validation.docs_pages.theory_map import STATEMENTS

__all__ = ["file_links", "name_links", "statements_of", "uses_of_theorem"]


def file_links(paths: Sequence[str]) -> str:
    """Links to the pages of source files."""
    return ", ".join(f"[{path}](/{code_page(path)}.md)" for path in paths) or "none"


def name_links(names: Sequence[str], folder: str) -> str:
    """Links to the pages of claims, figures or theorems in a folder of the site."""
    return ", ".join(f"[{name}](/{folder}/{name.replace(chr(39), 'p')}.md)" for name in names) or "none"


def statements_of(kind: str, name: str) -> list[str]:
    """The theorems that name a claim ("claims") or a figure ("figures")."""
    return [one for one, of in STATEMENTS.items() if name in getattr(of, kind) and one.startswith("T")]


def uses_of_theorem(page: str) -> str:
    """The section, as Markdown, of the theorem with this page (T4p for T4')."""
    (found,) = (of for name, of in STATEMENTS.items() if name.replace("'", "p") == page)
    return f"""

## Where it is used

- computed in {file_links(found.modules)}
- tested in {file_links(found.tests)}
- claims that it stands beside: {name_links(found.claims, "generated/claims")}
- figures: {name_links(found.figures, "generated/figures")}
- all statements beside each other: [the map](/theory/map.md)
"""
