"""Strategies for the numbers and arrays of the homogeneous path: logits, labels, degrees."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

__all__ = ["Kind", "biases", "degrees", "labels", "logits", "signals"]

Floats = NDArray[np.float64]
Kind = Literal["any", "whole", "plain"]
"""Of a logit: any size that a float64 has, whole numbers that tie often, or -50 to 50."""

_KINDS: dict[str, SearchStrategy[float]] = {
    "any": st.floats(-1e308, 1e308)
    | st.sampled_from([0.0, 5e-324, -5e-324, 1e-310, 1e300, -1e308, 1e308, 2.0**-400]),
    "whole": st.integers(-4, 4).map(float),
    "plain": st.floats(-50, 50).map(lambda value: float(np.float32(value))),
}


def logits(kind: Kind = "plain") -> SearchStrategy[float]:
    """One logit or bias, in nats, as a float.

    Args:
        kind: "any", finite and of any size, zero, subnormal numbers and +-1e308 among them; "whole", a whole
            number from -4 to 4, so that exact ties are common; "plain", a float32 from -50 to 50.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
    return _KINDS[kind]


def _of(kind: Kind | None) -> SearchStrategy[SearchStrategy[float]]:
    """The numbers of one array: of the kind named, else of one that is drawn once for the whole array."""
    return st.sampled_from([logits(one) for one in get_args(Kind)] if kind is None else [logits(kind)])


def signals(n_samples: int, n_classes: int, kind: Kind | None = None) -> SearchStrategy[Floats]:
    """Trained logits without the last-layer bias, (n_samples, n_classes) float64, in nats.

    Args:
        n_samples: rows, at least 1.
        n_classes: columns, at least 2.
        kind: as of `logits`; None draws one for the whole array.
    """
    return _of(kind).flatmap(
        lambda number: st.lists(
            st.lists(number, min_size=n_classes, max_size=n_classes), min_size=n_samples, max_size=n_samples
        ).map(np.array)
    )


def biases(n_classes: int, kind: Kind | None = None) -> SearchStrategy[Floats]:
    """A last-layer bias, (n_classes,) float64, in nats; equal entries are among the values.

    Args:
        n_classes: length, at least 2.
        kind: as of `logits`; None draws one for the whole array.
    """
    return _of(kind).flatmap(
        lambda number: st.lists(number, min_size=n_classes, max_size=n_classes).map(np.array)
    )


def labels(n_samples: int, n_classes: int) -> SearchStrategy[NDArray[np.int64]]:
    """Labels, (n_samples,) int64 in 0 .. n_classes - 1; classes without a sample are among the values.

    Args:
        n_samples: length, at least 1.
        n_classes: number of classes, at least 2.
    """
    one = st.integers(0, n_classes - 1)
    return st.lists(one, min_size=n_samples, max_size=n_samples).map(lambda y: np.array(y, dtype=np.int64))


def degrees(largest: int = 64, least: int = 2) -> SearchStrategy[int]:
    """A degree r, `least` to `largest`; both ends and least + 1 are drawn often.

    Args:
        largest: the largest degree.
        least: the least degree: 2 for the path's theorems, 3 for most of the power model's.
    """
    return st.sampled_from(sorted({least, min(least + 1, largest), largest})) | st.integers(least, largest)
