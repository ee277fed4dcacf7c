"""Where a figure's numbers come from, in its caption and on the figure itself."""

from __future__ import annotations

import xarray as xr

__all__ = ["caption_text", "shipped_note"]


def caption_text(words: str, dataset: xr.Dataset) -> str:
    """A caption that ends in where the numbers come from (the attribute `source`), if that is known.

    `mli report` knows such an ending by its beginning, "(Data ".
    """
    source = str(dataset.attrs.get("source", "")) or shipped_note(dataset)
    return f"{words} ({source[0].upper()}{source[1:]}.)" if source else words


def shipped_note(dataset: xr.Dataset) -> str:
    """What is said on a figure whose data come with the package, "" for one from the user's own store."""
    made = str(dataset.attrs.get("shipped", ""))
    return f"data shipped with the package, made {made}" if made else ""
