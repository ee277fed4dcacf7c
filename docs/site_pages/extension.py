"""What this folder adds to Sphinx' build: pages are made before it reads, links are mended while it does."""

from __future__ import annotations

from pathlib import Path
from shutil import copy2, copytree
from typing import Any

from sphinx.application import Sphinx

from site_pages.everything import write_all
from site_pages.links import rewritten
from site_pages.names import LinkNames
from site_pages.theorems import uses_of_theorem

__all__ = ["setup"]


def _write(app: Sphinx, _: Any) -> None:
    write_all(Path(app.srcdir))


def _read(app: Sphinx, docname: str, content: list[str]) -> None:
    if docname.startswith(("generated/", "tutorials/")):
        return
    folder = Path(app.srcdir)
    uses = uses_of_theorem(docname.partition("/")[2]) if docname.startswith("theory/T") else ""
    content[0] = rewritten(content[0] + uses, folder / f"{docname}.md", folder)


def _plain_docstring(*given: Any) -> None:
    """Escape what our plain-text docstrings mean as it stands, and reStructuredText would read as markup."""
    lines: list[str] = given[-1]
    lines[:] = [line if "``" in line else line.replace("|", r"\|").replace("*", r"\*") for line in lines]


def _copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        source, target = Path(app.config.mathjax_files), Path(app.outdir) / "_static" / "mathjax"
        fonts = Path("output", "chtml", "fonts", "woff-v2")
        copytree(source / fonts, target / fonts, dirs_exist_ok=True)
        copy2(source / "tex-chtml.js", target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx' build."""
    app.add_config_value("mathjax_files", "", "html", [str])
    app.connect("config-inited", _write)
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _plain_docstring, priority=100)
    app.connect("build-finished", _copy_mathjax)
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
