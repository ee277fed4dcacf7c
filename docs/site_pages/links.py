"""Where a link of a Markdown page leads on the site: pages of docs/, adopted pages, source files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "SHOWN", "adopted_pages", "code_page", "linked_files", "rewritten", "target_on_site"]

ROOT = Path(__file__).resolve().parents[2]
SHOWN = {".py": "python", ".pyi": "python", ".js": "javascript", ".toml": "toml"}
"""Files that have a page of their own, by their suffix: its language."""
_LINK = re.compile(r"\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def adopted_pages() -> dict[str, str]:
    """Pages outside docs/ that the site has too: path in the repository to the page's name on the site."""
    own = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
    benchmarks = [f"benchmarks/{path.name}" for path in sorted((ROOT / "benchmarks").glob("*.md"))]
    return {path: f"generated/project/{path.removesuffix('.md')}" for path in [*own, *benchmarks]}


def code_page(path: str) -> str:
    """The page that shows a source file, by its path in the repository."""
    return f"generated/code/{path}"


def target_on_site(link: str, page: Path, docs: Path) -> str | None:
    """Where a relative link of a page leads on the site, from its root; None for a link to leave as it is.

    Args:
        link: as it stands in the page, without its anchor.
        page: the file that has it.
        docs: the folder docs/.

    Raises:
        FileNotFoundError: nothing is there, or a folder without a README.
    """
    if link.startswith(("/", "generated/", "../generated/")):
        return None
    found = (page.parent / link).resolve()
    if not found.exists():
        raise FileNotFoundError(f"{page.relative_to(ROOT)} links to {link}, which is not there")
    if found == docs / "gallery":
        return "/tutorials/index.rst"
    if found.parent == docs / "gallery":
        return f"/tutorials/{found.stem}.rst"
    if found.parent == docs / "figures" and found.suffix == ".md":
        return f"/generated/figures/{found.name}"
    if found.is_dir() and (found / "README.md").exists():
        found /= "README.md"
    if found.is_relative_to(docs):
        return "/" + str(found.relative_to(docs))
    inside = str(found.relative_to(ROOT))
    if inside in adopted_pages():
        return f"/{adopted_pages()[inside]}.md"
    if found.is_dir():
        raise FileNotFoundError(f"{page.relative_to(ROOT)} links to the folder {link}: link to a file in it")
    return f"/{code_page(inside)}.md" if found.suffix in SHOWN else f"/../{inside}"


def rewritten(text: str, page: Path, docs: Path) -> str:
    """A page's text with each relative link leading to where the site has what it names."""

    def lead(match: re.Match[str]) -> str:
        target = target_on_site(match[1], page, docs)
        return match[0] if target is None else f"]({target}{match[2] or ''})"

    return _LINK.sub(lead, text)


def linked_files(text: str, page: Path) -> Iterator[str]:
    """Source files that a page links to, by their path in the repository."""
    for match in _LINK.finditer(text):
        found = (page.parent / match[1]).resolve()
        if found.is_file() and found.suffix in SHOWN and not found.is_relative_to(ROOT / "docs"):
            yield str(found.relative_to(ROOT))
