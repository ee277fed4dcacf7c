"""Images and labels in the tables of the `datasets` library, decoded only where they are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.datasets.pixels import image_values
from simulations.runtime.names_in_words import first_names, first_of

__all__ = ["IMAGE_COLUMNS", "LABEL_COLUMNS", "ImageTables", "Part", "datasets_library", "quiet"]

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = (
    "label",
    "fine_label",
)  # CIFAR-100 has fine and coarse labels: the fine are its hundred classes
REFERENCE_IMAGES = 1000
MOST_PIXELS = 2**24
"""Of an image: 4096 x 4096. A file of a few bytes can hold more than the memory."""
DECODED_AT_ONCE = 1024  # encoded images held in memory at a time


Values = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Part:
    """One file of a split: its name, number of rows and columns."""

    file: str
    rows: int
    columns: tuple[str, ...]


class ImageTables:
    """The splits of one data set.

    Encoded images are also found where the tables do not say that they are some: in a column of bytes, or of
    mappings with `bytes`, as a parquet file without the library's metadata has.

    Args:
        tables: a `datasets.Dataset` by split name.
        source: what messages call the data set.
        parts: the files of each split, in order, where the tables come of some; for messages.

    Attributes:
        splits: names, train first.
        n_classes: of the label feature, or the largest label + 1 where the tables name no classes.

    Raises:
        ValueError: no split, columns other than image (or img) and label (or fine_label), or labels that are
            not integers >= 0.
    """

    def __init__(
        self, tables: Mapping[str, Any], source: str, parts: Mapping[str, Sequence[Part]] | None = None
    ) -> None:
        self._tables, self._source, self._files = dict(tables), source, parts or {}
        self._dtype: np.dtype[Any] | None = None  # of the first image: others must have it too
        self.splits = sorted(self._tables, key=lambda name: (name != "train", name))
        if not self.splits:
            raise ValueError(f"{source} has no split")
        features = self._tables[self.splits[0]].features
        self._image = next((name for name in IMAGE_COLUMNS if name in features), "")
        self._label = next((name for name in LABEL_COLUMNS if name in features), "")
        if not self._image or not self._label:
            raise ValueError(
                f"{source} must have the columns image (or img) and label (or fine_label), "
                f"it has [{first_names(features)}]"
            )
        for name in self.splits:
            self._tables[name] = self._with_images(name)
        n_named = getattr(features[self._label], "num_classes", None)
        self.n_classes = int(n_named or self.labels("all").max() + 1)

    def labels(self, split: str) -> NDArray[np.int64]:
        """All labels of a split ("all": of every split, in the order of `splits`), (n,)."""
        return np.concatenate([self._labels_of(name) for name in self._parts(split)])

    def pixels(self, split: str, indices: NDArray[np.int64]) -> Values:
        """The decoded images at ascending `indices` of `labels(split)`, (n, channels, height, width).

        As `simulations.datasets.pixels.image_values` reads them: 8 bits, or 16 where all have 16.

        Raises:
            ValueError: an image that is null, damaged or of another kind than those before it, by its row.
        """
        stacked: Values | None = None
        for row, (place, image) in enumerate(self._images(split, indices)):
            self._dtype = self._dtype or image.dtype
            if stacked is None:
                stacked = np.empty((len(indices), *image.shape), image.dtype)
            if image.shape != stacked.shape[1:]:
                raise ValueError(
                    f"the images of {self._source} differ in shape: {stacked.shape[1:]} and {image.shape} "
                    f"({place()})"
                )
            if image.dtype != self._dtype:
                raise ValueError(
                    f"the images of {self._source} differ in type: {self._dtype} and {image.dtype} "
                    f"({place()})"
                )
            stacked[row] = image
        if stacked is None:
            raise ValueError(f"split {split!r} of {self._source} has no sample")
        return stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)

    def reference(self) -> Values:
        """The first 1,000 images of the first split: their mean and standard deviation scale every split."""
        first = self.splits[0]
        return self.pixels(first, np.arange(min(REFERENCE_IMAGES, len(self._tables[first]))))

    def _with_images(self, name: str) -> Any:
        """A split's table whose image column is one of images to the library."""
        table, library = self._tables[name], datasets_library(self._source)
        kind = table.features[self._image]
        if isinstance(kind, library.Image):
            return table
        encoded = getattr(kind, "dtype", "") in ("binary", "large_binary")
        if not encoded and not (isinstance(kind, Mapping) and "bytes" in kind):
            raise ValueError(f"column {self._image} of {self._source} must hold images, it holds {kind}")
        with quiet(library):
            return table.cast_column(self._image, library.Image())

    def _images(self, split: str, indices: NDArray[np.int64]) -> Iterator[tuple[Callable[[], str], Values]]:
        """(height, width) or (height, width, 3) each, with what tells its place."""
        offset = 0
        for name in self._parts(split):
            table = self._tables[name]
            feature = table.features[self._image]  # the library copies all features at each look
            here = indices[(indices >= offset) & (indices < offset + len(table))] - offset
            offset += len(table)
            for first in range(0, len(here), DECODED_AT_ONCE):
                # As Arrow, the encoded bytes: the library's own decoding takes 1.5 to 1.7 times as long.
                rows = here[first : first + DECODED_AT_ONCE]
                part = table.select(rows).with_format("arrow")
                for row, encoded in zip(rows, part[:][self._image].to_pylist(), strict=True):
                    place = partial(self._place, name, int(row))
                    yield place, self._decoded(encoded, feature, place)

    def _decoded(self, encoded: Mapping[str, Any] | None, feature: Any, place: Callable[[], str]) -> Values:
        from PIL import Image

        if encoded is None or (encoded["bytes"] is None and encoded["path"] is None):
            raise ValueError(f"{place()} of {self._source} holds no image")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
                image = Image.open(BytesIO(encoded["bytes"])) if encoded["bytes"] is not None else None
            if (
                image is None or "exif" in image.info
            ):  # a file beside the table, a photograph that may lie on its side
                image = feature.decode_example(encoded)
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"{image.width} x {image.height} pixels are more than the {MOST_PIXELS} that are read"
                )
            image.load()
        except Exception as error:  # Pillow's readers raise whatever they like
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ValueError(f"the image in {place()} of {self._source} cannot be read: {first}") from error
        try:
            return image_values(image)
        except ValueError as error:
            raise ValueError(f"the image in {place()} of {self._source} {error}") from error

    def _place(self, split: str, row: int) -> str:
        """A row of a split in words, with its file where it came of one."""
        first = 0
        for part in self._files.get(split, ()):
            if row < first + part.rows:
                return f"row {row - first} of {part.file} (split {split!r})"
            first += part.rows
        return f"row {row} of split {split!r}"

    def _labels_of(self, name: str) -> NDArray[np.int64]:
        column = self._tables[name][self._label][:]
        for row, label in enumerate(column):  # 0.5 would become class 0, and -1 stands for "unlabelled"
            if isinstance(label, bool) or not isinstance(label, int) or label < 0:
                raise ValueError(
                    f"labels of {self._source} must be integers >= 0, "
                    f"but label {row} of split {name!r} is {label!r}"
                    f"{' (' + self._place(name, row) + ')' if name in self._files else ''}"
                )
        return np.asarray(column, np.int64)

    def _parts(self, split: str) -> list[str]:
        if split == "all":
            return self.splits
        if split not in self._tables:
            raise ValueError(f"unknown split {split!r}: {self._source} has {first_of(self.splits)} and 'all'")
        return [split]


def datasets_library(source: str) -> Any:
    """The `datasets` library, a module.

    Raises:
        ModuleNotFoundError: the extra `hub` is missing; the message says how to install it.
    """
    try:
        import datasets
    except ImportError as error:
        raise ModuleNotFoundError(
            f"reading {source} needs the datasets library: pip install 'mli-plateau[hub]'"
        ) from error
    return datasets


@contextmanager
def quiet(datasets: Any) -> Iterator[None]:
    """No progress bars of the library inside; afterwards as before."""
    shown = not datasets.are_progress_bars_disabled()
    if shown:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
