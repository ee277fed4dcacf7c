"""Where a figure's numbers come from, in its caption and on the figure itself."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

__all__ = ["IN_NUMBERS", "caption_text", "figure_page", "shipped_note"]

IN_NUMBERS = "## In numbers"
"""The heading of a figure's page below which stands what its caption has no room for."""


def caption_text(words: str, dataset: xr.Dataset) -> str:
    """A caption that ends in where the numbers come from (the attribute `source`), if that is known.

    `mli report` knows such an ending by its beginning, "(Data ".
    """
    source = str(dataset.attrs.get("source", "")) or shipped_note(dataset)
    return f"{words} ({source[0].upper()}{source[1:]}.)" if source else words


def figure_page(title: str, picture: str, caption: str, numbers: Sequence[str]) -> str:
    """A figure's page in Markdown: the picture, its caption, and the numbers below `IN_NUMBERS`.

    Args:
        title: the heading.
        picture: file beside the page, "" for none.
        caption: with where the numbers come from.
        numbers: sentences, an item of a list each; may be empty.
    """
    parts = [f"# {title}"]
    parts += [f"![{title}]({picture})"] if picture else []
    parts += [caption]
    if numbers:
        parts += [IN_NUMBERS, "\n".join(f"- {sentence}" for sentence in numbers)]
    return "\n\n".join(parts) + "\n"


def shipped_note(dataset: xr.Dataset) -> str:
    """What is said on a figure whose data come with the package, "" for one from the user's own store."""
    made = str(dataset.attrs.get("shipped", ""))
    return f"data shipped with the package, made {made}" if made else ""
