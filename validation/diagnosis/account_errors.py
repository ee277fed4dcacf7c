"""How far an account could be another on other samples: the bootstrap over samples.

The network is fixed; what is drawn anew is which samples its line is measured on. Every counterfactual sees
the same draw, so that what two curves share cancels in their difference.
n samples, m alphas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.runtime.random_streams import numpy_stream

__all__ = ["DRAWS", "SampleCurves", "bootstrap_curves", "moved", "standard_error"]

DRAWS = 200
"""A standard error from 200 draws is itself right to 1/sqrt(400), 5 %."""

Quantity = Literal["error", "loss"]


class SampleCurves(NamedTuple):
    """Every sample's loss (m, n), nats, and whether it is wrong (m, n), at every alpha."""

    loss: NDArray[np.floating]
    error: NDArray[np.bool_]


def bootstrap_curves(
    curves: Mapping[str, SampleCurves], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, dict[Quantity, NDArray[np.float64]]]:
    """Mean curves (draws, m) of each name and quantity, over samples drawn with replacement, alike for all.

    Raises:
        ValueError: curves of different numbers of samples; fewer than two draws.
    """
    counts = {name: curve.loss.shape[1] for name, curve in curves.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"paired draws need the same samples in every curve, got {counts}")
    if draws < 2:
        raise ValueError(f"a standard error needs two draws at least, got {draws}")
    n = next(iter(counts.values()))
    rng = numpy_stream(seed, "bootstrap over samples")
    weights = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float32)
    # float32 sums of n terms: relative error about 1e-6, far below 1/sqrt(n).
    return {
        name: {
            "loss": (weights @ curve.loss.T.astype(np.float32)).astype(np.float64) / n,
            "error": (weights @ curve.error.T.astype(np.float32)).astype(np.float64) / n,
        }
        for name, curve in curves.items()
    }


def moved(curve: SampleCurves, line: SampleCurves) -> tuple[float, float]:
    """By how much the error at alpha = 1 is above the line's, and the standard error of that, paired."""
    change = curve.error[-1].astype(np.float64) - line.error[-1]
    spread = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.inf
    return float(change.mean()), float(spread)


def standard_error(values: NDArray[np.float64]) -> float:
    """Of values (draws,); nan where more than one draw in twenty has none."""
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1)) if len(defined) >= max(2, 0.95 * len(values)) else float("nan")
