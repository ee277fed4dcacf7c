"""The numbers of one run's line that several claims use, so that they mean one thing everywhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from validation import metrics
from validation.claims.observations import curve
from validation.statistics import bootstrap_mean_interval, sign_flip_test

__all__ = ["area", "effect", "end_of_plateau", "held", "relative_rise", "summary"]


def end_of_plateau(run: xr.Dataset, quantity: str, path: str = "linear") -> float:
    """The first alpha at which a tenth of the curve's fall is spent (nan where it does not fall)."""
    return metrics.plateau_end(*curve(run, quantity, path))


def relative_rise(run: xr.Dataset, quantity: str, path: str = "linear") -> float:
    """The curve's largest rise as a share of its fall from alpha 0 to 1 (nan where it does not fall)."""
    _, values = curve(run, quantity, path)
    fall = values[0] - values[-1]
    return metrics.max_rise(values) / float(fall) if fall > 0 else float("nan")


def area(run: xr.Dataset, quantity: str, path: str) -> float:
    """The curve's mean over alpha in [0, 1], by the trapezoidal rule on its grid."""
    alphas, values = curve(run, quantity, path)
    return float(np.trapezoid(values, alphas))


def held(run: xr.Dataset, path: str = "linear") -> metrics.HeldInterval:
    """The longest interval of alpha on which one class has 99 % of the predictions."""
    return metrics.held_interval(*curve(run, "class_share", path))


def summary(values: Mapping[int, float]) -> dict[str, object]:
    """For the evidence: every seed's number and their mean (None where none is finite)."""
    finite = [value for value in values.values() if np.isfinite(value)]
    return {"mean": float(np.mean(finite)) if finite else None, "by_seed": dict(values)}


def effect(values: Mapping[int, float]) -> dict[str, object]:
    """`summary` with the mean's 95 % interval and the exact p of "above 0", both uncorrected."""
    finite = [value for value in values.values() if np.isfinite(value)]
    interval = bootstrap_mean_interval(finite) if finite else None
    return summary(values) | {
        "interval_95_percent": None if interval is None else list(interval),
        "p_above_0_uncorrected": sign_flip_test(finite) if finite else None,
    }
