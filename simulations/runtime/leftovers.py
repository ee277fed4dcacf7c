"""Names of temporary files and folders, which say who writes them; removing what the dead have left.

A name holds the machine and the process. What a living process writes stays, and so does what a process of
another machine has written, of which nobody here can tell whether it lives.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

__all__ = ["remove_leftovers", "temporary_name", "temporary_prefix"]

_LONGEST = 100  # bytes of a file's own name in its temporary one: file systems take 255 in all
_DAY = 86400.0

_OF_A_FILE = re.compile(r"\.(?P<stem>.+)\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)\.partial(\..*)?")
_OF_A_FOLDER = re.compile(r"\.netcdf-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-\w+")
# Of earlier versions, which did not name the machine: `.stem.process.partial.nc`, `.netcdf-random`.
_OLD_FILE = re.compile(r"\.(?P<stem>.+)\.(?P<process>\d+)\.partial(\..*)?")
_OLD_FOLDER = re.compile(r"\.netcdf-\w{8}")


def temporary_name(stem: str, suffix: str = "") -> str:
    """The name under which this process writes what will be called stem + suffix."""
    return f".{_shortened(stem)}.{_machine()}-{os.getpid()}.partial{suffix}"


def temporary_prefix() -> str:
    """How the names of temporary folders of this process begin."""
    return f".netcdf-{_machine()}-{os.getpid()}-"


def remove_leftovers(folder: Path, stem: str | None = None) -> None:
    """Remove what dead processes of this machine left in the folder in mid-write.

    Names that earlier versions gave do not say the machine: such a file is removed a day after its last
    change, if no process of its number lives here.

    Args:
        folder: looked at by itself, not below.
        stem: remove only the files that were to have this stem; None: all, folders too.

    Raises:
        OSError: the folder cannot be read, or something in it not removed.
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(".")]
    for name in names:
        path = folder / name
        if _is_left(path, None if stem is None else _shortened(stem)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_left(path: Path, stem: str | None) -> bool:
    found = _OF_A_FILE.fullmatch(path.name) or (None if stem else _OF_A_FOLDER.fullmatch(path.name))
    if found is not None:
        wanted = stem is None or found["stem"] == stem
        return wanted and found["machine"] == _machine() and not _is_alive(int(found["process"]))
    if (old := _OLD_FILE.fullmatch(path.name)) is not None:
        wanted = stem is None or old["stem"] == stem
        return wanted and not _is_alive(int(old["process"])) and _is_old(path)
    return stem is None and _OLD_FOLDER.fullmatch(path.name) is not None and _is_old(path)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > _DAY
    except OSError:
        return False


def _shortened(stem: str) -> str:
    """The stem, cut where it is long; two that differ stay two."""
    name = os.fsencode(stem)
    if len(name) <= _LONGEST:
        return stem
    return f"{os.fsdecode(name[:_LONGEST])}~{blake2b(name, digest_size=4).hexdigest()}"


@lru_cache(maxsize=1)
def _machine() -> str:
    """8 hex digits of the host's name, its machine-id and, on Linux, the process numbers' name space.

    Containers that share a folder mostly have host names of their own, and always process numbers.
    """
    words = [platform.node()]
    for place in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        try:
            words.append(place.read_text().strip())
        except (OSError, ValueError):
            continue
    try:
        words.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        words.append("")
    return blake2b("\n".join(words).encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        # Of a process that nobody has waited for, the kernel (Linux) keeps the id: state Z.
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state != "Z"
