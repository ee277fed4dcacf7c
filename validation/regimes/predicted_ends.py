"""Where the laws put the ends of a run's plateaus: M2 from both ends of the line, T13 from the trained end.

m alphas · n samples · k classes · losses in nats. A signal s (n, k), a bias b (k,), labels (n,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp

from validation import metrics

__all__ = ["PredictedEnds", "degree_law_ends", "error_end", "gain_law_ends"]

Floats = NDArray[np.float64]
SPENT = 0.1  # of the fall: `metrics.plateau_end`


class PredictedEnds(NamedTuple):
    """The alphas at which a law has spent a tenth of each curve's fall; nan: it says nothing."""

    loss: float
    error: float


def gain_law_ends(run: xr.Dataset) -> PredictedEnds:
    """M2's: logits g s + alpha b, the gain g from the two checkpoints, as stored with the run."""
    if "endpoint_loss" not in run:
        return PredictedEnds(float("nan"), float("nan"))
    return _ends(run, run["endpoint_loss"].to_numpy(), run["endpoint_error"].to_numpy())


def degree_law_ends(run: xr.Dataset) -> PredictedEnds:
    """T13's: logits alpha^r s + alpha b with r the effective degree at the trained end."""
    if "effective_degree" not in run:
        return PredictedEnds(float("nan"), float("nan"))
    loss, error = _curves(run, float(run["effective_degree"]))
    return _ends(run, loss, error)


def error_end(alphas: Floats, error: Floats, constant: float) -> float:
    """The last alpha at which a tenth of the fall from a constant prediction's error is not yet spent.

    Not `metrics.plateau_end`: M2 puts a little of the trained signal at alpha = 0, which predicts as the
    trained network does, so that its error curve begins low, and rises to the constant's where the bias takes
    over. 0 where it never gets there: the law then has no plateau.

    Args:
        alphas: (m,).
        error: (m,), of the law; its value at 1 is the end of the fall.
        constant: the error of predicting the class of the largest bias for all.
    """
    level = constant - SPENT * (constant - error[-1])
    held = np.flatnonzero(error >= level)
    if held.size == 0:
        return 0.0
    last = int(held[-1])
    if last == len(error) - 1:
        return 1.0
    share = (error[last] - level) / (error[last] - error[last + 1])
    return float(alphas[last] + share * (alphas[last + 1] - alphas[last]))


def _ends(run: xr.Dataset, loss: Floats, error: Floats) -> PredictedEnds:
    alphas, bias, labels = (run[name].to_numpy() for name in ("alpha", "bias", "labels"))
    of_loss = metrics.plateau_end(alphas, loss)
    if np.ptp(bias) == 0:  # the prediction never changes on (0, 1] (T5)
        return PredictedEnds(of_loss, 0.0)
    constant = float(np.mean(labels != int(np.argmax(bias))))
    return PredictedEnds(of_loss, error_end(alphas, error, constant))


def _curves(run: xr.Dataset, degree: float) -> tuple[Floats, Floats]:
    """Loss and error (m,) of alpha^degree s + alpha b; a tie with the label's logit is an error."""
    signal, bias, labels = (run[name].to_numpy() for name in ("signal", "bias", "labels"))
    rows = np.arange(len(labels))
    others = np.arange(len(bias)) != labels[:, None]
    loss, error = [], []
    for alpha in run["alpha"].to_numpy():
        logits = alpha**degree * signal + alpha * bias
        own = logits[rows, labels]
        loss.append(float(np.mean(logsumexp(logits, axis=1) - own)))
        error.append(float(np.mean(own <= logits.max(axis=1, where=others, initial=-np.inf))))
    return np.array(loss), np.array(error)
