"""A local folder of parquet files, read by the `datasets` library (extra `hub`) without a network."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simulations.datasets.image_tables import (
    IMAGE_COLUMNS,
    LABEL_COLUMNS,
    ImageTables,
    Part,
    datasets_library,
    quiet,
)
from simulations.runtime.names_in_words import first_names

__all__ = ["parquet_images"]


@contextmanager
def parquet_images(folder: Path) -> Iterator[ImageTables]:
    """The folder's `<split>-*.parquet`, open inside the block.

    The library's Arrow copy of the two columns goes to a temporary folder that lives as long: the data folder
    and the user's caches may be read-only.

    Raises:
        ModuleNotFoundError: the extra `hub` is missing.
        ValueError: no parquet files, a damaged one, one without rows or without the columns of the others, or
            what `ImageTables` refuses.
    """
    datasets = datasets_library(str(folder))
    if not any(folder.rglob("*.parquet")):
        raise ValueError(f"the folder {folder} holds no .parquet file")
    with TemporaryDirectory(prefix="mli-parquet-") as temporary:
        # The library takes [, ], * and ? in a folder's name for a pattern.
        link = Path(temporary) / "data"
        link.symlink_to(folder.resolve(), target_is_directory=True)
        files = _files_by_split(datasets, link)
        parts = {
            split: [_part(split, path, str(path.relative_to(link))) for path in paths]
            for split, paths in files.items()
        }
        columns = _columns(folder, parts)
        tables: dict[str, Any] = {}
        with quiet(datasets):
            for split, paths in files.items():
                try:
                    tables[split] = datasets.Dataset.from_parquet(
                        [glob.escape(str(path)) for path in paths],
                        cache_dir=str(Path(temporary) / "cache"),
                        columns=list(columns),
                    )
                except datasets.exceptions.DatasetGenerationError as error:
                    why = error.__cause__ or error
                    words = f"the files of split {split!r} of {folder} cannot be read"
                    raise ValueError(f"{words}: {type(why).__name__}: {why}") from error
        try:
            yield ImageTables(tables, str(folder), parts)
        finally:
            # They map files of the cache: let go of them before it is removed.
            tables.clear()


def _files_by_split(datasets: Any, folder: Path) -> dict[str, list[Path]]:
    """Parquet files by the split that the library reads in their names; "train" where it reads none."""
    patterns = datasets.data_files.get_data_patterns(str(folder))
    found = datasets.data_files.DataFilesDict.from_patterns(patterns, base_path=str(folder))
    files = {
        str(split): [Path(path) for path in paths if str(path).endswith(".parquet")]
        for split, paths in found.items()
    }
    return {split: paths for split, paths in files.items() if paths}


def _part(split: str, path: Path, name: str) -> Part:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            rows, columns = file.metadata.num_rows, tuple(file.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{name} (split {split!r}) is damaged or no parquet file: {error}") from error
    if not rows:
        raise ValueError(f"{name} (split {split!r}) has no row: remove the file")
    return Part(name, rows, columns)


def _columns(folder: Path, parts: Mapping[str, list[Part]]) -> tuple[str, str]:
    """The image and the label column, which every file must have; others are not read."""
    first = parts.get("train") or next(iter(parts.values()))
    image = next((name for name in IMAGE_COLUMNS if name in first[0].columns), "")
    label = next((name for name in LABEL_COLUMNS if name in first[0].columns), "")
    if not image or not label:
        raise ValueError(
            f"{folder} must have the columns image (or img) and label (or fine_label), "
            f"it has [{first_names(first[0].columns)}]"
        )
    for split, files in parts.items():
        for part in files:
            if missing := [name for name in (image, label) if name not in part.columns]:
                raise ValueError(
                    f"{part.file} (split {split!r}) of {folder} has no column {missing[0]}, which "
                    f"{first[0].file} has: it has [{first_names(part.columns)}]"
                )
    return image, label
