"""Strategies for curves on a grid of alphas."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray

__all__ = ["Curve", "curves"]


class Curve(NamedTuple):
    """Values on a grid: `plateau_end(*curve)` takes it as it is.

    Attributes:
        alphas: the grid (m,), from 0 to 1 in equal steps; [0] where m = 1.
        values: a loss or an error (m,).
    """

    alphas: NDArray[np.float64]
    values: NDArray[np.float64]


@st.composite
def curves(draw: DrawFn, *, max_size: int = 12, monotone: bool | None = None) -> Curve:
    """Curves of 1 to `max_size` values from -10 to 10, many of them on a coarse lattice, where they tie.

    Args:
        draw: given by Hypothesis; leave it out.
        max_size: most values.
        monotone: True, no value is above the one before; False, some value is; None, either.
    """
    lattice = st.integers(-4, 4).map(lambda i: i / 4)
    values = draw(
        st.lists(lattice | st.floats(-10, 10), min_size=2 if monotone is False else 1, max_size=max_size)
    )
    if monotone:
        values = sorted(values, reverse=True)
    elif monotone is False and all(after <= before for before, after in pairwise(values)):
        values = [*values[:-1], values[-2] + 0.25]
    return Curve(np.linspace(0, 1, len(values)) if len(values) > 1 else np.zeros(1), np.array(values))
