"""A page a figure: drawn from the data that the package ships, its caption, and what it stands beside."""

from __future__ import annotations

from pathlib import Path

from paper_figures.catalogue import FIGURES
from paper_figures.figure_files import make_figures
from paper_figures.sources import NoDataError, figure_module
from site_pages.links import ROOT
from site_pages.theorems import file_links, name_links, statements_of
from validation.claims.claim_figures import CLAIM_FIGURES

__all__ = ["caption_of", "draw_figures", "figure_page", "figures_index"]


def draw_figures(folder: Path) -> None:
    """Draw into the folder each figure that is not there yet, or is older than a file of `paper_figures`.

    Raises:
        NoDataError: the package ships no data for one.
    """
    made_of = [path for path in (ROOT / "paper_figures").rglob("*") if path.suffix in (".py", ".nc")]
    newest = max(path.stat().st_mtime for path in made_of)
    texts = {name: folder / f"{name}.txt" for name in FIGURES}
    missing = [name for name, text in texts.items() if not text.exists() or text.stat().st_mtime < newest]
    for made in make_figures(folder, missing, ("png", "svg"), store=folder / "no-store", shipped=True):
        if isinstance(made, NoDataError):
            raise made


def caption_of(name: str, folder: Path) -> str:
    """The caption written when the figure was drawn, and its numbers where it has a page of them."""
    page = folder / f"{name}.md"
    if not page.exists():
        return (folder / f"{name}.txt").read_text()
    parts = page.read_text().split("\n\n")
    return "\n\n".join(part for part in parts if not part.startswith(("# ", "![")))


def figure_page(name: str, caption: str) -> str:
    """The page, as Markdown."""
    claims = [claim for claim, figures in CLAIM_FIGURES.items() if name in figures]
    return f"""# {name}: {figure_module(name).TITLE}

![{figure_module(name).TITLE}](../drawn/{name}.png)

{caption.strip()}

- **Claims**: {name_links(claims, "generated/claims")}
- **Theorems**: {name_links(statements_of("figures", name), "theory")}
- **Code**: {file_links([f"paper_figures/figures/{FIGURES[name]}.py"])}
- **Draw it**: `mli figures {name}`; its numbers as a table: `mli figures --data {name}`
- **Download**: {{download}}`{name}.svg <../drawn/{name}.svg>`
"""


def figures_index() -> str:
    """The page that shows them all."""
    cards = "\n".join(
        f":::{{grid-item-card}} {name}: {figure_module(name).TITLE}\n:link: {name}\n:link-type: doc\n"
        f":img-bottom: ../drawn/{name}.png\n:::\n"
        for name in FIGURES
    )
    return f"""# Figures

Drawn while this site was built, from the data that the package ships.

::::{{grid}} 1 2 2 2
:gutter: 2

{cards}
::::

```{{toctree}}
:hidden:

{chr(10).join(FIGURES)}
```
"""
