"""The homogeneous prediction of a run (T1 to T3), made once and kept with the run: many claims use it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from mli_theory.homogeneous_path.closed_form import PredictedCurves, predict_curves

__all__ = ["NEAR_ZERO", "meets_the_form", "with_zero_start_curves", "zero_start_curves"]

# Stands for the limit alpha -> 0+: at 0 itself every logit ties and the prediction is wrong by the rule.
NEAR_ZERO = 1e-6


def meets_the_form(run: xr.Dataset) -> bool:
    """Whether the logits of a zero start would be alpha^r s + alpha b.

    A plain network of two or more weight layers, no bias in a hidden layer, no normalisation.
    """
    return (
        run.attrs.get("network", "fcn") == "fcn"
        and run.attrs["bias_mode"] in ("last", "none")
        and int(run.attrs["depth"]) >= 2
    )


def zero_start_curves(
    run: xr.Dataset, bias_path: Literal["linear", "homogeneous"] = "linear"
) -> PredictedCurves:
    """Loss and error that the theory for zero initial weights gives at the run's alphas (0: its limit)."""
    alphas = run["alpha"].to_numpy()
    return predict_curves(
        run["signal"].to_numpy(),
        run["bias"].to_numpy(),
        run["labels"].to_numpy(),
        int(run.attrs["depth"]),
        np.where(alphas == 0, NEAR_ZERO, alphas),
        bias_path=bias_path,
    )


def with_zero_start_curves(run: xr.Dataset) -> xr.Dataset:
    """The run with `zero_start_loss(alpha)` and `zero_start_error(alpha)`, where it meets the form.

    A recorded run, which has no samples, has them already.
    """
    if not meets_the_form(run) or "signal" not in run:
        return run
    found = zero_start_curves(run)
    return run.assign(zero_start_loss=("alpha", found.loss), zero_start_error=("alpha", found.error))
