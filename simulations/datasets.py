"""Labelled images, standardised, in a fixed order.

n samples · k classes. Inputs are float32 tensors (n, channels, height, width), labels int64 (n,).
Nothing is drawn at random and nothing is shuffled: the same call gives the same tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["ImageDataset", "load"]

Pixels = NDArray[np.uint8] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Samples and their classes; `len()` is the number of samples.

    Attributes:
        inputs: float32 tensor (n, ...), finite.
        labels: int64 tensor (n,), each in 0 .. n_classes - 1.
        n_classes: k >= 2, also where a class has no sample here.
        content_hash: 32 hex digits over inputs, labels and n_classes: equal data, equal hash, in any process.

    Raises:
        ValueError: when built from anything else; the message shows the value.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    n_classes: int
    content_hash: str = ""  # computed from the rest; a given one must agree

    def __post_init__(self) -> None:
        if self.inputs.dtype != torch.float32 or self.inputs.ndim < 2:
            raise ValueError(
                "inputs must be a float32 tensor (n, ...) with at least one feature dimension, "
                f"got {self.inputs.dtype} of shape {tuple(self.inputs.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.inputs.shape[:1]:
            raise ValueError(
                f"labels must be an int64 tensor ({len(self.inputs)},), "
                f"got {self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )
        if not len(self.labels):
            raise ValueError("a data set needs at least one sample, got none")
        if isinstance(self.n_classes, bool) or not isinstance(self.n_classes, int) or self.n_classes < 2:
            raise ValueError(f"n_classes must be an integer >= 2, got {self.n_classes!r}")
        outside = torch.nonzero((self.labels < 0) | (self.labels >= self.n_classes)).flatten()
        if len(outside):
            first = int(outside[0])
            raise ValueError(
                f"labels must lie in 0 .. {self.n_classes - 1}, "
                f"but labels[{first}] = {int(self.labels[first])}"
            )
        finite = torch.isfinite(self.inputs.flatten(1)).all(dim=1)
        if not finite.all():
            raise ValueError(f"inputs must be finite, but inputs[{int((~finite).nonzero()[0])}] are not")
        found = _content_hash(self)
        if self.content_hash not in ("", found):
            raise ValueError(f"content_hash {self.content_hash!r} is not that of the data, {found!r}")
        object.__setattr__(self, "content_hash", found)

    def __reduce__(self) -> tuple[object, ...]:
        # By value: torch's own way to another process shares memory that lives only as long as this one.
        arrays = self.inputs.detach().cpu().numpy(), self.labels.cpu().numpy()
        return _from_arrays, (*arrays, self.n_classes, self.content_hash)

    def __len__(self) -> int:
        return len(self.labels)


def load(
    name_or_folder: str | Path, split: str = "all", limit: int | None = None, balanced: bool = True
) -> ImageDataset:
    """A data set by name, or from a local folder of parquet files.

    `"digits"` is scikit-learn's `load_digits`, shipped with it: 1,797 real 8 x 8 grey images of ten
    handwritten digits, one split ("all"). A folder holds `<split>-*.parquet` with the columns
    `image` (or `img`) and `label`, read by the `datasets` library (extra `hub`) without a network;
    split "all" is all its splits, train first.

    Standardised means: minus the mean, divided by the standard deviation, one pair of numbers a
    channel (never one a pixel: border pixels are constant). The pair comes from all of digits, or
    from the first 1,000 images of a folder's train split (its first split where it has no train), before
    any choice of samples: every split, subset and limit is scaled alike.

    Args:
        name_or_folder: "digits" or a folder.
        split: "all" or the name of one split.
        limit: at most this many samples.
        balanced: the first m samples of each class, m the size of the smallest class (digits: 174, so
            1,740) or `limit // n_classes` if less. False: the first `limit` samples as they come.
            Kept samples stay in their original order.

    Raises:
        ValueError: an unknown name, no such folder or split, another schema, a limit < 1 (or < n_classes when
            balanced), a class without samples when balanced.
        ModuleNotFoundError: a folder without the extra `hub`; the message says how to install it.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"limit must be an integer >= 1 or None, got {limit!r}")
    if name_or_folder == "digits":
        return _digits(split, limit, balanced)
    if not Path(name_or_folder).is_dir():
        raise ValueError(f"unknown data set {str(name_or_folder)!r}: neither 'digits' nor an existing folder")
    from simulations.parquet_images import ParquetImages

    with ParquetImages(Path(name_or_folder)) as images:
        labels = images.labels(split)
        chosen = _chosen(labels, images.n_classes, limit, balanced)
        mean, std = _scale(images.reference())
        return _dataset(images.pixels(split, chosen), labels[chosen], images.n_classes, mean, std)


def _digits(split: str, limit: int | None, balanced: bool) -> ImageDataset:
    from sklearn.datasets import load_digits

    if split != "all":
        raise ValueError(f"digits has one split, 'all', got split={split!r}")
    bunch = load_digits()
    pixels = bunch.images[:, None, :, :]
    chosen = _chosen(bunch.target, 10, limit, balanced)
    return _dataset(pixels[chosen], bunch.target[chosen], 10, *_scale(pixels))


def _chosen(
    labels: NDArray[np.int64], n_classes: int, limit: int | None, balanced: bool
) -> NDArray[np.int64]:
    """Indices of the samples to keep, ascending."""
    if not balanced:
        return np.arange(len(labels) if limit is None else min(limit, len(labels)))
    counts = np.bincount(labels, minlength=n_classes)
    if counts.min() == 0:
        raise ValueError(f"class {counts.argmin()} has no sample: balanced=True needs one of every class")
    if limit is not None and limit < n_classes:
        raise ValueError(f"limit = {limit} is less than one sample for each of the {n_classes} classes")
    per_class = int(counts.min() if limit is None else min(counts.min(), limit // n_classes))
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:per_class] for c in range(n_classes)]))


def _scale(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel of (n, channels, height, width), float64."""
    values = pixels.astype(np.float64)
    std = values.std(axis=(0, 2, 3), keepdims=True)
    if not (std > 0).all():
        raise ValueError("the images are constant in a channel: there is nothing to standardise")
    return values.mean(axis=(0, 2, 3), keepdims=True), std


def _dataset(
    pixels: Pixels,
    labels: NDArray[np.int64],
    n_classes: int,
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> ImageDataset:
    # One channel at a time keeps the float64 copy of a large set small.
    inputs = np.empty(pixels.shape, dtype=np.float32)
    for channel in range(pixels.shape[1]):
        inputs[:, channel] = (pixels[:, channel] - mean[:, channel]) / std[:, channel]
    return ImageDataset(torch.from_numpy(inputs), torch.from_numpy(labels.astype(np.int64)), n_classes)


def _from_arrays(
    inputs: NDArray[np.float32], labels: NDArray[np.int64], n_classes: int, content_hash: str
) -> ImageDataset:
    return ImageDataset(torch.from_numpy(inputs), torch.from_numpy(labels), n_classes, content_hash)


def _content_hash(data: ImageDataset) -> str:
    digest = blake2b(digest_size=16)
    digest.update(repr((tuple(data.inputs.shape), data.n_classes)).encode())
    digest.update(np.ascontiguousarray(data.inputs.detach().cpu().numpy()).data)
    digest.update(np.ascontiguousarray(data.labels.cpu().numpy()).data)
    return digest.hexdigest()
