"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulations.runtime.leftovers import remove_leftovers, temporary_name

__all__ = ["DISK_IS_FULL", "atomic_path", "naming_a_full_disk", "writable_file", "writable_folder"]

DISK_IS_FULL = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG}
"""Errors of the disk, not of what was written: every other file there would meet them too."""

_cleaned: set[Path] = set()  # folders in which this process has looked for leftovers


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`: renamed onto it when the block ends well, removed when it does not.

    The temporary name keeps the suffix (writers choose their format by it) and says which process of which
    machine it is of (`simulations.runtime.leftovers`): two never write the same temporary file. The first
    use of a folder removes what dead processes left in it.

    Raises:
        OSError: the disk is full; the message names the folder. Others as they come.
    """
    path = Path(path)
    temporary = path.with_name(temporary_name(path.stem, path.suffix))
    _clean_once(path.parent)
    try:
        with naming_a_full_disk(path):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming_a_full_disk(path: Path) -> Iterator[None]:
    """Inside, an error of the disk names the folder of the file at `path`: a write's own error names nothing.

    Raises:
        OSError: the disk is full; the message names the folder. Others as they come.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_IS_FULL:
            words = f"the folder {path.parent} cannot be written"
            raise OSError(error.errno, f"{words}: {error.strerror}", str(path)) from error
        raise


def writable_folder(folder: Path | str, files: Iterable[str] = ()) -> Path:
    """The folder, made if need be, after a probe file was written and removed in it.

    What killed processes left in it in mid-write is removed; no other file is touched.

    Args:
        folder: to write to.
        files: names of what will be written there: none may be a folder now, or too long.

    Raises:
        OSError: it cannot be made or written; the message names it. Call this before the work
            whose results go there.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Never renamed to a name that a user's file might have.
        probe = folder / temporary_name("probe")
        probe.touch()
        probe.unlink(missing_ok=True)
        remove_leftovers(folder)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        words = getattr(error, "strerror", None) or error
        raise OSError(f"the output folder {folder} cannot be written ({words}): choose another") from error
    for name in files:
        _refuse_name(folder / name)
    return folder


def writable_file(path: Path | str) -> Path:
    """The path of a file to be written, after its folder was made and its name was tried beside it.

    Raises:
        OSError: the folder cannot be written, or a file of this name not be made: it is a folder, or the
            name is too long. The message names it.
    """
    path = Path(path)
    writable_folder(path.parent, [path.name])
    return path


def _refuse_name(path: Path) -> None:
    """Refuse the path of a file that is a folder, or that the system does not take (too long)."""
    try:
        taken = path.is_dir()
    except OSError as error:
        raise OSError(f"{path} cannot be written ({error.strerror or error}): choose another name") from error
    if taken:
        raise OSError(f"the output folder {path.parent} cannot be used: {path} is a folder itself")


def _clean_once(folder: Path) -> None:
    if folder in _cleaned:
        return
    _cleaned.add(folder)
    try:
        remove_leftovers(folder)
    except OSError:  # the write itself will say what is wrong
        return
