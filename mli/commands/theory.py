"""`mli theory`: the theorems, re-proved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mli.commands.messages import expected_errors, input_errors, said_on_a_terminal
from mli.commands.run_options import AsJson

__all__ = ["theory"]


def theory(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A theorem: T1 to T16, T4p, T9b, T10b, T10c, T11b, T11p, T12b, T12c, T14b (p is the prime, "
            "for which a shell would wait for a second quote; t4p and T4prime are the same).",
        ),
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", help="All theorems with their statements and hypotheses.")
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Show every step with its claim.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="The claims as LaTeX.")] = False,
    as_json: AsJson = False,
    write_docs: Annotated[
        Path | None,
        typer.Option(
            "--write-docs",
            metavar="FOLDER",
            help="Write all theorems' Markdown pages, their index and map, and end.",
        ),
    ] = None,
) -> None:
    """List the theorems, one a line, or show one. Reads nothing; only --write-docs writes files.

    Every status is found by re-proving the theorem now.
    """
    from mli_theory.derivations import THEOREMS, rendering
    from mli_theory.derivations.names import theorem_name

    with expected_errors(), input_errors():
        if latex and (as_json or long):
            raise ValueError("--latex is a form of its own: leave --json and --long out")
        names = [*THEOREMS] if name is None else [theorem_name(name, THEOREMS)]
        if write_docs is not None:
            _write_docs(write_docs)
            return
        on_a_line = name is None and not (long or steps or latex)
        data: list[dict[str, Any]] = []
        for theorem in (THEOREMS[one] for one in names):
            with said_on_a_terminal(f"re-proving {theorem.name}, {len(theorem.checked_steps)} steps"):
                if as_json:
                    data.append(rendering.as_data(theorem, steps=steps))
                    continue
                if latex:
                    text = rendering.as_latex(theorem)
                elif on_a_line:
                    text = rendering.as_line(theorem)
                else:
                    text = rendering.as_text(theorem, steps=steps)
            typer.echo(text)
        if as_json:
            from validation.text.plain_data import strict_json

            typer.echo(strict_json(data), nl=False)


def _write_docs(folder: Path) -> None:
    from mli_theory.derivations import THEOREMS, rendering
    from simulations.runtime.atomic_files import atomic_path, writable_folder
    from validation.docs_pages.theory_map import theory_map_markdown

    names = [rendering.file_name(one) for one in THEOREMS]
    writable_folder(folder, ["README.md", "map.md", *names])  # before theorems are re-proved
    pages = {"README.md": rendering.index_markdown(THEOREMS.values())}
    pages |= {rendering.file_name(one.name): rendering.as_markdown(one) for one in THEOREMS.values()}
    pages["map.md"] = theory_map_markdown({one.name: one.status() for one in THEOREMS.values()})
    for name, text in pages.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    typer.echo(f"{len(THEOREMS)} theorems, their index and map written to {folder}")
