"""The digests of recorded files, kept beside them: a verdict reads what was recorded, or names what is not.

digests.json in a folder of recorded files gives the digest of each; a file that is damaged, missing or not
listed is refused. The recorded files hold no digest of their own: their bytes stay those of their numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

from simulations.runs.verified_files import DamagedRunError, digest, read_verified
from simulations.runtime.atomic_files import atomic_path
from simulations.runtime.names_in_words import first_of

__all__ = ["DIGESTS", "check_all_there", "keep_digest", "recorded_bytes"]

DIGESTS = "digests.json"


def keep_digest(path: Path, content: bytes) -> None:
    """Write down the digest of a recorded file, beside it; the other files' digests stay.

    Args:
        path: of the file.
        content: what it holds.

    Raises:
        OSError: the folder cannot be written.
        DamagedRunError: the digests that are there cannot be read.
    """
    known = _digests(path.parent)
    if known.get(path.name) == digest(content):
        return
    known[path.name] = digest(content)
    with atomic_path(path.parent / DIGESTS) as temporary:
        temporary.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n", encoding="utf-8")


def recorded_bytes(path: Path) -> bytes:
    """What a recorded file holds, if that is what was recorded.

    Raises:
        DamagedRunError: naming the file, which has other bytes than were recorded, or of which no digest is
            kept.
    """
    expected = _digests(path.parent).get(path.name)
    if expected is None:
        raise DamagedRunError(f"{path} has no digest in {path.with_name(DIGESTS)}: record it again")
    try:
        return read_verified(path, expected)
    except DamagedRunError as error:
        raise DamagedRunError(f"{error}; it is not what was recorded: record it again") from error


def check_all_there(folder: Path) -> None:
    """Refuse a folder that lacks a file whose digest it keeps: a verdict would be of fewer runs, in silence.

    Raises:
        DamagedRunError: naming the folder and the files.
    """
    missing = [name for name in sorted(_digests(folder)) if not (folder / name).is_file()]
    if missing:
        raise DamagedRunError(f"{folder} lacks {first_of(missing)}, which {DIGESTS} lists: record it again")


def _digests(folder: Path) -> dict[str, str]:
    path = folder / DIGESTS
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise ValueError("it is no table of names and digests")
    except (ValueError, RecursionError) as error:
        raise DamagedRunError(f"{path} cannot be read ({error}): remove it and record all again") from error
    return found
