"""The text that every Python carries: the topics of its `help()`, half a million characters of English.

It differs between versions of Python, so whoever trains on it keeps its digest.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

__all__ = ["topics_digest", "topics_text"]


@lru_cache(maxsize=1)
def topics_text() -> str:
    """All topics one after the other, in the order of their names; what is not printable ASCII is left out.

    Raises:
        ModuleNotFoundError: this Python was built without `pydoc_data`.
    """
    from pydoc_data.topics import topics

    whole = "\n".join(topics[name] for name in sorted(topics))
    return "".join(letter for letter in whole if letter == "\n" or " " <= letter <= "~")


def topics_digest() -> str:
    """16 hex digits over `topics_text`."""
    return blake2b(topics_text().encode("ascii"), digest_size=8).hexdigest()
