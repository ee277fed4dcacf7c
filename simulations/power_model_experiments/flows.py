"""What the experiments read from a flow: its end, its diagonal, losses per sample, times of crossing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mli_theory import majority_exit
from mli_theory.cross_entropy import loss_from_log_odds
from simulations.gradient_flow import integrate

__all__ = [
    "ends",
    "learning_times",
    "plateau_length",
    "sample_losses",
    "schedule_errors",
    "signal_one",
    "solve",
    "solve_in_turn",
]

Array = NDArray[np.float64]

# More than most runs have steps: crossings are interpolated between records.
_RECORDS = 1000


def solve(weights: Array, degree: int, final_loss: float, **options: Any) -> xr.Dataset:
    """The flow of a batch (m, k, k) with nearly all of its steps as records."""
    return integrate(weights, degree, final_loss, **{"record": _RECORDS, **options})


def solve_in_turn(
    weights: Array, degree: int, final_losses: Sequence[float], **options: Any
) -> list[tuple[Array, Array]]:
    """(weights (m, k, k), bias (m, k)) at each final loss, largest first, each going on from the last."""
    reached: list[tuple[Array, Array]] = []
    bias = None
    for final_loss in final_losses:
        flow = integrate(weights, degree, final_loss, bias, **options)
        weights, bias = ends(flow)
        reached.append((weights, bias))
    return reached


def ends(flow: xr.Dataset) -> tuple[Array, Array]:
    """The last weights (m, k, k) and biases (m, k)."""
    return flow["weights"].to_numpy()[:, -1], flow["bias"].to_numpy()[:, -1]


def plateau_length(weights: Array, bias: Array, degree: int) -> tuple[float, float]:
    """(beta_min, alpha_2) of a trained state (T2); 1 each where the prediction never changes."""
    alpha = min(1.0, float(majority_exit((weights**degree).T, bias, degree).min()))
    return alpha ** (degree - 1), alpha


def sample_losses(weights: Array, bias: Array, degree: int) -> Array:
    """Loss of each sample (..., k) at weights (..., k, k), biases (..., k); never 1 - p by subtraction."""
    logits = weights**degree + bias[..., :, None]
    k = logits.shape[-1]
    odds = logits - np.diagonal(logits, axis1=-2, axis2=-1)[..., None, :]
    others = np.stack([np.delete(odds[..., j], j, axis=-1) for j in range(k)], axis=-1)
    return loss_from_log_odds(np.moveaxis(others, -2, 0))


def learning_times(weights: Array, degree: int, time: Array) -> Array:
    """Time at which each W_jj^r passes 1 (k,), nan where it never does; weights (record, k, k)."""
    return np.array([signal_one(weights[:, j, j], degree, time) for j in range(weights.shape[-1])])


def schedule_errors(found: Array, predicted: Array) -> Array:
    """Found / predicted - 1 (k,): inf for a class never found, nan for one that is predicted never."""
    timed = np.isfinite(predicted)
    error = np.full(len(found), np.nan)
    error[timed] = np.where(np.isnan(found), np.inf, found)[timed] / predicted[timed] - 1.0
    return error


def signal_one(weights: Array, degree: int, values: Array) -> Array:
    """`values` (record, ...) where W (record,) first passes size 1, nan where it never does.

    Linear in the potential w^(2-r) (log w for r = 2) between records: the flow moves it at a rate of
    size at most 1, so that the time is right to the bend of that rate within one record.
    """
    size = np.abs(weights)
    passed = np.flatnonzero((size[1:] >= 1.0) & (size[:-1] < 1.0))
    if not passed.size:
        return np.full(values.shape[1:], np.nan)
    at = int(passed[0])
    spent = np.log(size[at : at + 2]) if degree == 2 else size[at : at + 2] ** (2.0 - degree) - 1.0
    share = spent[0] / (spent[0] - spent[1])
    return np.asarray(values[at] + share * (values[at + 1] - values[at]))
