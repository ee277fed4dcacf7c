"""Labelled images, standardised, in a fixed order.

n samples · k classes. Inputs are float32 tensors (n, channels, height, width), labels int64 (n,).
Nothing is shuffled, and nothing but label noise is drawn at random: the same call gives the same tensors.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mli_theory.short_repr import short_repr
from simulations.datasets.class_sizes import check_imbalance, class_sizes
from simulations.datasets.hub_images import SHORT_NAMES, hub_images, is_hub_name, local_copy
from simulations.datasets.image_tables import ImageTables
from simulations.datasets.label_noise import redrawn_labels
from simulations.datasets.parquet_images import parquet_images

__all__ = ["ImageDataset", "load"]

SCALED_AT_ONCE = 1024  # images in float64 at a time
Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float64]


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

    __repr__ = short_repr

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
    name_or_folder: str | Path,
    split: str = "all",
    limit: int | None = None,
    balanced: bool = True,
    *,
    label_noise: float = 0.0,
    imbalance: float = 1.0,
    seed: int = 0,
) -> ImageDataset:
    """A data set by name, or from a local folder of parquet files.

    `"digits"` is scikit-learn's `load_digits`, shipped with it: 1,797 real 8 x 8 grey images of ten
    handwritten digits, one split ("all"). A folder holds `<split>-*.parquet` with the columns
    `image` (or `img`) and `label` (or `fine_label`), read by the `datasets` library (extra `hub`) without a
    network; split "all" is all its splits, train first. Other names are the hub's: "mnist", "fashion-mnist",
    "cifar10", "cifar100" or any "owner/name", read from a sub-folder of that name where the environment
    variable MLI_DATA names a folder that has one, else fetched (`simulations.datasets.hub_images`). A short
    name is never a folder of the current directory (./mnist is); "owner/name" is one where it exists.

    Standardised means: minus the mean, divided by the standard deviation, one pair of numbers a
    channel (never one a pixel: border pixels are constant). The pair comes from all of digits, or
    from the first 1,000 images of a folder's train split (its first split where it has no train), before
    any choice of samples: every split, subset and limit is scaled alike.

    Args:
        name_or_folder: "digits", a folder, or a hub name.
        split: "all" or the name of one split.
        limit: at most this many samples. Only these and the 1,000 are decoded.
        balanced: the first m samples of each class, m the size of the smallest class (digits: 174, so
            1,740) or `limit // n_classes` if less. False: the first `limit` samples as they come.
            Kept samples stay in their original order.
        label_noise: share of the kept samples whose label is redrawn uniformly over all classes, in [0, 1]; 1
            gives random labels (`simulations.datasets.label_noise`).
        imbalance: >= 1; largest over smallest class size. Above 1, class sizes fall geometrically from class
            0 to the last instead of being equal (`simulations.datasets.class_sizes` has the rounding); of
            each class the first samples are kept.
        seed: of the stream "label noise", the only draw.

    Raises:
        ValueError: an unknown name, no such folder or split, another schema, a limit < 1 (or < n_classes when
            balanced), a class without samples when balanced, a label_noise or imbalance out of range, an
            imbalance with balanced=False.
        ModuleNotFoundError: a folder or hub name without the extra `hub`; the message says how to install it.
        ConnectionError: the hub is not reached; the message says how to do without.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"limit must be an integer >= 1 or None, got {limit!r}")
    if not balanced and imbalance != 1:
        raise ValueError(f"imbalance = {imbalance!r} sets the class sizes, which balanced=False leaves alone")
    choice = _Choice(limit, balanced, imbalance, label_noise, seed)
    if name_or_folder == "digits":
        return _digits(split, choice)
    with _images(name_or_folder) as images:
        labels = images.labels(split)
        chosen = choice.indices(labels, images.n_classes)
        labels = choice.labels(labels[chosen], images.n_classes)
        return _dataset(images.pixels(split, chosen), labels, images.n_classes, *_scale(images.reference()))


@dataclass(frozen=True)
class _Choice:
    """Which samples to keep, with which labels."""

    limit: int | None
    balanced: bool
    imbalance: float
    label_noise: float
    seed: int

    def __post_init__(self) -> None:
        # Bad values are refused here, before any file is read.
        check_imbalance(self.imbalance)
        redrawn_labels(np.zeros(1, np.int64), 2, self.label_noise, self.seed)

    def indices(self, labels: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
        """Ascending."""
        if not self.balanced:
            return np.arange(len(labels) if self.limit is None else min(self.limit, len(labels)))
        sizes = class_sizes(np.bincount(labels, minlength=n_classes), self.limit, self.imbalance)
        return np.sort(np.concatenate([np.flatnonzero(labels == c)[:m] for c, m in enumerate(sizes)]))

    def labels(self, labels: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
        return redrawn_labels(labels, n_classes, self.label_noise, self.seed)


def _digits(split: str, choice: _Choice) -> ImageDataset:
    from sklearn.datasets import load_digits

    if split != "all":
        raise ValueError(f"digits has one split, 'all', got split={split!r}")
    bunch = load_digits()
    pixels = bunch.images[:, None, :, :]
    chosen = choice.indices(bunch.target, 10)
    labels = choice.labels(bunch.target[chosen], 10)
    return _dataset(pixels[chosen], labels, 10, *_scale(pixels))


def _images(name_or_folder: str | Path) -> AbstractContextManager[ImageTables]:
    name, is_path = str(name_or_folder), isinstance(name_or_folder, Path)
    if name and (is_path or name not in SHORT_NAMES) and Path(name).is_dir():
        return parquet_images(Path(name))
    if is_path or not is_hub_name(name):
        raise ValueError(
            f"unknown data set {name!r}: neither 'digits' nor an existing folder nor a name of the hub "
            f"({', '.join(SHORT_NAMES)} or owner/name)"
        )
    folder = local_copy(name)
    return hub_images(name) if folder is None else parquet_images(folder)


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
    inputs = np.empty(pixels.shape, dtype=np.float32)
    for first in range(0, len(pixels), SCALED_AT_ONCE):
        part = slice(first, first + SCALED_AT_ONCE)
        inputs[part] = (pixels[part] - mean) / std
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
