"""Files of the repository as a page names them: links where it is told of the repository, else paths."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from markupsafe import Markup

__all__ = ["checked_address", "file_link"]

_SCHEMES = ("", "http", "https", "file")


def checked_address(address: str) -> str:
    """Where the repository is, with one slash at its end; "" stays "", for a page without such links.

    Args:
        address: of a copy of the repository: https://..., or a folder as the page is to name it.

    Raises:
        ValueError: a browser would not open files at it.
    """
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES or parts.query or parts.fragment or any(c.isspace() for c in address):
        raise ValueError(
            f"the repository cannot be linked to at {address!r}: name an https:// address without ? and #, "
            "or a folder"
        )
    return f"{address.rstrip('/')}/" if address else ""


def file_link(path: str, address: str) -> Markup:
    """The path, as a link if there is an address.

    Args:
        path: from the repository's root.
        address: of `checked_address`.
    """
    named = Markup("<code>{}</code>").format(path)
    return Markup('<a href="{}">{}</a>').format(address + quote(path), named) if address else named
