"""Image data sets by their names on the Hugging Face hub, a local copy first.

Where the environment variable MLI_DATA names a folder, the data set NAME is read from its sub-folder NAME
(parquet files, as on the hub: MLI_DATA/mnist/train-*.parquet), and no network is asked. Otherwise the
`datasets` library fetches it, into the user's own cache, from where later calls take it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from simulations.datasets.image_tables import ImageTables, datasets_library, quiet

__all__ = ["SHORT_NAMES", "hub_images", "is_hub_name", "local_copy"]

SHORT_NAMES = {
    "mnist": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
}
FOLDER_VARIABLE = "MLI_DATA"


def is_hub_name(name: str) -> bool:
    """Whether a name is one of `SHORT_NAMES` or of the form owner/name."""
    return name in SHORT_NAMES or re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]*\w", name) is not None


def local_copy(name: str) -> Path | None:
    """The sub-folder `name` of the folder that MLI_DATA names; None where either is absent.

    A data set with a short name is found under that or its full name, whichever is asked for.

    Raises:
        ValueError: MLI_DATA is set and names no folder.
    """
    root = os.environ.get(FOLDER_VARIABLE, "")
    if not root:
        return None
    if not Path(root).is_dir():
        raise ValueError(f"{FOLDER_VARIABLE} must name a folder, and {root} is none")
    same = [pair for pair in SHORT_NAMES.items() if name in pair]
    candidates = [name, *(other for pair in same for other in pair if other != name)]
    return next((Path(root) / n for n in candidates if (Path(root) / n).is_dir()), None)


@contextmanager
def hub_images(name: str) -> Iterator[ImageTables]:
    """The data set of the hub, open inside the block. Its download shows its progress on a terminal.

    Raises:
        ModuleNotFoundError: the extra `hub` is missing.
        ConnectionError: it could not be fetched; the message says what to do without a network.
        ValueError: the hub has no such data set, or `datasets` or `ImageTables` refuses it.
    """
    datasets = datasets_library(name)
    try:
        with nullcontext() if sys.stderr.isatty() else quiet(datasets):
            tables = datasets.load_dataset(SHORT_NAMES.get(name, name))
    except (datasets.exceptions.DatasetNotFoundError, ValueError) as error:
        raise ValueError(
            f"unknown data set {name!r}: no existing folder, and the hub does not give it "
            f"({_first_line(error)})"
        ) from error
    except Exception as error:  # of whichever network library is below, in whichever version
        raise ConnectionError(
            f"the data set {name!r} could not be fetched from the hub ({_first_line(error)}): "
            f"without a network, put its parquet files into a folder and give that folder, "
            f"or set {FOLDER_VARIABLE}=FOLDER with the files in FOLDER/{name}"
        ) from error
    yield ImageTables(tables, name)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
