"""Text in CSV files that spreadsheets must not take for a formula."""

from __future__ import annotations

__all__ = ["spreadsheet_text"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_text(text: str) -> str:
    """The text, behind a quote where a spreadsheet would compute it; a number is left as it is."""
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
