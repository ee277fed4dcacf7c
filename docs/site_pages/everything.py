"""Write docs/generated: a file is written only if its text is another, so that a second build is short."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from paper_figures.catalogue import FIGURES
from site_pages.claims import ALL_CLAIMS, claim_files, claim_page, claims_index
from site_pages.command_line import command_line_page
from site_pages.figures import caption_of, draw_figures, figure_page, figures_index
from site_pages.interface import DOORS, PACKAGES, door_page, package_page, source_files, stub_pages
from site_pages.links import ROOT, SHOWN, adopted_pages, code_page, linked_files, rewritten

__all__ = ["code_pages", "text_pages", "write_all"]


def write_all(docs: Path) -> None:
    """Write every page that the site has beside those in docs/ and in the gallery."""
    drawn = docs / "generated" / "drawn"
    draw_figures(drawn)
    pages = text_pages(docs)
    for name in FIGURES:
        pages[f"generated/figures/{name}.md"] = figure_page(name, caption_of(name, drawn))
    pages["generated/figures/index.md"] = figures_index()
    pages["generated/command_line.md"] = command_line_page()
    kept = {docs / name for name in pages}
    for path in (docs / "generated").rglob("*"):
        if path.is_file() and not path.is_relative_to(drawn) and path not in kept:
            path.unlink()  # of what is no longer there
    for name, text in pages.items():
        path = docs / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def text_pages(docs: Path) -> dict[str, str]:
    """The pages that need no drawing, by their path in docs/."""
    pages = {
        f"{page}.md": rewritten((ROOT / path).read_text(), ROOT / path, docs)
        for path, page in adopted_pages().items()
    }
    pages |= {f"generated/claims/{claim.id}.md": claim_page(claim, docs) for claim in ALL_CLAIMS}
    pages["generated/claims/index.md"] = claims_index()
    pages["generated/reference/mli.md"] = door_page()
    for package in PACKAGES:
        pages[f"generated/reference/{package}_rooms.md"] = package_page(package)
    for door in DOORS:
        pages |= {f"generated/api/{name}.rst": text for name, text in stub_pages(door).items()}
    return pages | code_pages(docs)


def code_pages(docs: Path) -> dict[str, str]:
    """A page for each source file of the packages and each that a page links to, with the pages naming it."""
    named: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for page in [*sorted(docs.glob("*.md")), *sorted((docs / "theory").glob("*.md"))]:
        name = str(page.relative_to(docs))
        for path in linked_files(page.read_text(), page):
            named[path].add((page.stem, f"/{name}"))
    for path, name in adopted_pages().items():
        for file in linked_files((ROOT / path).read_text(), ROOT / path):
            named[file].add((path, f"/{name}.md"))
    for claim in ALL_CLAIMS:
        code, tests = claim_files(claim)
        for file in (code, *tests):
            named[file].add((claim.id, f"/generated/claims/{claim.id}.md"))
    for name, module in FIGURES.items():
        named[f"paper_figures/figures/{module}.py"].add((name, f"/generated/figures/{name}.md"))
    pages = {}
    for file in sorted({*named, *source_files()}):
        back = ", ".join(f"[{title}]({page})" for title, page in sorted(named[file])) or "none"
        target = f"{code_page(file)}.md"
        up = os.path.relpath(ROOT / file, (docs / target).parent)
        language = SHOWN[Path(file).suffix]
        pages[target] = (
            f"---\norphan: true\nnosearch: true\n---\n\n# {file}\n\nPages that name it: {back}.\n\n"
            f"```{{literalinclude}} {up}\n:language: {language}\n:lineno-start: 1\n```\n"
        )
    return pages
