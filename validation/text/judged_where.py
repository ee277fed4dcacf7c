"""On which networks a claim is judged, in a few words, for beside its verdict.

`validation.claims.scope_text` says the same in full. A verdict is one about these networks; a page that shows
the one shows the other, so that "refuted" is never read as a word about all networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["JUDGED_WHERE", "verdict_there"]

_CENTRE = "at depth 8, scale 0.5"
_SMALL_START = "at depth 10 and on VGG-16, small start"
JUDGED_WHERE = {
    "C1": "at depth 8, 4 and 2",
    "C2": _CENTRE,
    "C3": _CENTRE,
    "C4": _CENTRE,
    "C5": _CENTRE,
    "C6": f"{_CENTRE}, and on the power model",
    "C7": "on VGG-16 and ResNet-18, scale 1, 256 images",
    "C8": _CENTRE,
    "C9": "at depth 8, 4 and 2",
    "C10": _SMALL_START,
    "C11": _SMALL_START,
    "C12": _SMALL_START,
    "C13": "on VGG-16 and ResNet-18, scale 1",
    "C14": "on the map, SGD",
    "C15": "at depth 8, scale 0.5 and 1, 200 digits",
}
"""Claim to words that complete "supported ..." or "refuted ..."."""


def verdict_there(claim: Mapping[str, Any]) -> str:
    """The verdict with its networks: "refuted at depth 8, scale 0.5"; one without a test alone.

    Args:
        claim: of a report or a record: its `id` and `verdict`.
    """
    word = str(claim["verdict"])
    where = JUDGED_WHERE.get(claim["id"])
    return f"{word} {where}" if where and ":" not in word else word
