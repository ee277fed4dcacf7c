"""A local folder of parquet files, read by the `datasets` library (extra `hub`) without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simulations.datasets.image_tables import ImageTables, datasets_library, quiet

__all__ = ["parquet_images"]


@contextmanager
def parquet_images(folder: Path) -> Iterator[ImageTables]:
    """The folder's `<split>-*.parquet`, open inside the block.

    The library's Arrow copy of the files goes to a temporary folder that lives as long: the data folder and
    the user's caches may be read-only.

    Raises:
        ModuleNotFoundError: the extra `hub` is missing.
        ValueError: no parquet files, or what `ImageTables` refuses.
    """
    datasets = datasets_library(str(folder))
    if not any(folder.rglob("*.parquet")):
        raise ValueError(f"the folder {folder} holds no .parquet file")
    with TemporaryDirectory(prefix="mli-parquet-") as cache:
        with quiet(datasets):
            tables: dict[str, Any] = dict(
                datasets.load_dataset("parquet", data_dir=str(folder.resolve()), cache_dir=cache)
            )
        try:
            yield ImageTables(tables, str(folder))
        finally:
            # They map files of the cache: let go of them before it is removed.
            tables.clear()
