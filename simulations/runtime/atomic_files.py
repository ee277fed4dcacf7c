"""Files that are there whole or not at all."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_path", "remove_leftovers", "writable_folder"]


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`: renamed onto it when the block ends well, removed when it does not.

    The temporary name keeps the suffix (writers choose their format by it) and holds the process
    id, so two processes never write the same temporary file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def writable_folder(folder: Path | str) -> Path:
    """The folder, made if need be, after a probe file was written and removed in it.

    What killed processes left in it in mid-write is removed; no other file is touched.

    Raises:
        OSError: it cannot be made or written; the message names it. Call this before the work
            whose results go there.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Never renamed to a name that a user's file might have.
        probe = folder / f".probe.{os.getpid()}.partial"
        probe.touch()
        probe.unlink(missing_ok=True)
        remove_leftovers(folder)
    except OSError as error:
        raise OSError(
            f"the output folder {folder} cannot be written ({error.strerror or error}): choose another"
        ) from error
    return folder


def remove_leftovers(folder: Path, stem: str | None = None) -> None:
    """Remove what processes killed in mid-write left in the folder, by the id in `atomic_path`'s name.

    Of the files with this stem only, where one is given.
    """
    for partial in folder.glob(f".{'*' if stem is None else glob.escape(stem)}.*.partial*"):
        process = partial.name.rpartition(".partial")[0].rpartition(".")[2]
        if process.isdigit() and not _is_alive(int(process)):
            partial.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # Of a process that nobody has waited for, the kernel (Linux) keeps the id: state Z.
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state != "Z"
