"""Labels redrawn at random: a share of them, up to all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.runtime.random_streams import numpy_stream

__all__ = ["redrawn_labels"]


def redrawn_labels(labels: NDArray[np.int64], n_classes: int, share: float, seed: int) -> NDArray[np.int64]:
    """Labels (n,) of which round(share n) are redrawn uniformly over all classes, their own included.

    So about share (k-1)/k of the labels change, and at share 1 all are random. Which samples and to what is
    drawn from the stream "label noise"; at one seed a larger share redraws the same samples to the same
    labels, and more.

    Raises:
        ValueError: a share outside [0, 1], a seed that is no integer >= 0.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"label_noise must be a share of the labels in [0, 1], got {share!r}")
    stream = numpy_stream(seed, "label noise")
    order = stream.permutation(len(labels))
    drawn = stream.integers(n_classes, size=len(labels))
    chosen = order[: round(share * len(labels))]
    noisy = labels.copy()
    noisy[chosen] = drawn[chosen]
    return noisy
