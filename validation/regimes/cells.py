"""The map's cells as means over seeds, and the regime of each."""

from __future__ import annotations

import numpy as np
import xarray as xr

from validation.regimes.borders import LEAST_EFFECT

__all__ = ["LONG", "cell_means"]

LONG = 0.2  # of the line: a plateau that ends later is called long, as in C10


def cell_means(dataset: xr.Dataset) -> xr.Dataset:
    """A map's numbers as means over the seeds that have them, nan where none has.

    And for each cell (optimizer, depth, init_scale)

    - `t14_log10_start`: of T14's start of the plateau with a last-layer bias, 1e-6 at the least;
    - `runs`, `missed`: its runs, and those that did not reach their target;
    - `bias_makes_error_plateau`: 1 where the error plateau ends more than `LEAST_EFFECT` later with a
      last-layer bias than without; 0 where not; nan where no pair of runs reached the target;
    - `depth_makes_loss_plateau`: 1 where the loss plateau ends after `LONG` and with a bias within
      `LEAST_EFFECT` of where it ends without; 0 and nan likewise.
    """
    found = dataset.mean("seed")
    reached = dataset["reached"]
    effect, other = found["error_last_minus_none"], found["loss_last_minus_none"]
    long_loss = (found["loss_end"].sel(bias="last", drop=True) > LONG) & (abs(other) <= LEAST_EFFECT)
    start = dataset["t14_start"].sel(bias="last", drop=True)
    return found.assign(
        t14_log10_start=xr.apply_ufunc(np.log10, start.clip(min=1e-6)).mean("seed"),
        runs=reached.notnull().sum(["seed", "bias"]),
        missed=(reached == 0).sum(["seed", "bias"]),
        bias_makes_error_plateau=(effect > LEAST_EFFECT).where(effect.notnull()),
        depth_makes_loss_plateau=long_loss.where(other.notnull()),
    )
