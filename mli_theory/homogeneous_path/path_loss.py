"""The mean loss along a path z = f s + g b, with scalar factors f and g: many alphas, few passes.

Per sample only the differences to the label's logit enter. They are formed once per block of rows, classes
first, so that the sum over classes adds whole rows; a block stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mli_theory.cross_entropy import loss_from_log_odds
from mli_theory.homogeneous_path.alpha_nodes import OddsSize, loss_on_grid

__all__ = ["mean_loss", "mean_loss_on_grid"]

Floats = NDArray[np.float64]

_ROWS = 4096
_GROUPS = 12
_FINE = 48  # alphas of a grid that is worth a look for fewer
_SAFE = 700.0  # e^700 times 1e4 classes is still a float64; above, the largest log odd is factored out


def mean_loss(
    s: Floats, b: Floats, y: NDArray[np.int64], *, signal_factors: Floats, bias_factors: Floats
) -> Floats:
    """Mean cross-entropy of the logits f s + g b for each pair (f, g) of factors in [0, 1]: (m,) nats.

    s (n, k), b (k,), y (n,), factors (m,). Inputs are taken as checked.
    """
    n, k = s.shape
    total = np.zeros(len(signal_factors))
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        label = y[rows]
        others = np.arange(k - 1)[:, None] + (np.arange(k - 1)[:, None] >= label)
        # Quarters: the log odds of finite logits may overflow, a quarter of them never does.
        quarter_s = s[rows] / 4
        row = np.arange(len(label))
        signal_odds = quarter_s[row, others] - quarter_s[row, label]
        bias_odds = b[others] / 4 - b[label] / 4
        total += _block_loss(signal_odds, bias_odds, signal_factors, bias_factors, n)
    return total


def mean_loss_on_grid(
    s: Floats, b: Floats, y: NDArray[np.int64], alphas: Floats, degree: int, bias_degree: int
) -> Floats:
    """Mean cross-entropy of alpha^degree s + alpha^bias_degree b at each alpha (m,), nats.

    Many samples on a fine grid are evaluated at fewer alphas, in groups of like size: samples of small log
    odds need the fewest. Inputs are taken as checked.
    """

    def of(rows: slice | NDArray[np.int64]) -> Callable[[Floats], Floats]:
        signal, label = s[rows], y[rows]
        return lambda at: mean_loss(signal, b, label, signal_factors=at**degree, bias_factors=at**bias_degree)

    n, k = s.shape
    if n < _ROWS or len(alphas) < _FINE:
        return of(slice(None))(alphas)
    with np.errstate(over="ignore"):
        steepest = np.abs(s - s[np.arange(n), y][:, None]).max(axis=1)
    order = np.argsort(steepest, kind="stable")
    total = np.zeros(len(alphas))
    for rows in np.array_split(order, min(_GROUPS, n // _ROWS)):
        size = OddsSize(float(steepest[rows].max()), float(np.ptp(b)), degree, bias_degree, k)
        total += len(rows) / n * loss_on_grid(of(rows), size, alphas)
    return total


def _block_loss(
    signal_odds: Floats, bias_odds: Floats, signal_factors: Floats, bias_factors: Floats, n: int
) -> Floats:
    """The block's losses summed, over n; the odds come divided by 4."""
    # Only large positive log odds overflow; e^x of large negative ones is 0, as it should be.
    signal_top, bias_top = max(signal_odds.max(), 0.0), max(bias_odds.max(), 0.0)
    work, shifted = np.empty_like(signal_odds), np.empty_like(signal_odds)
    sums = np.empty(len(signal_factors))
    with np.errstate(under="ignore", over="ignore"):
        for index, (f, g) in enumerate(zip(signal_factors, bias_factors, strict=True)):
            if signal_top * f + bias_top * g <= _SAFE / 4:
                np.multiply(signal_odds, 4 * f, out=work)
                np.multiply(bias_odds, 4 * g, out=shifted)
                work += shifted
                np.exp(work, out=work)
                sums[index] = np.log1p(work.sum(axis=0)).sum() / n
            else:
                np.multiply(signal_odds, f, out=work)
                np.multiply(bias_odds, g, out=shifted)
                work += shifted
                losses = loss_from_log_odds(work * 4) / n
                if np.isinf(losses).any():  # of a sample alone; the mean may be a float64
                    above = np.isinf(losses)
                    losses[above] = work[:, above].max(axis=0) / n * 4  # classes beside the largest add log k
                sums[index] = losses.sum()
    return sums
