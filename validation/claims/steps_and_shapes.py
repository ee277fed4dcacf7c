"""Steps to the target loss and the line's shape, run by run: is MLI about hardness?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from validation.claims.line_shape import end_of_plateau, relative_rise

__all__ = ["QUANTITIES", "SHAPES", "steps_and_shapes"]

SHAPES = {"rise": relative_rise, "plateau_end": end_of_plateau}
"""A curve's largest rise over its fall, and its plateau's end."""

QUANTITIES = ("loss", "error")


def steps_and_shapes(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Of runs at their target loss, those of the linear path.

    Args:
        runs: merged runs with the attribute `arm`, "<experiment>/<label>".

    Returns:
        `steps(arm, seed)` to the target loss; `value(shape, quantity, arm, seed)`, of `SHAPES` and
        `QUANTITIES`. nan where there is no such run at its target, or the curve does not fall. Arms are
        labels, in the order of the runs.
    """
    arms = list(dict.fromkeys(_label(run) for run in runs))
    seeds = sorted({int(run.attrs["seed"]) for run in runs})
    steps = np.full((len(arms), len(seeds)), np.nan)
    value = np.full((len(SHAPES), len(QUANTITIES), *steps.shape), np.nan)
    for run in runs:
        if run.attrs["status"] != "reached":
            continue
        at = arms.index(_label(run)), seeds.index(int(run.attrs["seed"]))
        steps[at] = float(run["steps"])
        for s, shape in enumerate(SHAPES.values()):
            for q, quantity in enumerate(QUANTITIES):
                value[s, q][at] = shape(run, quantity)
    return xr.Dataset(
        {"steps": (("arm", "seed"), steps), "value": (("shape", "quantity", "arm", "seed"), value)},
        coords={"arm": arms, "seed": seeds, "shape": list(SHAPES), "quantity": list(QUANTITIES)},
    )


def _label(run: xr.Dataset) -> str:
    return str(run.attrs["arm"]).rpartition("/")[2]
