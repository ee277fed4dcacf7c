"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_path", "writable_folder"]


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

    Raises:
        OSError: it cannot be made or written; the message names it. Call this before the work
            whose results go there.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / "probe") as probe:
            probe.touch()
        (folder / "probe").unlink()
    except OSError as error:
        raise OSError(
            f"the output folder {folder} cannot be written ({error.strerror or error}): "
            "choose another with --output"
        ) from error
    return folder
