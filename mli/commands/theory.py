"""`mli theory`: the theorems, re-proved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mli.commands.messages import said_on_a_terminal

__all__ = ["theory"]


def theory(
    name: str | None = typer.Argument(None, help="A theorem: T1 to T14, T4', T10b, T10c, T11'."),
    steps: bool = typer.Option(False, "--steps", help="Show every step with its claim."),
    latex: bool = typer.Option(False, "--latex", help="The claims as LaTeX."),
    write_docs: Annotated[
        Path | None,
        typer.Option(
            "--write-docs",
            metavar="FOLDER",
            help="Write all theorems' Markdown pages, their index and map, and end.",
        ),
    ] = None,
) -> None:
    """List the theorems: statement, hypotheses, status, steps checked by machine and by words.

    Every status is found by re-proving the theorem now.
    """
    from mli_theory.derivations import THEOREMS, rendering

    if write_docs is not None:
        from validation.docs_pages.theory_map import theory_map_markdown

        write_docs.mkdir(parents=True, exist_ok=True)
        (write_docs / "README.md").write_text(rendering.index_markdown(THEOREMS.values()), encoding="utf-8")
        for theorem in THEOREMS.values():
            page = write_docs / rendering.file_name(theorem.name)
            page.write_text(rendering.as_markdown(theorem), encoding="utf-8")
        statuses = {theorem.name: theorem.status() for theorem in THEOREMS.values()}
        (write_docs / "map.md").write_text(theory_map_markdown(statuses), encoding="utf-8")
        typer.echo(f"{len(THEOREMS)} theorems, their index and map written to {write_docs}")
        return
    if name is not None and name not in THEOREMS:
        sys.exit(f"mli theory: no theorem {name!r}; there are {', '.join(THEOREMS)}")
    for theorem in THEOREMS.values() if name is None else [THEOREMS[name]]:
        with said_on_a_terminal(f"re-proving {theorem.name}, {len(theorem.checked_steps)} steps"):
            text = rendering.as_latex(theorem) if latex else rendering.as_text(theorem, steps=steps)
        typer.echo(text)
