"""The cross-entropy of a sample from its log odds, accurate however small or large it is.

Log odds of a sample: z_i - z_y over the k - 1 classes i != y, in nats. The loss is the log of
1 + sum of e^(z_i - z_y): what the label lacks is summed over the other classes and never taken as a
difference from 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["loss_from_log_odds"]

Floats = NDArray[np.float64]


def loss_from_log_odds(log_odds: Floats) -> Floats:
    """The loss in nats, log(1 + sum of e^x), for log odds x along the first axis: (k - 1, ...) -> (...).

    Relative error a few 2^-53 beyond that of e^x, down to losses of 1e-307; inf where a log odd is inf.
    """
    top = np.maximum(log_odds.max(axis=0), 0.0)
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        # top = 0: log1p keeps a loss far below 1e-16. top > 0: the loss is at least top, the sum at least 1.
        others = np.exp(log_odds - top).sum(axis=0)
        held = np.exp(-top) - 1.0
        loss = top + np.log1p(np.where(top > 0, others + held, others))
    return np.where(np.isposinf(top), np.inf, loss)
