"""The mean loss along a path z = f s + g b, with scalar factors f and g: many alphas, few passes.

Per sample only the differences to the label's logit enter. They are formed once per block of rows, classes
first, so that the sum over classes adds whole rows; a block stays in the processor's cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mli_theory.cross_entropy import loss_from_log_odds

__all__ = ["mean_loss"]

Floats = NDArray[np.float64]

_ROWS = 4096
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
                sums[index] = (loss_from_log_odds(work * 4) / n).sum()
    return sums
