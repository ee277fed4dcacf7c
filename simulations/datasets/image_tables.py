"""Images and labels in the tables of the `datasets` library, decoded only where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImageTables", "datasets_library", "quiet"]

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = (
    "label",
    "fine_label",
)  # CIFAR-100 has fine and coarse labels: the fine are its hundred classes
REFERENCE_IMAGES = 1000
DECODED_AT_ONCE = 1024  # encoded images held in memory at a time


class ImageTables:
    """The splits of one data set.

    Args:
        tables: a `datasets.Dataset` by split name.
        source: what messages call the data set.

    Attributes:
        splits: names, train first.
        n_classes: of the label feature, or the largest label + 1 where the tables name no classes.

    Raises:
        ValueError: no split, columns other than image (or img) and label (or fine_label), or labels that are
            not integers >= 0.
    """

    def __init__(self, tables: Mapping[str, Any], source: str) -> None:
        self._tables, self._source = tables, source
        self.splits = sorted(self._tables, key=lambda name: (name != "train", name))
        if not self.splits:
            raise ValueError(f"{source} has no split")
        features = self._tables[self.splits[0]].features
        self._image = next((name for name in IMAGE_COLUMNS if name in features), "")
        self._label = next((name for name in LABEL_COLUMNS if name in features), "")
        if not self._image or not self._label:
            raise ValueError(
                f"{source} must have the columns image (or img) and label (or fine_label), "
                f"it has {sorted(features)}"
            )
        if not isinstance(features[self._image], datasets_library(source).Image):
            raise ValueError(
                f"column {self._image} of {source} must hold images, it holds {features[self._image]}"
            )
        n_named = getattr(features[self._label], "num_classes", None)
        self.n_classes = int(n_named or self.labels("all").max() + 1)

    def labels(self, split: str) -> NDArray[np.int64]:
        """All labels of a split ("all": of every split, in the order of `splits`), (n,)."""
        return np.concatenate([self._labels_of(name) for name in self._parts(split)])

    def pixels(self, split: str, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The decoded images at ascending `indices` of `labels(split)`, (n, channels, height, width)."""
        stacked: NDArray[np.uint8] | None = None
        for row, image in enumerate(self._images(split, indices)):
            if stacked is None:
                stacked = np.empty((len(indices), *image.shape), np.uint8)
            elif image.shape != stacked.shape[1:]:
                raise ValueError(
                    f"the images of {self._source} differ in shape: {stacked.shape[1:]} and {image.shape}"
                )
            stacked[row] = image
        if stacked is None:
            raise ValueError(f"split {split!r} of {self._source} has no sample")
        return stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)

    def reference(self) -> NDArray[np.uint8]:
        """The first 1,000 images of the first split: their mean and standard deviation scale every split."""
        first = self.splits[0]
        return self.pixels(first, np.arange(min(REFERENCE_IMAGES, len(self._tables[first]))))

    def _images(self, split: str, indices: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        """(height, width) or (height, width, 3) each."""
        offset = 0
        for name in self._parts(split):
            table = self._tables[name]
            feature = table.features[self._image]  # the library copies all features at each look
            here = indices[(indices >= offset) & (indices < offset + len(table))] - offset
            offset += len(table)
            for first in range(0, len(here), DECODED_AT_ONCE):
                # As Arrow, the encoded bytes: the library's own decoding takes 1.5 to 1.7 times as long.
                part = table.select(here[first : first + DECODED_AT_ONCE]).with_format("arrow")
                for encoded in part[:][self._image].to_pylist():
                    yield self._decoded(encoded, feature)

    def _decoded(self, encoded: Mapping[str, Any], feature: Any) -> NDArray[np.uint8]:
        from PIL import Image

        image = Image.open(BytesIO(encoded["bytes"])) if encoded["bytes"] is not None else None
        if (
            image is None or "exif" in image.info
        ):  # a file beside the table, a photograph that may lie on its side
            image = feature.decode_example(encoded)
        if image.mode not in ("L", "RGB"):
            raise ValueError(
                f"the images of {self._source} must be grey (L) or RGB of 8 bits, one is {image.mode}"
            )
        return np.asarray(image)

    def _labels_of(self, name: str) -> NDArray[np.int64]:
        column = self._tables[name][self._label][:]
        for row, label in enumerate(column):  # 0.5 would become class 0, and -1 stands for "unlabelled"
            if isinstance(label, bool) or not isinstance(label, int) or label < 0:
                raise ValueError(
                    f"labels of {self._source} must be integers >= 0, "
                    f"but label {row} of split {name!r} is {label!r}"
                )
        return np.asarray(column, np.int64)

    def _parts(self, split: str) -> list[str]:
        if split == "all":
            return self.splits
        if split not in self._tables:
            raise ValueError(
                f"unknown split {split!r}: {self._source} has {', '.join(self.splits)} and 'all'"
            )
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
