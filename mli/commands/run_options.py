"""What the commands that make or read runs share: the store, the device, pairs of key and value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["STORE", "AsJson", "Device", "StoreFolder", "key_values"]

StoreFolder = Annotated[Path, typer.Option(help="Folder of the runs.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for a program to read.")]
STORE = Path("results", "store")
Device = Annotated[str, typer.Option(help="Where torch computes: cpu, cuda or cuda:INDEX.")]


def key_values(texts: list[str]) -> list[tuple[str, str]]:
    """Each KEY=VALUE as a pair.

    Raises:
        ValueError: one without "=" or without a key.
    """
    pairs = [text.partition("=") for text in texts]
    for key, separator, _ in pairs:
        if not (key and separator):
            raise ValueError(f"expected KEY=VALUE, got {key!r}")
    return [(key.strip(), value) for key, _, value in pairs]
