"""Images and labels in a local folder of parquet files, read by the `datasets` library (extra `hub`).

Its Arrow copy of the files goes to a temporary folder that lives as long as the reader: the data folder and
the user's caches may be read-only. No network is used.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ParquetImages"]

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMN = "label"
REFERENCE_IMAGES = 1000


class ParquetImages:
    """An open folder; use it with `with`.

    Attributes:
        splits: names, train first.
        n_classes: of the label feature, or the largest label + 1 where the files name no classes.

    Raises:
        ModuleNotFoundError: the extra `hub` is missing.
        ValueError: no parquet files, columns other than image (or img) and label, or labels that are not
            integers >= 0.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import datasets
        except ImportError as error:
            raise ModuleNotFoundError(
                f"reading {folder} needs the datasets library: pip install 'mli-plateau[hub]'"
            ) from error
        if not any(folder.rglob("*.parquet")):
            raise ValueError(f"the folder {folder} holds no .parquet file")
        with ExitStack() as undo:
            cache = undo.enter_context(TemporaryDirectory(prefix="mli-parquet-"))
            if not datasets.are_progress_bars_disabled():
                datasets.disable_progress_bars()
                undo.callback(datasets.enable_progress_bars)
            self._tables: dict[str, Any] = dict(
                datasets.load_dataset("parquet", data_dir=str(folder.resolve()), cache_dir=cache)
            )
            # The tables map files of the cache: let go of them before it is removed.
            undo.callback(self._tables.clear)
            self.splits = sorted(self._tables, key=lambda name: (name != "train", name))
            features = self._tables[self.splits[0]].features
            self._image = next((name for name in IMAGE_COLUMNS if name in features), "")
            if not self._image or LABEL_COLUMN not in features:
                raise ValueError(
                    f"{folder} must have the columns image (or img) and label, it has {sorted(features)}"
                )
            if not isinstance(features[self._image], datasets.Image):
                raise ValueError(
                    f"column {self._image} of {folder} must hold images, it holds {features[self._image]}"
                )
            n_named = getattr(features[LABEL_COLUMN], "num_classes", None)
            self.n_classes = int(n_named or self.labels("all").max() + 1)
            self._undo = undo.pop_all()

    def __enter__(self) -> ParquetImages:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def labels(self, split: str) -> NDArray[np.int64]:
        """All labels of a split ("all": of every split, in the order of `splits`), (n,)."""
        return np.concatenate([self._labels_of(name) for name in self._parts(split)])

    def pixels(self, split: str, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The decoded images at ascending `indices` of `labels(split)`, (n, channels, height, width)."""
        images: list[NDArray[np.uint8]] = []
        offset = 0
        for name in self._parts(split):
            table = self._tables[name]
            here = indices[(indices >= offset) & (indices < offset + len(table))] - offset
            images += [np.asarray(image) for image in table.select(here)[self._image]]
            offset += len(table)
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            raise ValueError(f"the images differ in shape: {sorted(shapes)[:4]}")
        stacked = np.stack(images)
        return stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)

    def reference(self) -> NDArray[np.uint8]:
        """The first 1,000 images of the first split: their mean and standard deviation scale every split."""
        first = self.splits[0]
        return self.pixels(first, np.arange(min(REFERENCE_IMAGES, len(self._tables[first]))))

    def _labels_of(self, name: str) -> NDArray[np.int64]:
        column = self._tables[name][LABEL_COLUMN][:]
        for row, label in enumerate(column):  # 0.5 would become class 0, and -1 stands for "unlabelled"
            if isinstance(label, bool) or not isinstance(label, int) or label < 0:
                raise ValueError(
                    f"labels must be integers >= 0, but label {row} of split {name!r} is {label!r}"
                )
        return np.asarray(column, np.int64)

    def _parts(self, split: str) -> list[str]:
        if split == "all":
            return self.splits
        if split not in self._tables:
            raise ValueError(f"unknown split {split!r}: this folder has {', '.join(self.splits)} and 'all'")
        return [split]
