"""provenance.json, the last file of a run, and the format of a store: what says that a run is whole.

Format 1 (a store without the file store-format) has no digest of provenance.json itself:
damage in it could pass unseen. In format 2 it holds `format` and `digest`, over every byte of the rest. A
store of format 1 is read as it is, with what can be checked; `mli runs upgrade` makes it one of format 2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulations.runs.verified_files import DamagedRunError, digest, write_text

__all__ = [
    "FORMAT",
    "FORMAT_FILE",
    "StoreFormatError",
    "provenance_text",
    "read_provenance",
    "store_format",
    "write_store_format",
]

FORMAT = 2
"""Of what is written now; formats 1 and 2 are read."""

FORMAT_FILE = "store-format"

STATUSES = ("reached", "stagnated", "diverged")

# All that format 1 could hold: a key beside them is one that damage has made, such as of "format" itself.
_OF_FORMAT_1 = {
    *("package", "code", "commit", "versions", "device", "device_name", "threads", "system", "host", "time"),
    *("status", "data_hash", "trained_together", "seconds", "cpu_seconds", "run", "digests"),
}


class StoreFormatError(ValueError):
    """A store of a format that this version does not read; the message says what to do."""


def store_format(folder: Path) -> int:
    """The format of the store in a folder; 1 where it has no file that says so.

    Raises:
        StoreFormatError: a later format than is known here.
        DamagedRunError: the file holds no number.
    """
    path = folder / FORMAT_FILE
    try:
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):  # what writes there says what is wrong
        return 1
    except ValueError:
        text = ""
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise DamagedRunError(
            f"{path} is damaged: it must hold the store's format, {FORMAT}; write that into it, then run "
            "`mli runs verify`"
        )
    if int(text) > FORMAT:
        raise StoreFormatError(
            f"the store {folder} has the format {text}, and this version reads 1 and {FORMAT}: use the newer "
            "mli-plateau that wrote it"
        )
    return int(text)


def write_store_format(folder: Path) -> None:
    """Say that the store in a folder is of the format that is written now."""
    write_text(folder / FORMAT_FILE, f"{FORMAT}\n")


def provenance_text(recorded: Mapping[str, Any]) -> str:
    """The text of provenance.json of today's format, whose digest covers every byte of it.

    Args:
        recorded: all but `format` and `digest`, which are set here.
    """
    content = {key: value for key, value in recorded.items() if key != "digest"} | {"format": FORMAT}
    return _text(content | {"digest": digest(_text(content).encode())})


def read_provenance(path: Path, content: bytes, least: int) -> dict[str, Any]:
    """What a provenance.json holds, checked as far as its format goes; without its own digest.

    Args:
        path: of the file, in its run's folder.
        content: of the file.
        least: the format of its store: a run may have this or a later one.

    Raises:
        DamagedRunError: it is not what was written; the message names it.
        StoreFormatError: a later format than is known here.
    """
    try:
        text = content.decode("utf-8")
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("it is no mapping")
        version = found.get("format", 1)
        if isinstance(version, int) and version > FORMAT and text == _text(found):
            raise StoreFormatError(
                f"{path} has the format {version}, and this version reads 1 and {FORMAT}: use the newer "
                "mli-plateau that wrote it"
            )
        _check(found, text, version, least)
    except StoreFormatError:
        raise
    except (ValueError, TypeError, RecursionError) as error:  # json and decoders raise ValueErrors
        raise DamagedRunError(f"{path} is damaged: {error}") from error
    found.pop("digest", None)
    return found


def _check(found: dict[str, Any], text: str, version: Any, least: int) -> None:
    if not {"status", "digests"} <= set(found) or not isinstance(found["digests"], dict):
        raise ValueError("it lacks status or digests")
    if found["status"] not in STATUSES:
        raise ValueError(f"its status is {str(found['status'])[:40]!r}, not one of {', '.join(STATUSES)}")
    if version == FORMAT:
        if text != provenance_text(found):
            raise ValueError("its digest is another")
    elif version != 1 or least > 1:
        raise ValueError(
            f"its format is {str(version)[:40]} in a store of format {least}, where each has its own digest"
        )
    elif unknown := sorted(set(found) - _OF_FORMAT_1):
        raise ValueError(f"it has an unknown key {unknown[0][:40]!r}")


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True)
