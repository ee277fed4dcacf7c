"""A theorem's name as people write it: T4' is also t4', T4p, T4-prime or 4′."""

from __future__ import annotations

import re
from collections.abc import Collection

from mli_theory.names_in_words import first_of

__all__ = ["shell_name", "theorem_name"]

_PRIMES = "'’‘′`´"
_NAME = re.compile(rf"(?:theorem|th\.?|t)?[\s_-]*(\d+)[\s_-]*(b|c|p|prime|[{_PRIMES}])?", re.IGNORECASE)


def theorem_name(text: str, known: Collection[str]) -> str:
    """The one of the known names that is meant: in any case, a prime as a sign, as "p" or as "prime".

    Args:
        text: as somebody wrote it.
        known: the names there are, such as "T4'".

    Raises:
        ValueError: none of them is meant; the message lists them as a shell takes them.
    """
    found = _NAME.fullmatch(text.strip())
    if found:
        number, suffix = int(found[1]), (found[2] or "").lower()
        name = f"T{number}{suffix if suffix in ('', 'b', 'c') else chr(39)}"
        if name in known:
            return name
    raise ValueError(
        f"there is no theorem {text!r}: choose from {first_of(map(shell_name, known))}; "
        "`mli theory` lists all"
    )


def shell_name(name: str) -> str:
    """The name without the quote, which a shell would take for the beginning of a string: T4p."""
    return name.replace("'", "p")
